#include "node/commands/node.h"

#include "common/base/assert.h"
#include "node/commands/rows.h"

namespace holdfast::node {
namespace {

// Of a writable replica's own keys, at each round.
constexpr size_t kLocalExpirySlice = 64;
// Expired fields of hashes, between two looks at the clock.
constexpr size_t kElementsAtOnce = 64;

}  // namespace

Node::Node(int databases, NodeConfig config, Parts parts)
    : config_(std::move(config)), parts_(parts), keys_(databases, parts.random) {
  keys_.set_observer(this);
  keys_.set_access_rules(config_.access);
  add_string_rows(table_);
  add_bitmap_rows(table_);
  add_list_rows(table_);
  add_set_rows(table_);
  add_hash_rows(table_);
  add_hash_expiry_rows(table_);
  add_zset_rows(table_);
  add_stream_rows(table_);
  add_geo_rows(table_);
  add_hyperloglog_rows(table_);
  add_generic_rows(table_);
  add_sort_rows(table_);
  add_transaction_rows(table_);
  add_server_rows(table_);
  add_connection_rows(table_);
  ping_ = table_.find("ping");
  catalog_.emplace(table_.commands());
}

Node::~Node() { keys_.set_observer(nullptr); }

void Node::attach(server::Server& server) {
  server_ = &server;
  server.set_commands(&table_.commands());
  server.users.use_catalog(*catalog_);
}

ClientState& Node::state(server::Session& session) {
  if (session.data == nullptr) session.data = std::make_unique<ClientState>();
  return static_cast<ClientState&>(*session.data);
}

const ClientState* Node::state_if_any(const server::Session& session) {
  return static_cast<const ClientState*>(session.data.get());
}

void Node::closed(server::Session& session) {
  forget_waiter(session.id);
  std::erase(monitors_, &session);
  if (session.data != nullptr) {
    ClientState& client = state(session);
    watches_.unwatch(client.transaction);
    if (client.wait_token != 0) parts_.replication.cancel_wait(client.wait_token);
    client.wait_token = 0;
  }
  parts_.replication.session_closed(session);
}

void Node::reset(server::Session& session) {
  std::erase(monitors_, &session);
  session.monitor = false;
  if (session.data == nullptr) return;
  ClientState& client = state(session);
  client.transaction.discard();
  watches_.unwatch(client.transaction);
}

bool Node::unblock(server::Session& session, bool with_error) {
  if (blocked_.find(session.id) != nullptr) {
    end_wait(session, with_error ? "UNBLOCKED client unblocked via CLIENT UNBLOCK" : "");
    return true;
  }
  if (session.data == nullptr || state(session).wait_token == 0) return false;
  ClientState& client = state(session);
  parts_.replication.cancel_wait(std::exchange(client.wait_token, 0));
  session.blocked = false;
  const size_t begin = session.reply().buffer().size();
  if (with_error) {
    session.reply().error("UNBLOCKED client unblocked via CLIENT UNBLOCK");
    count_error(std::string_view(session.reply().buffer()).substr(begin));
  } else if (client.waits_for_logs) {
    answer_waitaof(session);
  } else {
    session.reply().integer(static_cast<int64_t>(parts_.replication.acked(client.written_offset)));
  }
  session.output_ready();
  session.resume();
  return true;
}

void Node::note_write(server::Session& session) {
  if (const int64_t offset = parts_.replication.offset(); offset > 0) state(session).written_offset = offset;
  if (const uint64_t offset = parts_.persistence.logged_offset(); offset > 0) state(session).logged_offset = offset;
}

void Node::answer_waitaof(server::Session& session) {
  const ClientState& client = state(session);
  const bool local = parts_.persistence.log_on() && parts_.persistence.synced_offset() >= client.logged_offset;
  session.reply().array(2);
  session.reply().integer(local ? 1 : 0);
  session.reply().integer(static_cast<int64_t>(parts_.replication.acked_synced(client.written_offset)));
}

int64_t Node::queued_commands(const server::Session& session) const {
  const ClientState* client = state_if_any(session);
  return client != nullptr && client->transaction.open() ? static_cast<int64_t>(client->transaction.size()) : -1;
}

std::string Node::client_flags(const server::Session& session) const {
  std::string flags;
  if (const ClientState* client = state_if_any(session)) {
    if (client->transaction.open()) flags += 'x';
    if (client->transaction.stale()) flags += 'd';
  }
  return flags;
}

void Node::add_monitor(server::Session& session) {
  if (session.monitor) return;
  session.monitor = true;
  monitors_.push_back(&session);
}

void Node::configure(const NodeConfig& config) {
  const bool limit_changed = config_.max_memory_bytes != config.max_memory_bytes;
  config_ = config;
  keys_.set_lazy_free({.expired = config_.lazyfree_expire, .overwritten = config_.lazyfree_server_del});
  keys_.set_access_rules(config_.access);
  if (limit_changed) evictor_.limit_changed();
  slowlog_.trim(config_.slowlog_max_length);
  if (!config_.latency_tracking) latency_.reset_commands();
}

void Node::note_latency(std::string_view event, Nanos taken) {
  const int64_t milliseconds = count_ms(taken);
  if (config_.latency_threshold_ms <= 0 || milliseconds < config_.latency_threshold_ms) return;
  latency_.add_event(event, parts_.process.unix_micros() / 1'000'000, milliseconds);
}

void Node::reset_stats() {
  for (command::CommandInfo* info : table_.commands()) {
    info->stats = {};
    for (command::CommandInfo* child : info->subcommands) child->stats = {};
  }
  keys_.reset_stats();
  latency_.reset_commands();
  compaction_.count = {};
  compaction_.total_time = Nanos(0);
  const uint64_t peak = stats_.peak_allocated_bytes;
  stats_ = {};
  stats_.peak_allocated_bytes = peak;
  server_->stats = {};
  parts_.replication.reset_stats();
  parts_.persistence.reset_stats();
  evictor_.reset_stats();
}

void Node::tick() {
  if (debug_.cron_paused) return;
  const Instant start = parts_.clock.now();
  stats_.note_used_memory(parts_.process.used_memory());
  const ReplicationStats replication = parts_.replication.stats();
  stats_.commands.sample(start, stats_.commands_processed);
  stats_.input.sample(start, server_->stats.input_bytes);
  stats_.output.sample(start, server_->stats.output_bytes);
  stats_.replication_input.sample(start, replication.net_repl_input_bytes);
  stats_.replication_output.sample(start, replication.net_repl_output_bytes);

  if (!is_replica()) {
    local_expiries_.clear();
  } else if (active_expiry_ && !loading_ && local_expiries_.size() > 0) {
    local_expiries_.expire(keys_, parts_.clock.wall_now(), kLocalExpirySlice);
    effects_.flush(Effects::Wrap::none);
  }
  if (!may_expire()) return;
  if (!expiry_.running() && !elements_due_) expiry_time_ = Nanos(0);
  expiry_.begin(keys_, config_.expire_effort);
  keys_.begin(parts_.clock.wall_now(), ExpiryMode::remove);
  elements_due_ = keys_.elements_due();
}

bool Node::may_expire() const {
  return active_expiry_ && !loading_ && !is_replica() && server_->paused() == server::Server::Pause::none;
}

bool Node::expire_slice(Instant until) {
  if (!may_expire()) {
    expiry_.stop(keys_, false);
    elements_due_ = false;
  }
  if (!expiry_running()) return false;
  const Instant start = parts_.clock.now();
  Instant now = start;
  keys_.begin(parts_.clock.wall_now(), ExpiryMode::remove);
  const auto out_of_time = [&] {
    effects_.flush(Effects::Wrap::none);
    now = parts_.clock.now();
    return now >= until;
  };
  if (elements_due_) elements_due_ = keys_.expire_elements_some(kElementsAtOnce);  // however much there is to do elsewhere
  expiry_.slice(keys_, out_of_time);
  while (elements_due_ && !expiry_.running()) {
    elements_due_ = keys_.expire_elements_some(kElementsAtOnce);
    if (out_of_time()) break;
  }
  const Nanos taken = now - start;
  stats_.expire_cycle_time += taken;
  expiry_time_ += taken;
  note_latency("expire-cycle", taken);  // what a client may have waited for is one slice
  const Nanos period = std::chrono::duration_cast<Nanos>(Seconds(1)) / std::max(config_.hz, 1);
  const auto most = Nanos(static_cast<int64_t>(static_cast<double>(period.count()) * ExpiryCycle::share(config_.expire_effort)));
  if (expiry_running() && expiry_time_ >= most) {
    expiry_.stop(keys_, true);
    elements_due_ = false;
  }
  if (blocked_.any_ready()) serve_blocked();
  return expiry_running();
}

// --- KeyspaceObserver ---

void Node::before_change(int db, std::string_view key, const Entry* before) {
  if (unsynced_.on()) unsynced_.changed(keys_.key_hash(db, key));
  if (before == nullptr) notify(kNotifyNew, "new", db, key);
}

void Node::touched(int db, std::string_view key) {
  watches_.touched(keys_, db, key);
  blocked_.touched(db, key);
  if (local_write_) local_expiries_.note(keys_, db, key);
}

void Node::expired(int db, std::string_view key) {
  effects_.push(db, {config_.lazyfree_expire ? "UNLINK" : "DEL", key});
  notify(kNotifyExpired, "expired", db, key);
}

void Node::elements_expired(int db, std::string_view key, std::span<const std::string> fields, bool gone) {
  if (unsynced_.on()) unsynced_.changed(keys_.key_hash(db, key));
  std::vector<std::string_view> words{"HDEL", key};
  words.insert(words.end(), fields.begin(), fields.end());
  effects_.push(db, words);
  notify(kNotifyHash, "hexpired", db, key);
  if (gone) notify(kNotifyGeneric, "del", db, key);
}

void Node::missed(int db, std::string_view key) { notify(kNotifyKeyMiss, "keymiss", db, key); }

void Node::before_flush(int db) {
  unsynced_.changed_all();
  watches_.flushing(keys_, db);
  blocked_.touched_all(db);
  local_expiries_.forget_database(db);
}

void Node::before_swap(int a, int b) {
  unsynced_.changed_all();
  watches_.swapping(keys_, a, b);
  blocked_.touched_all(a);
  blocked_.touched_all(b);
}

}  // namespace holdfast::node
