// Serves clients: accepts them, parses their requests, hands each to a RequestHandler and sends the replies.
//
// One event loop thread (the executor) runs everything here. A turn is what happens between two waits for events; all
// sends happen at its end, after the hook of on_turn_end(). Replies pass the ReplyGate.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/access/denial_log.h"
#include "common/access/users.h"
#include "common/base/result.h"
#include "common/command/command_table.h"
#include "common/net/listener.h"
#include "common/server/acl_file.h"
#include "common/server/client_memory.h"
#include "common/server/io_threads.h"
#include "common/server/pubsub.h"
#include "common/server/reply_gate.h"
#include "common/server/session.h"
#include "common/time/clock.h"

namespace holdfast::server {

class Connection;

// What to do with the request just handed over.
enum class Outcome : uint8_t {
  done,         // dealt with (perhaps the session is now suspended and will be answered later)
  retry_later,  // not touched: hand it over again after Session::resume(); the session is suspended
};

class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  // `args` has at least one element; the views are valid during the call.
  virtual Outcome handle(Session& session, std::span<const std::string_view> args) = 0;
  // These requests of a pipeline (kMostExpected at most) are parsed and come to handle_expected() next, in this order and
  // with their number, unless one of them stops the client: a chance to look them up and to prefetch what they will
  // touch. Nothing may be changed.
  static constexpr size_t kMostExpected = 32;
  virtual void expect(Session& session, std::span<const std::span<const std::string_view>> requests) {
    (void)session, (void)requests;
  }
  virtual Outcome handle_expected(Session& session, std::span<const std::string_view> args, size_t number) {
    (void)number;
    return handle(session, args);
  }
  // The client is gone; `session` is destroyed soon after.
  virtual void closed(Session& session) { (void)session; }
  // Answers of HELLO. An empty role leaves the field out.
  virtual std::string_view mode() const { return "standalone"; }
  virtual std::string_view role() const { return ""; }
  // RESET: what the binary keeps for the client beside the session.
  virtual void reset(Session& session) { (void)session; }
  // CLIENT UNBLOCK: ends a blocking command as its timeout would, or with an error; false: it is in none.
  virtual bool unblock(Session& session, bool with_error) {
    (void)session, (void)with_error;
    return false;
  }
  // CLIENT KILL TYPE master: drops the link to the primary, which is no connection of the server's; false: there is none.
  virtual bool kill_primary_link() { return false; }
  // CLIENT LIST: commands queued in MULTI, or -1; further flag letters.
  virtual int64_t queued_commands(const Session& session) const {
    (void)session;
    return -1;
  }
  virtual std::string client_flags(const Session& session) const {
    (void)session;
    return "";
  }
};

struct OutputLimit {
  uint64_t hard_bytes = 0;  // 0: none
  uint64_t soft_bytes = 0;
  Seconds soft_period{0};
};

// How clients' reply buffers are sized (DEBUG REPLYBUFFER changes it).
struct ReplyBufferSettings {
  static constexpr Nanos kPeakReset = Seconds(5);
  Nanos peak_reset = kPeakReset;  // the most bytes waiting are counted anew so often; negative: never
  bool resizing = true;
};

// Live settings: the owner changes them as CONFIG SET does; they hold from then on.
struct ServerSettings {
  uint32_t max_clients = 10000;
  Seconds idle_timeout{0};  // 0: never
  int tcp_keepalive_seconds = 300;
  bool protected_mode = true;
  int64_t max_bulk_bytes = 512 * 1024 * 1024;
  uint64_t max_query_bytes = 1024 * 1024 * 1024;
  ReplyBufferSettings reply_buffer;
  OutputLimit normal, replica{256 << 20, 64 << 20, Seconds(60)}, pubsub{32 << 20, 8 << 20, Seconds(60)};
};

struct ServerStats {
  uint64_t connections_received = 0;
  uint64_t rejected_connections = 0;
  uint64_t input_bytes = 0, output_bytes = 0;
  uint64_t reads = 0, writes = 0;
  uint64_t threaded_reads = 0, threaded_writes = 0;  // of them by I/O threads
  uint64_t output_limit_disconnections = 0;
  uint64_t query_limit_disconnections = 0;
  uint64_t evicted_clients = 0;
  uint64_t protocol_errors = 0;
  uint64_t reply_buffer_shrinks = 0, reply_buffer_expands = 0;
};

class Server {
 public:
  Server(boost::asio::io_context& io, const Clock& clock, RequestHandler& handler);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  ServerSettings settings;
  ServerStats stats;
  PubSub pubsub;
  access::Users users;
  // Logged in, or nobody needs to be: a password that is taken back holds nobody any more.
  bool admits(const Session& session) const { return session.authenticated || users.open_to_all(); }
  access::DenialLog denials;
  // Where ACL LOAD and SAVE find it; null: there is none.
  const AclFile* acl_file() const { return acl_file_; }
  void use_acl_file(const AclFile& file) { acl_file_ = &file; }

  // Listens on every address (a leading '-' lets an unavailable one pass) in place of the former ones; all or nothing: a
  // failure leaves the former. No addresses or port 0: no TCP.
  Result<> listen_tcp(const std::vector<std::string>& addresses, uint16_t port, int backlog);
  Result<> listen_unix(const std::string& path, unsigned permissions, int backlog);
  bool listens() const { return !tcp_listeners_.empty() || unix_listener_ != nullptr; }
  void stop_listening();

