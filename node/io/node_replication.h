// Replication of a running node: the role, and behind it the history, the link to a primary and the feed of replicas.
//
// Implements what the commands call (node/replication/replication.h) over a ReplicationHost. Executor thread only.
// After construction: configure(), then once the data set is loaded restore() when its files named a position, then
// start_as_replica() when the configuration has a primary.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/random.h"
#include "common/fs/file_system.h"
#include "common/time/clock.h"
#include "node/io/replica_feed.h"
#include "node/io/replica_link.h"
#include "node/io/step_down_driver.h"
#include "node/replication/failover.h"
#include "node/replication/host.h"
#include "node/replication/replication.h"
#include "node/replication/replication_log.h"

namespace holdfast::node {

class NodeReplication final : public Replication {
 public:
  NodeReplication(boost::asio::io_context& io, const Clock& clock, RandomSource& random, FileSystem& files,
                  ReplicationHost& host);
  ~NodeReplication() override;

  // The position that the loaded files name. `replica`: the configuration has a primary, so the history is continued as
  // it is; else this is a primary's restart, and it goes on under a new id.
  void restore(const SavedPosition& position, bool replica);
  void start_as_replica(const Endpoint& primary);
  ReplicationLog& log() { return log_; }
  // A snapshot other than replication's own has ended: full resyncs that waited for it may start.
  void save_ended() { feed_.settings_changed(); }
  // CLIENT PAUSE is over: the primary's stream goes on.
  void pause_ended() { link_.pause_ended(); }

  void configure(const ReplicationConfig& config) override;
  bool is_replica() const override { return log_.is_replica(); }
  bool link_up() const override { return log_.is_replica() && link_.state() == LinkState::connected; }
  Endpoint primary() const override { return primary_.value_or(Endpoint{}); }
  Result<std::string> replicaof(std::string_view host, uint16_t port) override;
  void replicaof_no_one() override;
  Result<> failover(std::span<const std::string_view> arguments) override;
  bool failing_over() const override { return failover_.state() != FailoverState::none; }
  RoleReport role() const override;
  std::string info() const override;
  ReplicationStats stats() const override { return stats_; }
  void reset_stats() override { stats_ = {}; }
  ReplicationMemory memory() const override;
  EffectSink& sink() override { return log_; }
  int64_t offset() const override { return log_.offset(); }
  RunId replication_id() const override { return log_.id(); }
  void change_id() override;
  std::optional<SavedPosition> saved_position() const override;
  bool enough_good_replicas() const override { return feed_.enough_good(); }
  size_t acked(int64_t offset) const override { return feed_.acked(offset); }
  size_t acked_synced(int64_t offset) const override { return feed_.acked_synced(offset); }
  WaitToken wait(const AckTarget& target, std::optional<Millis> timeout,
                 std::function<void(std::optional<size_t>)> done) override;
  void log_synced(std::optional<uint64_t> offset) override {
    feed_.log_synced(offset);
    link_.log_synced();
  }
  void cancel_wait(WaitToken token) override { feed_.cancel_wait(token); }
  ProtocolReply replconf(server::Session& session, std::span<const std::string_view> argv) override;
  ProtocolReply psync(server::Session& session, std::span<const std::string_view> argv) override;
  bool is_attached_replica(const server::Session& session) const override { return feed_.is_attached(session); }
  void session_closed(server::Session& session) override { feed_.session_closed(session); }
  void heard_hello(std::string_view message) override { step_down_.heard(message); }
  bool kill_primary_link() override { return link_.kill(); }

 private:
  void follow(const Endpoint& primary);
  void become_primary();
  void identity_changed();
  void load_ended();
  // node_failover.cc
  void poll_failover();
  void perform(const Failover::Step& step);
  void end_failover();
  void on_takeover(const link_action::Takeover& news);
  std::optional<ProtocolReply> take_over(const server::Session& session, std::span<const std::string_view> argv);

  const Clock& clock_;
  RandomSource& random_;
  ReplicationHost& host_;
  ReplicationConfig config_;
  ReplicationStats stats_;
  ReplicationLog log_;
  std::optional<Endpoint> primary_;
  // A change of role that came while a payload was being loaded: nothing, NO ONE, or a primary.
  std::optional<std::optional<Endpoint>> after_load_;
  ReplicaFeed feed_;
  ReplicaLink link_;
  Failover failover_;
  boost::asio::steady_timer failover_timer_;
  StepDownDriver step_down_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // handlers in flight look at it
};

}  // namespace holdfast::node
