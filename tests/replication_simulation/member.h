// One incarnation of a simulated node: the real machines of node/replication, wired as node/io wires them, over simulated
// wires and a tiny data set. Each step is held against the History (see world.h).
//
// Faults are mistakes in this wiring, planted to show that the simulation finds them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/resp/request_parser.h"
#include "node/replication/config.h"
#include "node/replication/failover.h"
#include "node/replication/full_sync_scheduler.h"
#include "node/replication/psync.h"
#include "node/replication/replica_link_machine.h"
#include "node/replication/replica_table.h"
#include "node/replication/replication_log.h"
#include "node/replication/stream_forwarder.h"
#include "tests/replication_simulation/data_set.h"
#include "tests/replication_simulation/wire.h"

namespace holdfast::replication_simulation {

class World;

struct Faults {
  bool second_offset_short = false;       // the former id's last offset is refused
  bool second_offset_ignored = false;     // the former id is accepted at any offset
  bool keep_id_over_restart = false;      // a restarted primary writes on under the old id
  bool acknowledge_received = false;      // before it is applied
  bool forward_inside_transaction = false;
  bool keep_replicas_on_new_id = false;   // nobody is disconnected when the id changes
  bool keep_open_transaction = false;     // a lost link's half of a transaction is forwarded with the next one
  bool snapshot_of_later_data = false;    // the payload holds more than its offset says
  bool forget_select_after_snapshot = false;
  bool hand_over_unasked = false;         // FAILOVER waits for no acknowledgement
};

// What is on the disk of a node: survives its incarnations.
struct Disk {
  struct Position {
    RunId id;
    int64_t offset = 0;
    int stream_db = 0;
  };
  DataSet data;
  std::optional<Position> position;
  std::optional<size_t> follows;  // replicaof of the configuration
};

// A snapshot for replicas: made while time passes, then sent.
struct SnapshotJob {
  bool diskless = false;
  node::HistoryPosition position;
  std::string bytes;
  std::string mark;
  size_t available = 0;  // so much is made; into a file: nothing is sent before all is
  bool failed = false;
  bool complete() const { return available == bytes.size(); }
};

class Member final : public WireEnd {
 public:
  Member(World& world, size_t index, uint64_t incarnation, const node::ReplicationConfig& config);
  ~Member() override;
  void boot(const Disk& disk);

  // Commands.
  void follow(size_t primary);
  void promote();
  void fail_over(const node::FailoverRequest& request);
  void abort_failover();
  void write_something(size_t commands, bool transaction, size_t padding);
  void pause_stream(Nanos duration);
  void ask_for_acks();
  bool can_save() const { return !machine_.loading(); }
  void save(Disk& disk) const;

  bool is_replica() const { return log_.is_replica(); }
  bool link_up() const { return log_.is_replica() && machine_.state() == node::LinkState::connected; }
  const node::ReplicationLog& log() const { return log_; }
  const DataSet& data() const { return data_; }
  std::optional<size_t> follows() const { return follows_; }
  size_t attached() const { return table_.attached(); }
  bool reads_from(WireId wire) const { return primary_wire_ == wire && !loading_; }

  void wire_connected(WireId wire) override;
  void wire_accepted(WireId wire) override;
  void wire_received(WireId wire, std::string_view bytes) override;
  void wire_closed(WireId wire) override;
  void wire_writable(WireId wire) override;

 private:
  // A connection of a replica to this node.
  struct Session {
    WireId wire = 0;
    resp::RequestParser parser;
    std::string input;
    std::string text;  // goes out before anything else
    bool attached = false;
    int64_t place = 0;
    node::StreamBacklog::HoldId hold = 0;
    std::shared_ptr<SnapshotJob> payload;
    size_t payload_at = 0;
    bool header_sent = false;
  };

  // member.cc: as a replica.
  template <class Event>
  void run(Event event);
  void perform(node::LinkActions& actions);
  void perform(node::link_action::Connect& action);
  void perform(node::link_action::Close& action);
  void perform(node::link_action::Send& action);
  void perform(node::link_action::Acknowledge& action);
  void perform(node::link_action::BeginSpool& action);
  void perform(node::link_action::Spool& action);
  void perform(node::link_action::Load& action);
  void perform(node::link_action::Resume& action);
  void perform(node::link_action::Takeover& action);
  void perform(node::Notice& action);
  void follow_now(size_t primary);
  void become_primary();
  void payload_loaded(const node::HistoryPosition& position);
  void finish_load(const node::HistoryPosition& position, bool succeeds, bool lost);
  void process_primary();
  bool execute_stream();
  void execute(std::string_view raw, std::span<const std::string_view> argv);
  void arm_link_timer();
  void check_against_history(std::string_view when);

  // member_failover.cc
  void poll_failover();
  void perform(const node::Failover::Step& step);
  void end_failover();
  bool take_over(Session& session, std::string_view id, int64_t offset);

  // member_feed.cc: as a primary.
  void serve(Session& session, std::span<const std::string_view> argv);
  void replconf(Session& session, std::span<const std::string_view> argv);
  void psync(Session& session, std::string_view id, int64_t offset);
  node::PsyncDecision decide(std::string_view id, int64_t offset);
  void attach(Session& session, int64_t place);
  void detach(Session& session);
  void drop(WireId wire);
  void disconnect_replicas();
  void pump(Session& session);
  void pump_payload(Session& session);
  void pump_all();
  void go_online(Session& session);
  void poll_full_syncs();
  void start_snapshot(const node::FullSyncScheduler::Start& start);
  void join(Session& session);
  void make_snapshot(std::shared_ptr<SnapshotJob> job);
  void arm_sync_timer();
  void cron();
  void feed(int db, std::span<const std::string_view> argv, std::optional<uint64_t> before, std::optional<uint64_t> after);
  void feed_ping();
  void recorded();

  // Later, in this incarnation only.
  template <class Action>
  void after(Nanos delay, Action action);

  World& world_;
  const size_t index_;
  const uint64_t incarnation_;
  node::ReplicationConfig config_;
  node::ReplicationLog log_;
  node::ReplicaLinkMachine machine_;
  node::ReplicaTable table_;
  node::FullSyncScheduler scheduler_;

  DataSet data_;
  StreamSession stream_;  // the primary's
  node::StreamForwarder forwarder_;
  std::optional<size_t> follows_;
  WireId primary_wire_ = 0;
  resp::RequestParser parser_;
  std::string input_;  // of the primary
  std::string spool_;
  bool loading_ = false;
  std::optional<std::optional<size_t>> after_load_;
  Instant paused_until_{};
  Instant link_timer_ = Instant::max();

  std::map<WireId, Session> sessions_;
  std::shared_ptr<SnapshotJob> job_;
  std::set<WireId> job_members_;
  node::Failover failover_;
  uint64_t failover_poll_ = 0;
  Instant failover_began_{};
  bool handed_over_whole_ = false;  // the target was seen to have everything
  Instant data_since_{};            // this node's data has only grown since
  int64_t former_until_ = -1;  // where the id was changed: the former id holds up to here
  Instant last_ping_{};
  std::optional<Instant> alone_since_;
};

}  // namespace holdfast::replication_simulation
