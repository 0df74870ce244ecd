// The data node's executor: everything a command may touch, and the path a request takes through it.
//
// It owns the data set, the watched keys, the command table, statistics and the effects on their way to the log and the
// replicas. It has no socket, file or clock of its own: the server hands it requests, the interfaces below do the rest.
// Executor thread only; nothing here blocks but what a command asks for (DEBUG SLEEP, SAVE).
//
// A request goes: look-up, arity, refusals (dispatch.cc, in Redis's order), queueing in MULTI, execution, propagation
// of what changed (effects.h), statistics, MONITOR.
//
// Life: construct, attach() the server, add sinks, then requests may come. Sessions may outlive nothing of this:
// closed() is called for each before the node goes.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/access/catalog.h"
#include "common/base/random.h"
#include "common/server/server.h"
#include "common/time/clock.h"
#include "node/commands/blocked_clients.h"
#include "node/commands/call.h"
#include "node/commands/config.h"
#include "node/commands/debug_switches.h"
#include "node/commands/effects.h"
#include "node/commands/evictor.h"
#include "node/commands/latency.h"
#include "node/commands/local_expiries.h"
#include "node/commands/migration_peers.h"
#include "node/commands/persistence_control.h"
#include "node/commands/process_control.h"
#include "node/commands/slowlog.h"
#include "node/commands/stats.h"
#include "node/commands/unsynced_keys.h"
#include "node/keyspace/expiry_cycle.h"
#include "node/keyspace/keyspace.h"
#include "node/replication/replication.h"
#include "node/transactions/transaction.h"
#include "node/transactions/watch_table.h"

namespace holdfast::node {

// What the node keeps for each client beside the session.
class ClientState final : public server::SessionData {
 public:
  size_t queued_bytes() const override { return transaction.queued_bytes(); }
  size_t memory_bytes() const override {
    return sizeof *this + transaction.queued_bytes() + transaction.watched_bytes();
  }

  Transaction transaction;
  int64_t written_offset = 0;             // the replication offset after this client's last write: WAIT's target
  uint64_t logged_offset = 0;             // and that of the append-only file: WAITAOF's
  Replication::WaitToken wait_token = 0;  // in WAIT or WAITAOF
  bool waits_for_logs = false;            // in WAITAOF
  bool wait_ends = false;                 // that has a timeout
};

// How far a load is, for INFO and the LOADING error.
struct LoadingState {
  WallTime started{};
  uint64_t total_bytes = 0;
  uint64_t loaded_bytes = 0;
  uint64_t rdb_used_memory = 0;  // of the server that wrote the dump, as it says
  bool aside = false;            // into another data set: the present one is served meanwhile
};

class Node final : public server::RequestHandler, private KeyspaceObserver {
 public:
  struct Parts {
    const Clock& clock;
    RandomSource& random;
    Replication& replication;
    PersistenceControl& persistence;
    ProcessControl& process;
    ConfigControl& config;
    MigrationPeers& peers;
  };

  Node(int databases, NodeConfig config, Parts parts);
  ~Node() override;

  // The server must live as long as requests come.
  void attach(server::Server& server);
  server::Server& server() { return *server_; }

  // --- RequestHandler ---
  server::Outcome handle(server::Session& session, std::span<const std::string_view> args) override;
  void expect(server::Session& session, std::span<const std::span<const std::string_view>> requests) override;
  server::Outcome handle_expected(server::Session& session, std::span<const std::string_view> args,
                                  size_t number) override;
  void closed(server::Session& session) override;
  void reset(server::Session& session) override;
  std::string_view role() const override { return is_replica() ? "replica" : "master"; }
  bool kill_primary_link() override { return parts_.replication.kill_primary_link(); }
  bool unblock(server::Session& session, bool with_error) override;
  int64_t queued_commands(const server::Session& session) const override;
  std::string client_flags(const server::Session& session) const override;

  // One command of the primary's stream, or of a log being replayed: through the same path, never refused, replies
  // dropped. `session` is a plain one that keeps the selected database and an open MULTI; reset() it for a new stream.
  void execute_from_primary(server::Session& session, std::span<const std::string_view> args);
  // False when the log holds no such command (a corrupt log, or one of a later version).
  bool execute_from_log(server::Session& session, std::span<const std::string_view> args);
  // The same for a command that expect() was told of under this number.
  bool execute_from_log(server::Session& session, std::span<const std::string_view> args, size_t number);

