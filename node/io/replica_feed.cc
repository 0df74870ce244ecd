#include "node/io/replica_feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "common/base/text.h"
#include "common/log/log.h"
#include "common/net/socket.h"
#include "node/replication/psync.h"

namespace holdfast::node {

namespace {

constexpr Seconds kCronPeriod{1};
constexpr size_t kLongestAddress = 255;

ProtocolReply nothing() { return {}; }
ProtocolReply ok() { return {ProtocolReply::Kind::status, "OK"}; }
ProtocolReply error(std::string text) { return {ProtocolReply::Kind::error, std::move(text)}; }
ProtocolReply not_an_integer() { return error("ERR value is not an integer or out of range"); }

std::string host_of(const std::string& address) {
  std::string host = address.substr(0, address.rfind(':'));
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return host;
}

}  // namespace

ReplicaFeed::ReplicaFeed(Environment environment) : env_(std::move(environment)), timer_(env_.io) {
  const Instant now = env_.clock.now();
  next_cron_ = now + kCronPeriod;
  last_ping_ = now;
  alone_since_ = now;
  env_.log.set_wake([this] { schedule_flush(); });
  arm_timer();
}

ReplicaFeed::~ReplicaFeed() {
  *alive_ = false;
  env_.log.set_wake({});  // sessions are left alone: the server may be gone already
  env_.log.stream().set_store(nullptr);
}

// --- The protocol.

ProtocolReply ReplicaFeed::replconf(server::Session& session, std::span<const std::string_view> argv) {
  if (argv.size() % 2 == 0) return error("ERR syntax error");
  for (size_t i = 1; i + 1 < argv.size(); i += 2) {
    const std::string_view option = argv[i], value = argv[i + 1];
    if (iequals(option, "ack")) {
      const auto offset = parse_int64(value);
      if (!offset) return nothing();
      AttachedReplica* replica = table_.find(session.id);
      if (!replica || !replica->attached()) return nothing();
      table_.acknowledge(session.id, *offset, env_.clock.now());
      if (argv.size() > i + 3 && iequals(argv[i + 2], "fack")) {
        if (const auto synced = parse_int64(argv[i + 3])) table_.acknowledge_synced(session.id, *synced);
      }
      // The first sign after a streamed payload: it has loaded it and is ready for the stream.
      if (replica->phase == ReplicaPhase::wait_ack) go_online(session.id);
      acknowledged();
      return nothing();
    }
    if (iequals(option, "getack")) return nothing();  // meaningful in a primary's stream only
    if (iequals(option, "listening-port")) {
      const auto port = parse_int64(value);
      if (!port) return not_an_integer();
      table_.enter(session.id, host_of(session.remote_address())).port = static_cast<uint16_t>(*port);
    } else if (iequals(option, "ip-address")) {
      if (value.size() > kLongestAddress) {
        return error(fmt::format("ERR REPLCONF ip-address provided by replica instance is too long: {} bytes", value.size()));
      }
      table_.enter(session.id, host_of(session.remote_address())).announced_ip = value;
    } else if (iequals(option, "capa")) {
      AttachedReplica& replica = table_.enter(session.id, host_of(session.remote_address()));
      if (iequals(value, "eof")) replica.eof = true;
      if (iequals(value, "psync2")) replica.psync2 = true;
    } else if (iequals(option, "rdb-only")) {
      const auto flag = parse_int64(value);
      if (!flag) return not_an_integer();
      table_.enter(session.id, host_of(session.remote_address())).payload_only = *flag == 1;
    } else if (iequals(option, "rdb-filter-only")) {
      if (!value.empty()) return error(fmt::format("ERR Unsupported rdb-filter-only option: {}", value));
    } else {
      return error(fmt::format("ERR Unrecognized REPLCONF option: {}", option));
    }
  }
  return ok();
}

ProtocolReply ReplicaFeed::psync(server::Session& session, std::span<const std::string_view> argv) {
  const AttachedReplica* known = table_.find(session.id);
  if (known && known->attached()) return nothing();
  if (env_.log.is_replica() && !env_.link_up()) {
    return error("NOMASTERLINK Can't SYNC while not connected with my master");
  }
  const bool old_sync = iequals(argv[0], "sync");
  PsyncDecision decision;
  if (!old_sync) {
    const auto offset = parse_int64(argv[2]);
    if (!offset) return not_an_integer();
    decision = decide_psync(env_.log, argv[1], *offset);
    if (!decision.resume && argv[1] != "?") ++env_.stats.sync_partial_err;
  }
  AttachedReplica& replica = table_.enter(session.id, host_of(session.remote_address()));
  const std::string name = fmt::format(
      "{}:{}", replica.announced_ip.empty() ? replica.peer_ip : replica.announced_ip, replica.port);
  log::notice("Replica {} asks for synchronization", name);
  if (!decision.reason.empty()) log::notice("{}", decision.reason);

  const Instant now = env_.clock.now();
  replica.last_sign = now;
  alone_since_.reset();
  net::set_no_delay(session.file_descriptor(), !env_.config.disable_tcp_nodelay);
  if (decision.resume) {
    ++env_.stats.sync_partial_ok;
    const std::string answer =
        replica.psync2 ? fmt::format("+CONTINUE {}\r\n", env_.log.id().view()) : std::string("+CONTINUE\r\n");
    Attachment& attachment = attach(session, decision.position);
    table_.acknowledge(session.id, decision.position, now);
    log::notice("Partial resynchronization request from {} accepted. Sending {} bytes of backlog starting from offset {}.",
                name, env_.log.offset() - decision.position, decision.position + 1);
    send(attachment, answer);
    go_online(session.id);
    acknowledged();
    return nothing();
  }
  ++env_.stats.sync_full;
  if (!env_.log.active()) {
    env_.log.activate(RunId::random(env_.random));
    log::notice("Replication backlog created, my new replication IDs are '{}' and '{}'", env_.log.id().view(),
                env_.log.id2().view());
    env_.identity_changed();
  }
  replica.phase = ReplicaPhase::wait_snapshot_start;
  Attachment& attachment = attach(session, env_.log.offset());
  attachment.old_sync = old_sync;
  if (job_ && !job_->diskless) {
    log::notice("Waiting for end of BGSAVE for SYNC");
    join(*job_, session.id);
  } else {
    scheduler_.add(session.id, replica.eof, now);
    // From the event loop: the snapshot must not be cut in the middle of a turn.
    schedule_flush();
    arm_timer();
  }
  return nothing();
}

bool ReplicaFeed::is_attached(const server::Session& session) const { return attachments_.contains(session.id); }

ReplicaFeed::Attachment& ReplicaFeed::attach(server::Session& session, int64_t position) {
  session.type = server::ClientType::replica;
  const uint64_t id = session.id;
  Attachment& attachment = attachments_[id];
  attachment.session = &session;
  attachment.source = std::make_unique<ReplicaSource>(
      env_.log.stream(), position,
      ReplicaSource::Events{
          .progress =
              [this, id](size_t bytes) {
                env_.stats.net_repl_output_bytes += bytes;
                AttachedReplica* replica = table_.find(id);
                if (replica && replica->phase == ReplicaPhase::sending) replica->last_sign = env_.clock.now();
              },
          .payload_sent = [this, id] { payload_sent(id); },
          // Later: the source that reports this is still in use.
          .failed =
              [this, id, alive = alive_](const std::string& reason) {
                boost::asio::post(env_.io, [this, id, alive, reason] {
                  if (*alive) drop(id, reason);
                });
              }});
  session.set_output_source(attachment.source.get());
  return attachment;
}

void ReplicaFeed::send(Attachment& attachment, std::string_view text) {
  attachment.session->reply().raw(text);
  attachment.session->output_ready();
}

void ReplicaFeed::session_closed(server::Session& session) {
  const AttachedReplica* replica = table_.find(session.id);
  if (!replica) return;
  if (replica->attached()) log::notice("Connection with replica {}:{} lost.", replica->peer_ip, replica->port);
  detach(session.id);
  table_.erase(session.id);
  refresh_good();
}

// Ends the service, not the connection.
void ReplicaFeed::detach(uint64_t id) {
  scheduler_.remove(id);
  const auto it = attachments_.find(id);
  if (it == attachments_.end()) return;
  it->second.session->set_output_source(nullptr);
  attachments_.erase(it);
  if (attachments_.empty()) alone_since_ = env_.clock.now();
  member_left(id);
}

void ReplicaFeed::drop(uint64_t id, std::string_view reason) {
  const auto it = attachments_.find(id);
  if (it == attachments_.end()) return;
  const AttachedReplica* replica = table_.find(id);
  log::warning("Disconnecting replica {}:{}: {}", replica ? replica->peer_ip : "?", replica ? replica->port : 0, reason);
  it->second.session->close_now();
  detach(id);
  table_.erase(id);
  refresh_good();
}

void ReplicaFeed::disconnect_all(std::string_view reason) {
  while (!attachments_.empty()) drop(attachments_.begin()->first, reason);
}

// --- The stream.

void ReplicaFeed::go_online(uint64_t id) {
  AttachedReplica* replica = table_.find(id);
  const auto it = attachments_.find(id);
  if (!replica || it == attachments_.end()) return;
  replica->phase = ReplicaPhase::online;
  replica->last_sign = env_.clock.now();
  it->second.source->send_stream();
  it->second.session->output_ready();
  log::notice("Synchronization with replica {}:{} succeeded", replica->peer_ip, replica->port);
  refresh_good();
}

void ReplicaFeed::schedule_flush() {
  if (std::exchange(flush_scheduled_, true)) return;
  boost::asio::post(env_.io, [this, alive = alive_] {
    if (*alive) flush();
  });
}

// The end of a turn: what was appended in it goes out, in one send for each replica.
void ReplicaFeed::flush() {
  flush_scheduled_ = false;
  if (std::exchange(getack_wanted_, false)) env_.log.feed_getack(std::exchange(getack_synced_, false));
  poll_full_syncs();
  env_.log.rearm();
  flush_scheduled_ = false;  // what was fed just now is sent just now
  const Instant now = env_.clock.now();
  std::vector<uint64_t> over_limit;
  for (auto& [id, attachment] : attachments_) {
    if (table_.over_limit(id, attachment.source->counted(), now, env_.config)) {
      over_limit.push_back(id);
    } else {
      attachment.session->output_ready();
    }
  }
  for (const uint64_t id : over_limit) drop(id, over_limit_reason());
  if (job_ && job_->diskless) read_pipe();
}

// --- WAIT.

Replication::WaitToken ReplicaFeed::wait(const AckTarget& target, std::optional<Millis> timeout,
                                         std::function<void(std::optional<size_t>)> done) {
  std::optional<Instant> deadline;
  if (timeout) deadline = env_.clock.now() + *timeout;
  const auto token = waits_.add(target, deadline);
  wait_callbacks_.emplace(token, std::move(done));
  if (target.replicas > 0) {
    getack_wanted_ = true;
    getack_synced_ |= target.synced;
    schedule_flush();
  }
  arm_timer();
  return token;
}

void ReplicaFeed::cancel_wait(Replication::WaitToken token) {
  waits_.cancel(token);
  wait_callbacks_.erase(token);
}

void ReplicaFeed::finish_waits(const std::vector<AckWaits::Over>& over) {
  for (const auto& [token, count] : over) {
    auto node = wait_callbacks_.extract(token);
    if (node) node.mapped()(count);
  }
}

void ReplicaFeed::end_waits() {
  for (const uint64_t token : waits_.drain()) {
    auto node = wait_callbacks_.extract(token);
    if (!node) continue;
    boost::asio::post(env_.io, [done = std::move(node.mapped())] { done(std::nullopt); });
  }
}

void ReplicaFeed::acknowledged() {
  refresh_good();
  if (!waits_.empty()) finish_waits(waits_.satisfied(table_, log_synced_));
}

void ReplicaFeed::log_synced(std::optional<uint64_t> offset) {
  log_synced_ = offset;
  if (!waits_.empty()) finish_waits(waits_.satisfied(table_, log_synced_));
}

void ReplicaFeed::refresh_good() { good_ = table_.good(env_.clock.now(), env_.config.min_replicas_max_lag); }

// --- Time.

void ReplicaFeed::settings_changed() {
  if (!spill_) {
    spill_ = make_spill(env_.log.stream(), "stream");
    env_.log.stream().set_store(spill_.get());
  }
  spill_->set_directory(env_.config.directory);
  env_.log.stream().set_spill_limit(env_.config.spill_limit_bytes);
  refresh_good();
  arm_timer();
}

void ReplicaFeed::arm_timer() {
  const Instant now = env_.clock.now();
  Instant next = std::min(next_cron_, waits_.deadline());
  // While another save runs, the wait ends by its end and is looked for by the cron.
  if (!job_ && !scheduler_.empty() && !env_.host.save_running()) next = std::min(next, scheduler_.deadline(env_.config));
  timer_.expires_after(std::max(next - now, Nanos(0)));
  timer_.async_wait([this, alive = alive_](boost::system::error_code failed) {
    if (!failed && *alive) on_timer();
  });
}

void ReplicaFeed::on_timer() {
  const Instant now = env_.clock.now();
  finish_waits(waits_.expired(table_, now));
  poll_full_syncs();
  if (now >= next_cron_) {
    next_cron_ = now + kCronPeriod;
    run_cron();
  }
  arm_timer();
}

void ReplicaFeed::run_cron() {
  const Instant now = env_.clock.now();
  refresh_good();
  for (auto& [id, attachment] : attachments_) {
    AttachedReplica& replica = *table_.find(id);
    // Line ends tell a replica that waits for its snapshot that we are alive, as they tell us of one that loads.
    if (replica.phase == ReplicaPhase::wait_snapshot_start || replica.phase == ReplicaPhase::wait_snapshot_end) {
      send(attachment, "\n");
    }
    if (replica.phase != ReplicaPhase::online) {
      replica.last_sign = std::max(replica.last_sign, attachment.session->last_interaction);
    }
  }
  for (const uint64_t id : table_.silent(now, env_.config.timeout)) drop(id, "it timed out");
  std::erase_if(retired_spills_, [](const auto& spill) { return spill->stopped(); });
  env_.log.stream().retry_spill();
  if (job_ && job_->streamed) job_->streamed->bytes.retry_spill();
  if (!env_.log.is_replica() && !attachments_.empty() && now - last_ping_ >= env_.config.ping_period) {
    last_ping_ = now;
    env_.log.feed_ping();
  }
  if (!attachments_.empty()) schedule_flush();  // soft output limits grow old without any append
  const auto ttl = env_.config.backlog_ttl;
  if (alone_since_ && ttl.count() > 0 && now - *alone_since_ >= ttl && env_.log.active() && !env_.log.is_replica()) {
    env_.log.deactivate(RunId::random(env_.random));
    env_.identity_changed();
    log::notice("Replication backlog freed after {} seconds without connected replicas.", ttl.count());
  }
}

}  // namespace holdfast::node
