// A simulated node as the primary of others: PSYNC, payloads, the stream, acknowledgements, pings and timeouts.
#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "common/resp/writer.h"
#include "tests/replication_simulation/member.h"
#include "tests/replication_simulation/world.h"

namespace holdfast::replication_simulation {

using namespace node;

namespace {

constexpr size_t kWindow = 16 * 1024;  // what the network takes before the receiver has read
constexpr resp::RequestLimits kLimits{};

}  // namespace

// --- The stream.

void Member::feed(int db, std::span<const std::string_view> argv, std::optional<uint64_t> before,
                  std::optional<uint64_t> digest) {
  if (!log_.listening()) return;
  std::string encoded;
  resp::Writer(encoded).command(argv);
  const int64_t begin = log_.offset();
  log_.feed(db, argv);
  const int64_t command = log_.offset() - static_cast<int64_t>(encoded.size());
  bool sound = true;
  if (before && command > begin) sound = world_.history().write(log_.id(), command, *before);  // behind a SELECT
  if (digest) sound = sound && world_.history().write(log_.id(), log_.offset(), *digest);
  if (!sound) world_.fail("member {} writes {} a second time at {}", index_, log_.id().view().substr(0, 6), begin);
}

void Member::recorded() {
  if (!world_.history().write(log_.id(), log_.offset(), data_.digest())) {
    world_.fail("member {} writes {} a second time at {}", index_, log_.id().view().substr(0, 6), log_.offset());
  }
}

void Member::write_something(size_t commands, bool transaction, size_t padding) {
  if (log_.is_replica() || loading_ || failover_.state() != FailoverState::none) return;
  RandomSource& random = world_.random();
  const auto any_db = [&] { return static_cast<int>(random.below(kDatabases)); };
  const std::string_view multi[] = {"MULTI"}, exec[] = {"EXEC"};
  const uint64_t first = data_.digest();
  int db = any_db();
  if (transaction) feed(db, multi, first, std::nullopt);
  for (size_t i = 0; i < commands; ++i) {
    ++world_.outcome().commands;
    const uint64_t before = data_.digest();
    const std::string key = std::to_string(random.below(kKeys)), number = std::to_string(random.next() >> 1);
    const std::string pad(random.below(padding + 1), 'p');
    const std::string_view command[] = {random.chance(0.3) ? "SET" : "MIX", key, number, pad};
    if (random.chance(0.3)) db = any_db();
    data_.apply(db, command);
    feed(db, command, transaction ? std::nullopt : std::optional(before), transaction ? std::nullopt : std::optional(data_.digest()));
  }
  if (transaction) feed(db, exec, std::nullopt, data_.digest());
  pump_all();
}

void Member::ask_for_acks() {
  if (!log_.listening() || loading_) return;
  log_.feed_getack(false);
  recorded();
  pump_all();
}

void Member::feed_ping() {
  log_.feed_ping();
  recorded();
}

// --- Connections.

void Member::wire_accepted(WireId wire) { sessions_[wire].wire = wire; }

void Member::wire_received(WireId wire, std::string_view bytes) {
  if (wire == primary_wire_) {
    input_ += bytes;
    process_primary();
    return;
  }
  const auto it = sessions_.find(wire);
  if (it == sessions_.end()) return;
  AttachedReplica* replica = table_.find(wire);
  if (replica && replica->phase != ReplicaPhase::online) replica->last_sign = world_.events().now();
  it->second.input += bytes;
  while (sessions_.contains(wire) && !it->second.input.empty()) {
    Session& session = it->second;
    if (session.parser.parse(session.input, kLimits) != resp::RequestParser::Status::request) break;
    const std::string request = session.input.substr(0, session.parser.consumed());
    session.input.erase(0, request.size());
    session.parser = {};
    resp::RequestParser again;
    if (again.parse(request, kLimits) == resp::RequestParser::Status::request && !again.args().empty()) {
      serve(session, again.args());
    }
  }
}

void Member::wire_closed(WireId wire) {
  if (wire == primary_wire_) {
    run([&](LinkActions& actions) { machine_.connection_lost(world_.events().now(), "closed", actions); });
    return;
  }
  const auto it = sessions_.find(wire);
  if (it == sessions_.end()) return;
  detach(it->second);
  table_.erase(wire);
  sessions_.erase(wire);
}

void Member::wire_writable(WireId wire) {
  const auto it = sessions_.find(wire);
  if (it != sessions_.end()) pump(it->second);
}

// --- The protocol.

void Member::serve(Session& session, std::span<const std::string_view> argv) {
  if (argv[0] == "REPLCONF") {
    replconf(session, argv);
  } else if (loading_) {
    session.text += "-LOADING Redis is loading the dataset in memory\r\n";
  } else if (argv[0] == "PING") {
    session.text += "+PONG\r\n";
  } else if (argv[0] == "PSYNC") {
    const int64_t offset = parse_int64(argv[2]).value_or(0);
    if (argv.size() == 3 || take_over(session, argv[1], offset)) psync(session, argv[1], offset);
  }
  pump(session);
}

void Member::replconf(Session& session, std::span<const std::string_view> argv) {
  const Instant now = world_.events().now();
  if (argv[1] == "ACK") {
    AttachedReplica* replica = table_.find(session.wire);
    if (!replica || !replica->attached()) return;
    const int64_t offset = parse_int64(argv[2]).value_or(0);
    const Member* peer = world_.peer(session.wire, *this);
    if (peer && peer->reads_from(session.wire) && peer->log().offset() < offset) {
      world_.fail("member {} was told of {} by one that has applied {}", index_, offset, peer->log().offset());
    }
    table_.acknowledge(session.wire, offset, now);
    if (replica->phase == ReplicaPhase::wait_ack) go_online(session);
    if (failover_.state() == FailoverState::waiting_for_sync) poll_failover();
    return;
  }
  for (size_t i = 1; i + 1 < argv.size(); i += 2) {
    AttachedReplica& replica = table_.enter(session.wire, "member");
    if (argv[i] == "listening-port") replica.port = static_cast<uint16_t>(parse_uint64(argv[i + 1]).value_or(0));
    if (argv[i] == "capa" && argv[i + 1] == "eof") replica.eof = true;
    if (argv[i] == "capa" && argv[i + 1] == "psync2") replica.psync2 = true;
  }
  session.text += "+OK\r\n";
}

PsyncDecision Member::decide(std::string_view id, int64_t offset) {
  PsyncDecision decision = decide_psync(log_, id, offset);
  const bool second = !log_.id2().is_zero() && id == log_.id2().view() && id != log_.id().view();
  if (world_.faults().second_offset_short && decision.resume && second && decision.position == former_until_) decision = {};
  if (world_.faults().second_offset_ignored && second && log_.active() && offset > 0 && log_.stream().covers(offset - 1)) {
    decision = {.resume = true, .position = offset - 1};
  }
  const auto asked = RunId::parse(id);
  if (decision.resume && !world_.history().is_prefix(log_.id(), *asked, decision.position)) {
    world_.fail("member {} grants a partial resync from {}:{}, which its history {} does not hold", index_, id.substr(0, 6),
                decision.position, log_.id().view().substr(0, 6));
  }
  const bool known = asked && (asked == log_.id() || (second && offset - 1 <= former_until_));
  if (!decision.resume && known && log_.active() && offset > 0 && log_.stream().covers(offset - 1)) {
    world_.fail("member {} refuses a partial resync from {}:{} that it could give", index_, id.substr(0, 6), offset - 1);
  }
  return decision;
}

void Member::psync(Session& session, std::string_view id, int64_t offset) {
  const Instant now = world_.events().now();
  if (log_.is_replica() && !link_up()) {
    session.text += "-NOMASTERLINK Can't SYNC while not connected with my master\r\n";
    return;
  }
  const PsyncDecision decision = decide(id, offset);
  AttachedReplica& replica = table_.enter(session.wire, "member");
  replica.last_sign = now;
  alone_since_.reset();
  if (decision.resume) {
    ++world_.outcome().partial;
    attach(session, decision.position);
    table_.acknowledge(session.wire, decision.position, now);
    session.text += fmt::format("+CONTINUE {}\r\n", log_.id().view());
    go_online(session);
    return;
  }
  ++world_.outcome().full;
  if (!log_.active()) {
    log_.activate(RunId::random(world_.random()));
    if (!log_.is_replica()) world_.history().begin(log_.id(), log_.offset(), data_.digest());
  }
  replica.phase = ReplicaPhase::wait_snapshot_start;
  attach(session, log_.offset());
  if (job_ && !job_->diskless) {
    join(session);
  } else {
    scheduler_.add(session.wire, replica.eof, now);
    arm_sync_timer();
  }
}

void Member::attach(Session& session, int64_t place) {
  if (session.attached) log_.stream().release(session.hold);
  session.attached = true;
  session.place = place;
  session.hold = log_.stream().hold(place);
}

void Member::detach(Session& session) {
  scheduler_.remove(session.wire);
  if (!session.attached) return;
  session.attached = false;
  log_.stream().release(session.hold);
  if (table_.attached() <= 1) alone_since_ = world_.events().now();
  if (job_members_.erase(session.wire) == 1 && job_members_.empty()) job_.reset();
}

void Member::drop(WireId wire) {
  const auto it = sessions_.find(wire);
  if (it == sessions_.end()) return;
  world_.wires().close(wire, index_);
  detach(it->second);
  table_.erase(wire);
  sessions_.erase(it);
}

void Member::disconnect_replicas() {
  std::vector<WireId> attached;
  for (const auto& [wire, session] : sessions_) {
    if (session.attached) attached.push_back(wire);
  }
  for (const WireId wire : attached) drop(wire);
}

void Member::go_online(Session& session) {
  AttachedReplica& replica = *table_.find(session.wire);
  replica.phase = ReplicaPhase::online;
  replica.last_sign = world_.events().now();
  session.payload.reset();
  pump(session);
}

void Member::pump_all() {
  for (auto& [wire, session] : sessions_) pump(session);
}

void Member::pump(Session& session) {
  Wires& wires = world_.wires();
  if (!session.text.empty()) wires.send(session.wire, index_, std::exchange(session.text, {}));
  if (!session.attached) return;
  if (table_.find(session.wire)->phase == ReplicaPhase::sending) pump_payload(session);
  if (table_.find(session.wire)->phase != ReplicaPhase::online) return;
  while (wires.in_flight(session.wire, index_) < kWindow) {
    const auto bytes = log_.stream().at(session.place);
    const size_t count = std::min(bytes.size(), kWindow - wires.in_flight(session.wire, index_));
    if (count == 0) return;
    wires.send(session.wire, index_, {bytes.data(), count});
    session.place += static_cast<int64_t>(count);
    log_.stream().move_hold(session.hold, session.place);
    if (wires.in_flight(session.wire, index_) == 0) return;  // it is gone, and does not know yet
  }
}

// --- Full resyncs.

void Member::pump_payload(Session& session) {
  Wires& wires = world_.wires();
  const SnapshotJob& job = *session.payload;
  if (!job.diskless && !job.complete()) return;
  if (!std::exchange(session.header_sent, true)) {
    wires.send(session.wire, index_, job.diskless ? fmt::format("$EOF:{}\r\n", job.mark) : fmt::format("${}\r\n", job.bytes.size()));
  }
  const size_t room = kWindow - std::min(kWindow, wires.in_flight(session.wire, index_));
  const size_t count = std::min(room, job.available - session.payload_at);
  wires.send(session.wire, index_, std::string_view(job.bytes).substr(session.payload_at, count));
  session.payload_at += count;
  AttachedReplica& replica = *table_.find(session.wire);
  if (count > 0) replica.last_sign = world_.events().now();
  if (!job.complete() || session.payload_at < job.bytes.size()) return;
  if (job.diskless) {
    wires.send(session.wire, index_, job.mark);
    replica.phase = ReplicaPhase::wait_ack;
  } else {
    go_online(session);
  }
}

void Member::arm_sync_timer() {
  if (job_ || scheduler_.empty()) return;
  const Nanos delay = std::max(scheduler_.deadline(config_) - world_.events().now(), Nanos(0));
  after(delay, [this] { poll_full_syncs(); });
}

void Member::poll_full_syncs() {
  if (job_ || loading_ || scheduler_.empty()) return;
  const auto start = scheduler_.poll(world_.events().now(), config_, false);
  if (start) start_snapshot(*start);
}

void Member::start_snapshot(const FullSyncScheduler::Start& start) {
  int stream_db = log_.is_replica() ? stream_.db() : std::max(0, log_.selected_db());
  if (world_.faults().forget_select_after_snapshot) {
    stream_db = 0;
  } else if (!log_.is_replica()) {
    log_.select_again();
  }
  job_ = std::make_shared<SnapshotJob>();
  job_->diskless = start.diskless;
  job_->position = {log_.id(), log_.offset()};
  job_->mark = RunId::random(world_.random()).str();
  const auto content = [this, stream_db] {
    std::string text = fmt::format("{}\n{}", stream_db, data_.serialize());
    text += std::string(world_.random().below(world_.random().chance(0.2) ? 60000 : 500), 'p') + "\nend\n";
    return text;
  };
  if (!world_.faults().snapshot_of_later_data) job_->bytes = content();
  for (const uint64_t wire : start.members) {
    const auto it = sessions_.find(wire);
    if (it != sessions_.end() && it->second.attached) join(it->second);
  }
  after(Millis(1 + world_.random().below(40)), [this, job = job_, content] {
    if (job->bytes.empty()) job->bytes = content();
    make_snapshot(job);
  });
}

void Member::join(Session& session) {
  AttachedReplica& replica = *table_.find(session.wire);
  attach(session, job_->position.offset);
  job_members_.insert(session.wire);
  session.payload = job_;
  session.payload_at = 0;
  session.header_sent = false;
  session.text += fmt::format("+FULLRESYNC {} {}\r\n", job_->position.id.view(), job_->position.offset);
  replica.last_sign = world_.events().now();
  replica.phase = job_->diskless ? ReplicaPhase::sending : ReplicaPhase::wait_snapshot_end;
  pump(session);
}

// A piece at a time; the job may have been given up meanwhile.
void Member::make_snapshot(std::shared_ptr<SnapshotJob> job) {
  if (job != job_) return;
  if (world_.faulty_time() && world_.random().chance(0.02)) {  // the disk is full
    const auto members = std::exchange(job_members_, {});
    job_.reset();
    for (const WireId wire : members) drop(wire);
    arm_sync_timer();
    return;
  }
  job->available = std::min(job->bytes.size(), job->available + 1 + world_.random().below(30000));
  const bool complete = job->complete();
  const auto members = job_members_;
  if (complete) {
    job_members_.clear();
    job_.reset();
  }
  for (const WireId wire : members) {
    AttachedReplica& replica = *table_.find(wire);
    if (complete && !job->diskless) replica.phase = ReplicaPhase::sending;
    pump(sessions_.at(wire));
  }
  if (complete) {
    arm_sync_timer();
  } else {
    after(Millis(1 + world_.random().below(30)), [this, job] { make_snapshot(job); });
  }
}

// --- Time.

void Member::cron() {
  const Instant now = world_.events().now();
  after(Seconds(1), [this] { cron(); });
  for (auto& [wire, session] : sessions_) {
    const AttachedReplica* replica = table_.find(wire);
    if (!replica) continue;
    if (replica->phase == ReplicaPhase::wait_snapshot_start || replica->phase == ReplicaPhase::wait_snapshot_end) {
      session.text += "\n";
    }
  }
  for (const WireId wire : table_.silent(now, config_.timeout)) drop(wire);
  if (!log_.is_replica() && table_.attached() > 0 && now - last_ping_ >= config_.ping_period) {
    last_ping_ = now;
    feed_ping();
  }
  pump_all();
  poll_full_syncs();
  if (alone_since_ && table_.attached() == 0 && config_.backlog_ttl.count() > 0 && now - *alone_since_ >= config_.backlog_ttl &&
      log_.active() && !log_.is_replica()) {
    log_.deactivate(RunId::random(world_.random()));
    world_.note(index_, "backlog freed");
  }
}

}  // namespace holdfast::replication_simulation