  // Serves an already connected descriptor (takes it over).
  void adopt(int fd);

  // io-threads: so many threads, with the executor, send for many clients at once; `reads`: they receive and parse as
  // well. 1: all by the executor. To be set before clients come.
  void use_io_threads(unsigned threads, bool reads);
  // Whether they had work in the last turn that had any.
  bool io_threads_active() const { return io_threads_active_; }

  // Clients by id, in the order they came.
  const std::map<uint64_t, Connection*>& connections() const { return connections_; }
  Session* find(uint64_t id);
  uint64_t next_client_id() { return next_id_++; }

  // Runs at the end of each turn that has one, before its sends: write the log.
  void on_turn_end(std::function<void()> hook) { turn_end_hook_ = std::move(hook); }
  // Gives this turn an end: the hook runs, then all clients' replies are sent. (Scheduling output asks for one by itself.)
  void request_turn_end();

  ReplyGate& gate() { return gate_; }
  void release_gate(uint64_t offset);
  // What waits can never be released (a failed fsync): those clients are disconnected without a reply.
  void fail_gate();

  // maxmemory-clients in bytes, 0: none. Whoever is too much goes before the next command.
  void limit_client_memory(uint64_t bytes);
  // The session's memory may have changed: counts it, and disconnects the largest clients while all of them together
  // hold too much. Nothing without a limit.
  void count_memory(Session& session) {
    if (client_memory_.limited()) recount_memory(session);
  }

  // CLIENT PAUSE, and what else holds clients back: each purpose ends its own pause only, the strictest counts. The longer
  // of two overlapping pauses of one purpose wins, as in Redis. `until`: Instant::max() is for ever.
  enum class Pause : uint8_t { none, writes, all };
  enum class PausePurpose : uint8_t { client, shutdown, failover };
  void pause(Pause mode, Instant until, PausePurpose purpose = PausePurpose::client);
  void unpause(PausePurpose purpose = PausePurpose::client);
  Pause paused() const { return pause_; }
  // The handler answered retry_later because of a pause: hand the request over again when it ends.
  void hold_until_unpaused(Session& session);
  // Runs whenever a pause has ended, from the event loop.
  void on_unpause(std::function<void()> hook) { unpause_hook_ = std::move(hook); }

  Instant now() const { return now_; }  // of the current event
  Instant refresh_now();
  const Clock& clock() const { return clock_; }
  boost::asio::io_context& io() { return io_; }
  RequestHandler& handler() { return handler_; }

  // For COMMAND.
  void set_commands(const std::vector<command::CommandInfo*>* commands) { commands_ = commands; }
  const std::vector<command::CommandInfo*>& commands() const { return *commands_; }

  const OutputLimit& output_limit(ClientType type) const;

 private:
  void pauses_changed();
  friend class Connection;
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, net::Executor>;

  struct TcpAddresses {
    std::vector<std::string> addresses;
    uint16_t port = 0;
    int backlog = 0;
  };

  Result<> open_tcp(const TcpAddresses& where, std::vector<std::unique_ptr<net::Listener>>& opened);
  void accepted(int fd, bool unix_socket);
  bool reads_in_threads() const { return threads_read_; }
  void schedule_read(Connection& connection);
  void schedule_flush(Connection& connection);
  void schedule_close(Connection& connection);
  void schedule_resume(Connection& connection);
  void resume_scheduled();
  void read_scheduled();
  void flush_scheduled();
  void send_in_threads();
  bool worth_threads(size_t clients);
  void close_scheduled();
  void confirm_later(Connection& connection);
  void confirm_silent();
  void recount_memory(Session& session);
  void evict_clients(const Session* executing);
  void end_turn();
  void start_housekeeping();
  void housekeep(size_t most);

  boost::asio::io_context& io_;
  const Clock& clock_;
  RequestHandler& handler_;
  std::vector<std::unique_ptr<net::Listener>> tcp_listeners_;
  std::unique_ptr<net::Listener> unix_listener_;
  TcpAddresses tcp_addresses_;
  std::map<uint64_t, Connection*> connections_;
  uint64_t next_id_ = 1;
  const AclFile* acl_file_ = nullptr;
  std::vector<Connection*> to_read_, reading_, to_flush_, flushing_, to_close_;
  std::unique_ptr<IoThreads> io_threads_;  // null: none but the executor
  bool threads_read_ = false;
  bool io_threads_active_ = false;
  std::vector<uint64_t> to_resume_;
  std::vector<Connection*> unconfirmed_;  // read empty, and not yet seen silent (Connection::confirm_open)
  bool confirming_ = false;
  uint64_t housekept_ = 0;  // the last client that housekeeping saw in this round
  ClientMemory client_memory_;
  bool turn_end_posted_ = false;
  bool ending_turn_ = false;
  std::function<void()> turn_end_hook_;
  ReplyGate gate_;
  std::vector<Connection*> gated_;
  struct PauseOf {
    Pause mode = Pause::none;
    Instant until;
  };
  std::array<PauseOf, 3> pauses_;  // by purpose
  Pause pause_ = Pause::none;      // the strictest of them
  std::vector<uint64_t> held_by_pause_;
  std::function<void()> unpause_hook_;
  Timer housekeeping_timer_, pause_timer_, confirm_timer_;
  Instant now_;
  const std::vector<command::CommandInfo*>* commands_ = nullptr;
};

}  // namespace holdfast::server
