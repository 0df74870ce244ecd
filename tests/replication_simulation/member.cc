#include "tests/replication_simulation/member.h"

#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "common/resp/writer.h"
#include "tests/replication_simulation/world.h"

namespace holdfast::replication_simulation {

using namespace node;

namespace {

constexpr std::string_view kEnd = "end\n";
constexpr resp::RequestLimits kLimits{};

}  // namespace

Member::Member(World& world, size_t index, uint64_t incarnation, const ReplicationConfig& config)
    : world_(world),
      index_(index),
      incarnation_(incarnation),
      config_(config),
      log_(RunId::random(world.random()), config.backlog_size_bytes),
      machine_(config_) {
  alone_since_ = last_ping_ = data_since_ = world_.events().now();
  after(Seconds(1), [this] { cron(); });
}

Member::~Member() = default;

void Member::boot(const Disk& disk) {
  data_ = disk.data;
  if (disk.position) {
    const HistoryPosition position{disk.position->id, disk.position->offset};
    if (disk.follows) {
      log_.restore_as_replica(position);
      stream_ = StreamSession(std::max(0, disk.position->stream_db));
    } else {
      const RunId fresh = world_.faults().keep_id_over_restart ? position.id : RunId::random(world_.random());
      log_.restore_as_primary(position, fresh);
      former_until_ = position.offset;
      world_.history().branch(log_.id(), position.id, position.offset, data_.digest());
    }
    check_against_history("the start from its files");
  }
  if (!disk.follows) return;
  if (!log_.is_replica()) {
    log_.become_replica();
    log_.forget_history();
  }
  follows_ = disk.follows;
  run([&](LinkActions& actions) { machine_.start({"member", static_cast<uint16_t>(*follows_)}, world_.events().now(), actions); });
}

// --- Changes of role.

void Member::follow(size_t primary) {
  if (loading_) {
    after_load_ = std::optional(primary);
    return;
  }
  if (follows_ != primary && failover_.state() == FailoverState::none) follow_now(primary);
}

void Member::follow_now(size_t primary) {
  world_.note(index_, "REPLICAOF member {}", primary);
  follows_ = primary;
  if (!log_.is_replica()) {
    const int db = std::max(0, log_.selected_db());
    if (!log_.active()) world_.history().begin(log_.id(), log_.offset(), data_.digest());
    log_.become_replica();
    stream_ = StreamSession(db);
  }
  run([&](LinkActions& actions) { machine_.start({"member", static_cast<uint16_t>(primary)}, world_.events().now(), actions); });
}

void Member::promote() {
  if (!log_.is_replica() || failover_.state() != FailoverState::none) return;
  if (loading_) {
    after_load_ = std::optional<size_t>();
    return;
  }
  become_primary();
}

void Member::become_primary() {
  run([&](LinkActions& actions) { machine_.stop(actions); });
  follows_.reset();
  const RunId former = log_.id();
  former_until_ = log_.offset();
  log_.become_primary(RunId::random(world_.random()));
  world_.note(index_, "promoted at {}: {} goes on as {}", former_until_, former.view().substr(0, 6), log_.id().view().substr(0, 6));
  // Else its id begins when something is first said about it: until then its data changes without a trace.
  if (log_.active()) world_.history().branch(log_.id(), former, former_until_, data_.digest());
  if (!world_.faults().keep_replicas_on_new_id) disconnect_replicas();
  end_failover();
}

void Member::save(Disk& disk) const {
  disk.data = data_;
  disk.position.reset();
  if (!log_.active()) return;
  disk.position = {log_.id(), log_.offset(), log_.is_replica() ? stream_.db() : log_.selected_db()};
}

void Member::check_against_history(std::string_view when) {
  const auto wanted = world_.history().digest_at(log_.id(), log_.offset());
  if (wanted == data_.digest()) return;
  world_.fail("member {} after {}: {} at {}:{}", index_, when,
              wanted ? "its data is not what that history holds" : "no history has a state", log_.id().view().substr(0, 6),
              log_.offset());
}

// --- The link to the primary.

void Member::arm_link_timer() {
  const Instant deadline = machine_.deadline();
  if (deadline >= link_timer_) return;
  link_timer_ = deadline;
  after(std::max(deadline - world_.events().now(), Nanos(0)), [this, deadline] {
    if (link_timer_ == deadline) link_timer_ = Instant::max();
    if (machine_.deadline() <= world_.events().now()) {
      run([&](LinkActions& actions) { machine_.tick(world_.events().now(), actions); });
    } else {
      arm_link_timer();
    }
  });
}

void Member::perform(LinkActions& actions) {
  for (size_t i = 0; i < actions.size(); ++i) {
    std::visit([this](auto& action) { perform(action); }, actions[i]);
  }
}

void Member::perform(Notice& notice) { world_.note(index_, "{}", notice.text); }

void Member::perform(link_action::Connect& action) { primary_wire_ = world_.wires().connect(index_, action.to.port); }

void Member::perform(link_action::Close&) {
  if (primary_wire_ != 0) world_.wires().close(std::exchange(primary_wire_, 0), index_);
  input_.clear();
  if (!loading_) spool_.clear();
  if (!world_.faults().keep_open_transaction) forwarder_.reset();
}

void Member::perform(link_action::Send& action) { world_.wires().send(primary_wire_, index_, action.bytes); }

void Member::perform(link_action::Acknowledge&) {
  int64_t offset = log_.offset();
  if (world_.faults().acknowledge_received) offset += static_cast<int64_t>(forwarder_.held() + input_.size());
  const std::string number = std::to_string(offset);
  const std::string_view argv[] = {"REPLCONF", "ACK", number};
  std::string bytes;
  resp::Writer(bytes).command(argv);
  world_.wires().send(primary_wire_, index_, bytes);
}

void Member::perform(link_action::BeginSpool&) { spool_.clear(); }

void Member::perform(link_action::Spool& action) {
  spool_ += action.held;
  spool_ += action.data;
}

void Member::perform(link_action::Load& action) {
  loading_ = true;
  const bool fails = world_.faulty_time() && world_.random().chance(0.05);
  const bool lost = fails && world_.random().chance(0.5);
  if (!fails || lost) data_ = {};  // from here on the data set is between two histories
  after(Millis(1 + world_.random().below(60)),
        [this, position = action.position, fails, lost] { finish_load(position, !fails, lost); });
}

void Member::finish_load(const HistoryPosition& position, bool succeeds, bool lost) {
  loading_ = false;
  const std::string payload = std::exchange(spool_, {});
  if (succeeds || lost) {
    disconnect_replicas();
    log_.forget_history();
  }
  if (succeeds) {
    const size_t line = payload.find('\n');
    if (line == std::string::npos || !payload.ends_with(kEnd)) {
      world_.fail("member {}: the payload of {} bytes is not whole", index_, payload.size());
      return;
    }
    data_ = DataSet::parse(std::string_view(payload).substr(line + 1));
    log_.adopt(position);
    data_since_ = world_.events().now();
    former_until_ = -1;
    parser_ = {};
    stream_ = StreamSession(static_cast<int>(parse_int64(std::string_view(payload).substr(0, line)).value_or(0)));
    check_against_history("a full resync");
    run([&](LinkActions& actions) { machine_.loaded(world_.events().now(), actions); });
    process_primary();
  } else {
    run([&](LinkActions& actions) { machine_.load_failed(world_.events().now(), "the disk failed", actions); });
  }
  if (!after_load_) return;
  const auto next = *std::exchange(after_load_, std::nullopt);
  if (next) {
    follow(*next);
  } else {
    promote();
  }
}

void Member::perform(link_action::Resume& action) {
  const RunId former = log_.id();
  if (log_.continued_as(action.new_id)) {
    former_until_ = log_.offset();
    world_.note(index_, "continues {} as {} from {}", former.view().substr(0, 6), log_.id().view().substr(0, 6), log_.offset());
    if (!world_.faults().keep_replicas_on_new_id) disconnect_replicas();
  }
  stream_ = StreamSession(stream_.db());
  check_against_history("a partial resync");
}

void Member::wire_connected(WireId wire) {
  if (wire != primary_wire_) return;
  run([&](LinkActions& actions) {
    machine_.connected(world_.events().now(), log_.resume_position(), actions, failover_.wants_takeover());
  });
}

void Member::process_primary() {
  while (primary_wire_ != 0 && !machine_.loading() && !input_.empty()) {
    if (machine_.state() == LinkState::connected) {
      if (!execute_stream()) return;
      continue;
    }
    const std::string bytes = input_;  // the actions look into it
    const WireId wire = primary_wire_;
    size_t consumed = 0;
    run([&](LinkActions& actions) { consumed = machine_.received(world_.events().now(), bytes, actions); });
    if (wire != primary_wire_) return;
    input_.erase(0, consumed);
    if (machine_.state() == LinkState::connected) parser_ = {};
    if (consumed == 0) return;
  }
}

// False: nothing more can be done with what is there.
bool Member::execute_stream() {
  const Instant now = world_.events().now();
  machine_.stream_activity(now);
  size_t at = 0;
  bool more = true;
  while (more && at < input_.size() && now >= paused_until_) {
    const std::string_view rest = std::string_view(input_).substr(at);
    const auto status = parser_.parse(rest, kLimits);
    if (status == resp::RequestParser::Status::error) {
      world_.fail("member {}: the stream cannot be parsed: {}", index_, parser_.error());
    }
    more = status == resp::RequestParser::Status::request;
    if (!more) break;
    execute(rest.substr(0, parser_.consumed()), parser_.args());
    at += parser_.consumed();
  }
  input_.erase(0, at);
  pump_all();
  return false;
}

void Member::execute(std::string_view raw, std::span<const std::string_view> argv) {
  if (argv.size() >= 2 && iequals(argv[0], "replconf") && iequals(argv[1], "getack")) {
    LinkActions actions{link_action::Acknowledge{}};
    perform(actions);
  } else if (!argv.empty()) {
    stream_.execute(data_, argv);
  }
  const std::string_view whole = world_.faults().forward_inside_transaction ? raw : forwarder_.take(raw, argv);
  if (whole.empty()) return;
  log_.forward(whole);
  if (!world_.faults().forward_inside_transaction) check_against_history("a command of the stream");
}

void Member::pause_stream(Nanos duration) {
  paused_until_ = world_.events().now() + duration;
  after(duration, [this] { process_primary(); });
}

}  // namespace holdfast::replication_simulation
