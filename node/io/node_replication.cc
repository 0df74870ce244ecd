#include "node/io/node_replication.h"

#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "common/log/log.h"
#include "node/io/own_address.h"
#include "node/replication/replication_info.h"

namespace holdfast::node {

namespace {

int64_t whole_seconds(Nanos duration) { return std::chrono::duration_cast<Seconds>(duration).count(); }

}  // namespace

NodeReplication::NodeReplication(boost::asio::io_context& io, const Clock& clock, RandomSource& random, FileSystem& files,
                                 ReplicationHost& host)
    : clock_(clock),
      random_(random),
      host_(host),
      log_(RunId::random(random), config_.backlog_size_bytes),
      feed_({.io = io,
             .clock = clock,
             .random = random,
             .files = files,
             .config = config_,
             .log = log_,
             .host = host,
             .stats = stats_,
             .link_up = [this] { return link_up(); },
             .identity_changed = [this] { identity_changed(); }}),
      link_({.io = io,
             .clock = clock,
             .files = files,
             .config = config_,
             .log = log_,
             .host = host,
             .stats = stats_,
             .disconnect_replicas = [this](std::string_view reason) { feed_.disconnect_all(reason); },
             .identity_changed = [this] { identity_changed(); },
             .load_ended = [this] { load_ended(); },
             .wants_takeover = [this] { return failover_.wants_takeover(); },
             .takeover = [this](const link_action::Takeover& news) { on_takeover(news); }}),
      failover_timer_(io),
      step_down_({.io = io,
                  .clock = clock,
                  .config = config_,
                  .log = log_,
                  .replicas = [this] { return feed_.rows(); },
                  .may_follow = [this] { return !log_.is_replica() && !failing_over(); },
                  .follow = [this](const Endpoint& successor) { return replicaof(successor.host, successor.port); }}) {}

NodeReplication::~NodeReplication() { *alive_ = false; }

void NodeReplication::configure(const ReplicationConfig& config) {
  config_ = config;
  log_.set_backlog_size(config.backlog_size_bytes);
  feed_.settings_changed();
}

// --- The role.

void NodeReplication::restore(const SavedPosition& position, bool replica) {
  if (replica) {
    log_.restore_as_replica({position.id, position.offset});
    host_.begin_primary_stream(std::max(0, position.stream_db));
  } else {
    log_.restore_as_primary({position.id, position.offset}, RunId::random(random_));
    log::notice("Replication history {} is continued from offset {} as {}", position.id.view(), position.offset,
                log_.id().view());
  }
  identity_changed();
}

void NodeReplication::start_as_replica(const Endpoint& primary) {
  if (!log_.is_replica()) {
    log_.become_replica();
    log_.forget_history();  // nothing was replicated yet: ask for everything
  }
  primary_ = primary;
  host_.role_changed(true);
  link_.follow(primary);
  if (log_.resume_position()) link_.history_known();
}

Result<std::string> NodeReplication::replicaof(std::string_view host, uint16_t port) {
  if (port == config_.port && is_own_address(host)) {
    return fail("ERR REPLICAOF would make this server a replica of itself");
  }
  const Endpoint primary{std::string(host), port};
  if (link_.loading()) {
    after_load_ = std::optional(primary);
    return "OK";
  }
  if (primary_ == primary && !link_.refusing()) {
    log::notice("REPLICAOF would result into synchronization with the master we are already connected with. No operation "
                "performed.");
    return "OK Already connected to specified master";
  }
  log::notice("REPLICAOF {}:{} enabled", primary.host, primary.port);
  follow(primary);
  return "OK";
}

void NodeReplication::follow(const Endpoint& primary) {
  const bool was_primary = !log_.is_replica();
  primary_ = primary;
  step_down_.forget();
  if (was_primary) {
    // The history that this node wrote itself is offered to the new primary, which may have come from it.
    const int db = std::max(0, log_.selected_db());
    log_.become_replica();
    host_.begin_primary_stream(db);
    feed_.end_waits();
    host_.role_changed(true);
    identity_changed();
    log::notice("Before turning into a replica, using my own master parameters to synthesize a cached master: I may be able "
                "to synchronize with the new master with just a partial transfer.");
  }
  link_.follow(primary);
}

void NodeReplication::replicaof_no_one() {
  if (!log_.is_replica()) return;
  if (link_.loading()) {
    after_load_ = std::optional<Endpoint>();
    return;
  }
  become_primary();
}

void NodeReplication::become_primary() {
  link_.stop();
  primary_.reset();
  log_.become_primary(RunId::random(random_));
  log::notice("Setting secondary replication ID to {}, valid up to offset: {}. New replication ID is {}", log_.id2().view(),
              log_.second_offset(), log_.id().view());
  // They must learn the new id, or they could continue with another node that still writes the old history. They come
  // back at once and continue.
  feed_.disconnect_all("the replication ID changed");
  identity_changed();
  host_.role_changed(false);
  end_failover();
  log::notice("MASTER MODE enabled");
}

void NodeReplication::change_id() {
  log_.change_id(RunId::random(random_));
  identity_changed();
}

void NodeReplication::load_ended() {
  if (!after_load_) return;
  const auto next = *std::exchange(after_load_, std::nullopt);
  if (next) {
    if (next != primary_) follow(*next);
  } else {
    become_primary();
  }
}

void NodeReplication::identity_changed() {
  if (const auto position = saved_position()) host_.identity_changed(*position);
}

std::optional<Replication::SavedPosition> NodeReplication::saved_position() const {
  if (!log_.active()) return std::nullopt;
  if (log_.is_replica()) return SavedPosition{log_.id(), log_.offset(), host_.primary_stream_db()};
  return SavedPosition{log_.id(), log_.offset(), log_.selected_db()};
}

// --- Reports.

RoleReport NodeReplication::role() const {
  RoleReport report;
  report.replica = log_.is_replica();
  report.offset = log_.offset();
  if (report.replica) {
    report.primary = primary();
    report.link = link_.state();
    if (!link_up()) report.offset = -1;
    return report;
  }
  report.replicas = feed_.rows();
  return report;
}

std::string NodeReplication::info() const {
  std::optional<ReplicaFacts> facts;
  if (log_.is_replica()) {
    const Instant now = clock_.now();
    const ReplicaLinkMachine& machine = link_.machine();
    facts.emplace();
    facts->primary = primary();
    facts->link_up = link_up();
    if (facts->link_up && machine.last_io()) facts->last_io_s = whole_seconds(now - *machine.last_io());
    facts->sync_in_progress = machine.state() == LinkState::sync;
    if (const auto transfer = machine.transfer()) {
      facts->sync_total_bytes = transfer->total_bytes;
      facts->sync_read_bytes = transfer->read_bytes;
      if (machine.last_io()) facts->sync_last_io_s = whole_seconds(now - *machine.last_io());
    }
    if (machine.down_since()) facts->down_since_s = whole_seconds(now - *machine.down_since());
    facts->read_offset = link_.read_offset();
  }
  return replication_info(log_, config_, facts, feed_.rows(), feed_.good(), failover_.state());
}

ReplicationMemory NodeReplication::memory() const {
  return {.backlog_size = config_.backlog_size_bytes,
          .stream_bytes = log_.active() ? log_.stream().memory_bytes() : 0,
          .attached = feed_.attached() > 0,
          .payload_bytes = feed_.payload_bytes()};
}

// --- The primary's side.

Replication::WaitToken NodeReplication::wait(const AckTarget& target, std::optional<Millis> timeout,
                                             std::function<void(std::optional<size_t>)> done) {
  return feed_.wait(target, timeout, std::move(done));
}

ProtocolReply NodeReplication::replconf(server::Session& session, std::span<const std::string_view> argv) {
  const ProtocolReply reply = feed_.replconf(session, argv);
  if (failover_.state() == FailoverState::waiting_for_sync) poll_failover();
  return reply;
}

ProtocolReply NodeReplication::psync(server::Session& session, std::span<const std::string_view> argv) {
  if (argv.size() > 3 && iequals(argv[3], "failover")) {
    if (auto refused = take_over(session, argv)) return *refused;
  }
  return feed_.psync(session, argv);
}

}  // namespace holdfast::node