  // --- What happens without a request ---
  // Each 1000/hz ms: rates; a new cycle of the active expiry begins.
  void tick();
  // The rounds of background work a second, for INFO and the expiry; configure() sets the configured ones.
  void set_hz(int hz) { config_.hz = hz; }
  // Goes on with the active expiry, up to `until` and a few dozen keys. True when there is more to do in this cycle.
  bool expire_slice(Instant until);
  bool expiry_running() const { return expiry_.running() || elements_due_; }
  // What holds until the next call; nullopt: the load is over.
  void set_loading(std::optional<LoadingState> loading) { loading_ = loading; }
  const std::optional<LoadingState>& loading() const { return loading_; }
  // The data set that clients see is being loaded.
  bool loading_in_place() const { return loading_ && !loading_->aside; }
  void configure(const NodeConfig& config);
  // rename-command: before the first request.
  bool rename_command(std::string_view from, std::string_view to) { return table_.rename(from, to); }

  // --- For handlers ---
  const NodeConfig& config() const { return config_; }
  Keyspace& keys() { return keys_; }
  const Keyspace& keys() const { return keys_; }
  Effects& effects() { return effects_; }
  WatchTable& watches() { return watches_; }
  const CommandTable& table() const { return table_; }
  Slowlog& slowlog() { return slowlog_; }
  LatencyMonitor& latency() { return latency_; }
  // An event for the latency monitor, when it took as long as latency-monitor-threshold.
  void note_latency(std::string_view event, Nanos taken);
  Evictor& evictor() { return evictor_; }
  NodeStats& stats() { return stats_; }
  const NodeStats& stats() const { return stats_; }
  RandomSource& random() { return parts_.random; }
  Replication& replication() { return parts_.replication; }
  PersistenceControl& persistence() { return parts_.persistence; }
  ProcessControl& process() { return parts_.process; }
  ConfigControl& config_control() { return parts_.config; }
  MigrationPeers& peers() { return parts_.peers; }
  // Switched on while replies wait for the log; the log's owner ends its turns.
  UnsyncedKeys& unsynced() { return unsynced_; }
  DebugSwitches& debug() { return debug_; }
  const DebugSwitches& debug() const { return debug_; }
  const LocalExpiries& local_expiries() const { return local_expiries_; }
  const Clock& clock() const { return parts_.clock; }
  bool is_replica() const { return parts_.replication.is_replica(); }

  // How far a write of this client has come, for WAIT and WAITAOF.
  void note_write(server::Session& session);
  // WAITAOF's answer: how many of this node's and the replicas' append-only files hold the client's writes on a disk.
  void answer_waitaof(server::Session& session);
  // The client's state; made when first asked for.
  static ClientState& state(server::Session& session);
  static const ClientState* state_if_any(const server::Session& session);

  // --- Commands that wait (blocking.cc) ---
  // The client of `call` waits for one of the keys to be touched, `timeout` at most (0: for ever); then its command is
  // run again, with call.woken set, in which case this changes nothing: it keeps its place. Where nobody can wait (in a
  // transaction, from a log or the primary) `reply` is answered at once. The handler must not have replied.
  struct Blocking {
    bool when_gone = false;                    // run it again also when the key has gone
    std::span<const std::string> run_as = {};  // these words instead of the command's (XREAD with its "$" resolved)
  };
  void block(Call& call, std::span<const std::string_view> keys, Millis timeout, BlockedReply reply, Blocking options);
  void block(Call& call, std::span<const std::string_view> keys, Millis timeout, BlockedReply reply) {
    block(call, keys, timeout, reply, Blocking());
  }
  // Runs the commands that wait for this key again, though the key has not changed (XGROUP DESTROY).
  void wake_waiters(int db, std::string_view key) { blocked_.touched(db, key); }
  // The process's alarm has gone off: answers those whose time is up.
  void end_overdue_waits();
  // This node has become a replica: nobody's wait can end well.
  void end_all_waits();
  size_t waiting_clients() const { return blocked_.size(); }

  // Publishes a keyspace event when notify-keyspace-events asks for its class (kNotifyGeneric ...).
  void notify(uint32_t event_class, std::string_view event, int db, std::string_view key) {
    if ((config_.notify_events & event_class) != 0) publish_event(event, db, key);
  }
  void publish_event(std::string_view event, int db, std::string_view key);
  // Runs the queued commands of EXEC.
  void run_transaction(Call& exec, std::vector<OwnedCommand> commands);
  // In the middle of EXEC: a snapshot taken now would hold a part of it, and the log the whole once more.
  bool in_transaction() const { return in_transaction_; }
  void add_monitor(server::Session& session);
  void set_active_expiry(bool on) { active_expiry_ = on; }
  CompactionState& compaction() { return compaction_; }
  size_t monitor_count() const { return monitors_.size(); }
  void reset_stats();

  // The text of INFO for these sections (none: the default ones), as a client would get it.
  std::string info(std::span<const std::string_view> sections = {});

