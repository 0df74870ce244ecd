// The running sentinel: drives the pure core with real sockets, time and files, and serves clients. One thread runs all
// of it (the executor); only the HTTP endpoint has a thread of its own, which reads published snapshots.
//
// Holds no policy. Every event (reply, hello, client's request, timer) goes to the core at once and its Actions are
// carried out at once, in their order: save, send, send what depended on the save, report. There is one timer, at the
// moment the core names; the once-a-second housekeeping serves statistics only.
//
// Errors of start() are those of listening, saving the first state or the HTTP port: the process cannot run. Later ones
// (a failed save, a lost link) are logged, counted and told to the core.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/http/server.h"
#include "common/server/server.h"
#include "sentinel/commands/dispatch.h"
#include "sentinel/commands/host.h"
#include "sentinel/io/event_log.h"
#include "sentinel/io/failover_history.h"
#include "sentinel/io/links.h"
#include "sentinel/io/record_file.h"
#include "sentinel/io/script_runner.h"
#include "sentinel/state/state_store.h"

namespace holdfast::sentinel {

class SentinelServer final : public Host, private LinkListener {
 public:
  struct Users {
    std::vector<config::Words> lines;   // `user ...` of the conf file
    std::vector<std::string> included;  // those of them that are in other files
    std::string file;                   // aclfile; "" = none
    std::string password;               // requirepass
    bool all_channels = false;          // acl-pubsub-default
    size_t log_length = 128;            // acllog-max-len
  };
  struct Options {
    PersistentState state;
    std::vector<std::string> bind;
    uint16_t port = 26379;
    int backlog = 511;
    std::string unix_socket;  // "" = none
    unsigned unix_socket_permissions = 0;
    server::ServerSettings clients;
    Users users;
    std::vector<std::pair<std::string, std::string>> renamed_commands;  // from, to ("" = switched off)
    Links::Options links;
    http::ServerOptions http;
    ProcessFacts facts;
    uint64_t seed = 0;
  };

  // `store`, `fs` and `clock` outlive the server.
  SentinelServer(boost::asio::io_context& io, const Clock& clock, FileSystem& fs, StateStore& store, Options options);
  ~SentinelServer() override;

  Result<> start();
  // Stops listening and closes all links; run() of the io_context then returns. The reason is logged.
  void request_shutdown(std::string_view reason) override;

  // Host
  Sentinel& core() override { return core_; }
  Result<> perform(Actions actions) override;
  bool catching_up() const override { return catching_up_; }
  const ProcessFacts& facts() const override { return options_.facts; }
  const CachedInfo* cached_info(const Endpoint& address) const override { return links_.cached_info(address); }
  const ScriptQueue& scripts() const override { return scripts_.queue(); }
  unsigned simulated_failures() const override { return simulated_failures_; }
  std::vector<FailoverRecord> failover_history(std::string_view primary) const override { return history_.of(primary); }
  void simulate_failures(unsigned flags) override { simulated_failures_ = flags; }

 private:
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, net::Executor>;

  // LinkListener
  void link_up(LinkId link, const std::string& local_ip) override;
  void link_down(LinkId link, const Error& reason) override;
  void name_resolved(const std::string& name, const std::vector<std::string>& addresses) override;
  void link_hello(LinkId link, std::string_view text) override;
  void link_replied(LinkId link, RequestId request, std::span<const Reply> replies) override;

  // Runs one event of the core and what follows from it, and takes its time.
  template <class Event>
  void drive(const Event& event);
  Result<> load_users();
  std::vector<config::OwnedLine> user_lines() const;
  Result<> save(const PersistentState& state);
  void settle();
  void settle_later(Nanos pause);
  void announce(const Notice& notice);
  void keep(FailoverRecord record);
  int64_t started_ms(const FailoverRecord& record) const;  // Unix time
  void crash_if_simulated(const std::vector<Notice>& notices) const;
  void arm_timer();
  void housekeep();
  void publish_soon();
  void publish();

  boost::asio::io_context& io_;
  const Clock& clock_;
  StateStore& store_;
  const Options options_;
  Sentinel core_;
  Links links_;
  ScriptRunner scripts_;
  Dispatcher dispatcher_;
  server::Server server_;
  server::AclFile acl_file_;
  std::unique_ptr<http::Server> http_;
  Timer core_timer_, housekeeping_timer_, publish_timer_, settle_timer_;
  std::optional<Instant> timer_at_;  // what core_timer_ waits for

  FailoverHistory history_;
  RecordFile record_file_;
  EventLog events_;
  metrics::LatencyHistogram stalls_;
  uint64_t save_errors_ = 0;
  unsigned simulated_failures_ = 0;
  bool stopping_ = false;
  bool catching_up_ = true;
  bool publish_planned_ = false;
  bool settle_planned_ = false;
  Instant published_;
  Instant sweep_at_;
};

}  // namespace holdfast::sentinel
