// The data node, put together: event loop, server, node, persistence, replication, HTTP.
//
// One object for the life of the process, used by main's thread, which becomes the executor in run().
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "common/base/random.h"
#include "common/config/registry.h"
#include "common/fs/file_system.h"
#include "common/http/server.h"
#include "common/process/tuning.h"
#include "common/server/server.h"
#include "common/time/clock.h"
#include "node/commands/node.h"
#include "node/io/background_driver.h"
#include "node/io/compactor.h"
#include "node/io/config_driver.h"
#include "node/io/lazy_free.h"
#include "node/io/migration_sockets.h"
#include "node/io/node_replication.h"
#include "node/io/persistence_driver.h"
#include "node/io/process_driver.h"
#include "node/io/purge_thread.h"
#include "node/io/replication_host.h"
#include "node/metrics/node_facts.h"
#include "node/options/node_options.h"

namespace holdfast::node {

class NodeServer {
 public:
  // `options` are loaded; the registry is bound to them. `config_file` "" = none.
  NodeServer(NodeOptions& options, config::Registry& registry, std::string config_file);
  ~NodeServer() { persistence_.stop(); }  // before the data set goes

  // Listens, loads the data set, serves until a shutdown. An error: the process must end with exit status 1 (the log
  // says why).
  Result<> run();

 private:
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, net::Executor>;

  void tune_process();
  Result<> apply_oom_score(size_t role);
  Result<> listen();
  Result<> start_http();
  void register_changes();
  void configure_parts();
  void show_title() const;
  Result<> rename_commands();
  Result<> load_users();
  void start_ticking();
  void tick();
  void start_publishing();
  void publish_facts();
  void wait_for_signals();
  void log_ready() const;

  NodeOptions& options_;
  config::Registry& registry_;
  const std::string config_file_;
  // One thread runs it; others only post.
  boost::asio::io_context io_{net::kOneThread};
  SystemClock clock_;
  PosixFileSystem fs_;
  SeededRandom random_;
  process::OomScore oom_score_;
  ConfigDriver config_;
  PersistenceDriver persistence_;
  ProcessDriver process_;
  ReplicationHostDriver replication_host_;
  NodeReplication replication_;
  MigrationSockets migration_;
  LazyFree lazy_free_;
  PurgeThread purge_;
  Node node_;
  server::Server server_;
  server::AclFile acl_file_;
  BackgroundDriver background_;
  Compactor compactor_;
  SlicePlanner::TaskId expiry_;
  std::unique_ptr<http::Server> http_;
  boost::asio::signal_set signals_;
  Timer tick_timer_, publish_timer_;
  bool started_ = false;
  bool interrupted_ = false;
  metrics::LatencyHistogram stalls_;
  Instant tick_due_;
  int hz_ = 10;  // in effect
};

}  // namespace holdfast::node