 private:
  // KeyspaceObserver
  void before_change(int db, std::string_view key, const Entry* before) override;
  void touched(int db, std::string_view key) override;
  void expired(int db, std::string_view key) override;
  void elements_expired(int db, std::string_view key, std::span<const std::string> fields, bool gone) override;
  void missed(int db, std::string_view key) override;
  void before_flush(int db) override;
  void before_swap(int a, int b) override;

  using TableEntry = CommandTable::Entry;

  server::Outcome execute(server::Session& session, std::span<const std::string_view> args, TableEntry& entry,
                          Origin origin);
  // The row of the command or subcommand that takes so many arguments; null: misfit() says why there is none.
  TableEntry* look_up(std::span<const std::string_view> args) const;
  struct Misfit {
    std::string error;
    TableEntry* counted = nullptr;  // the row to charge, if there is one
  };
  Misfit misfit(std::span<const std::string_view> args) const;
  void finish_logged(server::Session& session, std::span<const std::string_view> args);  // drops the reply
  // None of refusal()'s reasons and no pause can be there, nor a transaction: the usual case.
  bool unhindered(const server::Session& session, const TableEntry& entry) const;
  // Redis's checks before execution, in its order; nothing: go on.
  std::optional<std::string> refusal(const server::Session& session, const TableEntry& entry, uint64_t flags,
                                     std::span<const std::string_view> args);
  // Frees memory when there is too little. True: that failed, and this command would need more.
  bool out_of_memory(const TableEntry& entry, uint64_t flags, bool in_multi);
  bool pause_holds(const server::Session& session, uint64_t flags) const;
  void reject(server::Session& session, TableEntry* entry, std::string_view error);
  void run(Call& call, TableEntry& entry);
  // Runs the commands of clients that wait for what has been touched.
  void serve_blocked();
  void try_again(server::Session& session, const BlockedClients::Waiter& waiter, std::string_view key);
  void release_waiter(server::Session& session);
  void forget_waiter(uint64_t client);
  // Null: the client does not wait, or is on its way out.
  server::Session* waiting_session(uint64_t client) const;
  // Answers a waiter that its time is up, or an error.
  void end_wait(server::Session& session, std::string_view error = {});
  // The offset of the log that the reply to this request depends on; UINT64_MAX: all there is.
  uint64_t dependence(const Call& call) const;
  void propagate(const Call& call);
  void expect_objects(std::span<const std::span<const std::string_view>> requests, std::span<const Entry* const> entries);
  void record(const Call& call, TableEntry& entry, Nanos taken, size_t reply_start);
  void count_error(std::string_view reply_line);
  void feed_monitors(const Call& call);
  void begin_keyspace(Origin origin);
  bool may_expire() const;
  // Hides passwords from MONITOR and the slow log.
  static void redact(std::vector<std::string_view>& args);

  NodeConfig config_;
  Parts parts_;
  server::Server* server_ = nullptr;
  Keyspace keys_;
  Effects effects_;
  WatchTable watches_;
  CommandTable table_;
  std::optional<access::Catalog> catalog_;  // of the table before any renaming
  Slowlog slowlog_;
  LatencyMonitor latency_;
  NodeStats stats_;
  Evictor evictor_{*this};
  std::optional<LoadingState> loading_;
  std::vector<server::Session*> monitors_;
  bool active_expiry_ = true;
  DebugSwitches debug_;
  LocalExpiries local_expiries_;
  bool local_write_ = false;  // a client's command is being executed on a replica
  ExpiryCycle expiry_;
  bool elements_due_ = false;  // fields of hashes have expired: the cycle's second part
  Nanos expiry_time_{0};  // spent on this cycle
  CompactionState compaction_;
  UnsyncedKeys unsynced_;
  bool in_transaction_ = false;
  const TableEntry* ping_ = nullptr;
  BlockedClients blocked_;
  std::map<uint64_t, server::Session*> waiting_;  // those of blocked_, by client
  bool serving_blocked_ = false;

  // The pipeline that comes next: what expect() found out.
  struct Expected {
    TableEntry* entry = nullptr;
    bool hashed = false;  // its first key's hash is known
    bool element_hashed = false;
    uint64_t hash = 0;
    uint64_t element_hash = 0;  // of args[spec->element], in the tables of values
  };
  server::Outcome execute_expected(server::Session& session, std::span<const std::string_view> args,
                                   const Expected& expected, Origin origin);
  std::array<Expected, kMostExpected> expected_;
  int expected_db_ = 0;
  uint64_t expected_seed_ = 0;  // of the hashes
  uint64_t expected_for_ = 0;   // the client
};

}  // namespace holdfast::node
