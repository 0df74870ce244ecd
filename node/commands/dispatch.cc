// The path of a request: look-up, arity, refusals in Redis's order, queueing in MULTI, execution, propagation, records.
#include <algorithm>
#include <array>

#include "common/command/command_replies.h"
#include "common/log/log.h"
#include "common/server/permissions.h"
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"

namespace holdfast::node {
namespace {

constexpr std::string_view kNoAuth = "NOAUTH Authentication required.";
constexpr std::string_view kLoadingError = "LOADING Redis is loading the dataset in memory";
constexpr std::string_view kMasterDown =
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
constexpr std::string_view kReadOnly = "READONLY You can't write against a read only replica.";
constexpr std::string_view kOutOfMemory = "OOM command not allowed when used memory > 'maxmemory'.";
constexpr std::string_view kNoReplicas = "NOREPLICAS Not enough good replicas to write.";

// Commands that a RESP2 client with subscriptions may still send.
bool allowed_while_subscribed(std::string_view name) {
  static constexpr std::string_view kNames[] = {"ping",         "subscribe",  "ssubscribe",   "unsubscribe", "quit",
                                                "sunsubscribe", "psubscribe", "punsubscribe", "reset"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

// Commands that act at once although MULTI is open.
bool never_queued(std::string_view name) {
  static constexpr std::string_view kNames[] = {"exec", "discard", "multi", "watch", "quit", "reset"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

bool restricted(const server::Session& session) { return session.user != nullptr && !session.user->unrestricted(); }

}  // namespace

server::Outcome Node::handle(server::Session& session, std::span<const std::string_view> args) {
  if (TableEntry* entry = look_up(args)) return execute(session, args, *entry, Origin::client);
  const Misfit why = misfit(args);
  reject(session, why.counted, why.error);
  return server::Outcome::done;
}

void Node::execute_from_primary(server::Session& session, std::span<const std::string_view> args) {
  if (TableEntry* entry = look_up(args)) {
    execute(session, args, *entry, Origin::primary);
  } else {
    const Misfit why = misfit(args);
    reject(session, why.counted, why.error);
  }
  const std::string_view reply = session.reply().buffer();
  if (reply.starts_with('-')) {
    // It was accepted at the primary: the data sets are not the same any more.
    ++stats_.unexpected_error_replies;
    log::warning("== CRITICAL == This replica is sending an error to its master: '{}' after processing the command '{}'",
                 reply.substr(1, reply.find('\r') - 1), args[0].substr(0, 128));
    if (config_.panic_on_replicated_errors) {
      parts_.process.panic(fmt::format("This replica panicked sending an error to its master after processing the command '{}'",
                                       args[0].substr(0, 128)));
    }
  }
  session.reply().buffer().clear();
}

bool Node::execute_from_log(server::Session& session, std::span<const std::string_view> args) {
  if (table_.find(args[0]) == nullptr) return false;
  if (TableEntry* entry = look_up(args)) {
    execute(session, args, *entry, Origin::log);
  } else {
    const Misfit why = misfit(args);
    reject(session, why.counted, why.error);
  }
  finish_logged(session, args);
  return true;
}

void Node::finish_logged(server::Session& session, std::span<const std::string_view> args) {
  if (config_.panic_on_logged_errors && session.reply().buffer().starts_with('-')) {
    parts_.process.panic(fmt::format(
        "This server panicked sending an error to its AOF-loading-client after processing the command '{}'",
        args[0].substr(0, 128)));
  }
  session.reply().buffer().clear();
}

Node::TableEntry* Node::look_up(std::span<const std::string_view> args) const {
  TableEntry* entry = table_.find(args[0]);
  if (entry == nullptr) return nullptr;
  if (!entry->children.empty() && args.size() > 1) {
    if (TableEntry* child = entry->find_child(args[1])) entry = child;
  }
  return entry->handler != nullptr && entry->spec->arity_fits(args.size()) ? entry : nullptr;
}

Node::Misfit Node::misfit(std::span<const std::string_view> args) const {
  TableEntry* entry = table_.find(args[0]);
  if (entry == nullptr) return {command::unknown_command_error(args)};
  if (!entry->children.empty() && args.size() > 1) {
    if (TableEntry* child = entry->find_child(args[1])) return {command::wrong_arity_error(child->name), child};
    if (entry->handler == nullptr) return {command::unknown_subcommand_error(entry->name, args[1]), entry};
  }
  return {command::wrong_arity_error(entry->name), entry};
}

bool Node::unhindered(const server::Session& session, const TableEntry& entry) const {
  const uint64_t flags = entry.spec->flags;
  if (!session.authenticated || restricted(session) || loading_ || server_->paused() != server::Server::Pause::none ||
      is_replica() || (flags & command::kProtected) != 0 || (session.protocol() == 2 && session.subscribed())) {
    return false;
  }
  if (config_.max_memory_bytes != 0 && evictor_.wanted()) return false;
  if ((flags & command::kWrite) == 0 && &entry != ping_) return true;
  return !parts_.persistence.write_refusal() && parts_.replication.enough_good_replicas();
}

std::optional<std::string> Node::refusal(const server::Session& session, const TableEntry& entry, uint64_t flags,
                                         std::span<const std::string_view> args) {
  const command::CommandSpec& spec = *entry.spec;
  if (spec.has(command::kProtected)) {
    const bool sleep = args.size() > 1 && iequals(args[1], "sleep") && is_local(session);
    const bool allowed = config_.debug == NodeConfig::Allow::yes || sleep ||
                         (config_.debug == NodeConfig::Allow::local && is_local(session));
    if (!allowed) {
      return fmt::format(
          "ERR {} command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a "
          "local connection, otherwise you need to set this option in the configuration file, and then restart the "
          "server.",
          to_upper(entry.name));
    }
  }
  if (!spec.has(command::kNoAuth) && !server_->admits(session)) return std::string(kNoAuth);
  const ClientState* client = state_if_any(session);
  const bool in_multi = client != nullptr && client->transaction.open();
  if (in_multi && spec.has(command::kNoMulti)) return "ERR Command not allowed inside a transaction";
  if (auto refused = server::refusal_by_user(*server_, session, entry.id, args, in_multi ? "multi" : "toplevel")) {
    return refused;
  }
  if (config_.max_memory_bytes != 0 && out_of_memory(entry, flags, in_multi)) return std::string(kOutOfMemory);

  const bool writes = (flags & command::kWrite) != 0;
  const bool replica = is_replica();
  if (writes || &entry == ping_) {
    if (const auto& text = parts_.persistence.write_refusal()) return *text;
  }
  if (writes && !replica && !parts_.replication.enough_good_replicas()) return std::string(kNoReplicas);
  if (writes && replica && config_.replica_read_only) return std::string(kReadOnly);
  if (session.protocol() == 2 && session.subscribed() && !allowed_while_subscribed(spec.name)) {
    return fmt::format(
        "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
        "context",
        entry.name);
  }
  // EXEC may run now only if all that it will execute may.
  const bool exec = in_multi && entry.handler == &handlers::exec;
  const uint64_t allowed_in = exec ? spec.flags & client->transaction.common_flags() : spec.flags;
  if (replica && !config_.serve_stale_data && (allowed_in & command::kStale) == 0 && !parts_.replication.link_up()) {
    return std::string(kMasterDown);
  }
  if (loading_in_place() && (allowed_in & command::kLoading) == 0) return std::string(kLoadingError);
  if (loading_ && !loading_in_place() && (flags & command::kNoAsyncLoading) != 0) return std::string(kLoadingError);
  return std::nullopt;
}

bool Node::out_of_memory(const TableEntry& entry, uint64_t flags, bool in_multi) {
  if (evictor_.make_room() != Evictor::Outcome::nothing_left) return false;
  // A queue takes memory too, whatever is in it; the ways out of MULTI stay open.
  return (flags & command::kDenyOom) != 0 || (in_multi && !never_queued(entry.spec->name));
}

bool Node::pause_holds(const server::Session& session, uint64_t flags) const {
  switch (server_->paused()) {
    case server::Server::Pause::none:
      return false;
    case server::Server::Pause::all:
      return session.type != server::ClientType::replica;
    case server::Server::Pause::writes:
      break;
  }
  return session.type != server::ClientType::replica && (flags & (command::kWrite | command::kMayReplicate)) != 0;
}

void Node::reject(server::Session& session, TableEntry* entry, std::string_view error) {
  const bool exec = entry != nullptr && entry->handler == &handlers::exec;
  if (exec || session.data != nullptr) {
    Transaction& transaction = state(session).transaction;
    transaction.refuse();
    if (exec) {
      transaction.discard();
      watches_.unwatch(transaction);
    }
  }
  if (entry != nullptr) ++entry->stats.rejected;
  const size_t start = session.reply().buffer().size();
  if (exec) {
    // A transaction whose EXEC is refused is over: Redis discards it and says why it was.
    if (error.starts_with("ERR ")) error.remove_prefix(4);
    session.reply().error(fmt::format("EXECABORT Transaction discarded because of: {}", error));
  } else {
    session.reply().error(error);
  }
  count_error(std::string_view(session.reply().buffer()).substr(start));
}

server::Outcome Node::execute(server::Session& session, std::span<const std::string_view> args, TableEntry& entry,
                              Origin origin) {
  session.last_command = entry.name;
  ClientState* client = session.data == nullptr ? nullptr : &state(session);
  const bool in_multi = client != nullptr && client->transaction.open();
  if (origin == Origin::primary && config_.max_memory_bytes != 0) evictor_.make_room();
  if (origin == Origin::client && (in_multi || !unhindered(session, entry))) {
    // EXEC is judged by what it will execute.
    uint64_t flags = entry.spec->flags;
    if (in_multi && entry.handler == &handlers::exec) flags |= client->transaction.flags();
    if (const auto refused = refusal(session, entry, flags, args)) {
      reject(session, &entry, *refused);
      return server::Outcome::done;
    }
    if (pause_holds(session, flags)) {
      server_->hold_until_unpaused(session);
      return server::Outcome::retry_later;
    }
  }
  if (in_multi && !never_queued(entry.spec->name)) {
    client->transaction.queue(args, entry.spec->flags);
    session.reply().simple("QUEUED");
    if (server_->gate().holding()) server_->gate().depend_on(0);
    return server::Outcome::done;
  }
  // A client's commands follow one another: where one ends the next begins, which saves a look at the clock.
  // Who replays a log sees to the time now and then.
  if (origin == Origin::primary) server_->refresh_now();
  begin_keyspace(origin);
  effects_.set_enabled(origin != Origin::log);
  const int64_t changes = keys_.changes();
  const uint64_t produced = server_->gate().produced();
  Call call(*this, *server_, keys_, session, args, entry, origin);
  run(call, entry);
  effects_.flush(entry.spec->has(command::kArbitraryKeys) ? Effects::Wrap::none : Effects::Wrap::transaction);
  effects_.set_enabled(true);
  if (origin == Origin::client && keys_.changes() != changes) note_write(session);
  if (blocked_.any_ready()) serve_blocked();
  server::ReplyGate& gate = server_->gate();
  if (gate.holding() && origin == Origin::client && gate.produced() == produced) gate.depend_on(dependence(call));
  return server::Outcome::done;
}

// A read of keys that have not changed since what is durable, and whatever has nothing to do with the data, need not wait
// for the log.
uint64_t Node::dependence(const Call& call) const {
  constexpr uint64_t kAll = UINT64_MAX;
  const command::CommandSpec& spec = *call.command.spec;
  if (!unsynced_.on()) return kAll;
  if ((spec.categories & command::kConnection) != 0) return 0;
  if (!spec.has(command::kReadonly)) return kAll;
  const auto hash = [&](int at) { return keys_.key_hash(call.db(), call.args[static_cast<size_t>(at)]); };
  using Find = command::KeyRange::Find;
  if (spec.find_keys == nullptr && spec.keys.find == Find::range && spec.keys2.flags == 0) {
    const command::KeyRange& range = spec.keys;
    if (range.first == 0) return kAll;  // it meets any
    if (range.last == range.first) return unsynced_.needed(hash(range.first));
  }
  for (const command::KeyRange& range : {spec.keys, spec.keys2, spec.keys3}) {
    if (range.find == Find::unknown && range.flags != 0) return kAll;
  }
  const std::vector<int> keys = command::key_positions(spec, call.args);
  uint64_t needed = keys.empty() ? kAll : 0;
  for (const int at : keys) needed = std::max(needed, unsynced_.needed(hash(at)));
  return needed;
}

void Node::begin_keyspace(Origin origin) {
  ExpiryMode mode = ExpiryMode::remove;
  if (origin != Origin::client || loading_in_place()) {
    mode = ExpiryMode::ignore;
  } else if (is_replica() || server_->paused() != server::Server::Pause::none) {
    mode = ExpiryMode::hide;
  }
  local_write_ = origin == Origin::client && is_replica();
  keys_.begin(parts_.clock.wall_at(server_->now()), mode);
}

void Node::run(Call& call, TableEntry& entry) {
  const Instant start = server_->now();
  const size_t reply_start = call.reply.buffer().size();
  const int64_t changes = keys_.changes();
  keys_.set_marking(!call.session.no_touch);
  entry.handler(call);
  if (call.blocked) {
    // It counts when it has been served.
    if (!call.woken && !monitors_.empty()) feed_monitors(call);
    return;
  }
  if (keys_.changes() != changes || call.propagation == Call::Propagation::forced) propagate(call);
  if (call.origin != Origin::log) record(call, entry, server_->refresh_now() - start, reply_start);
}

void Node::propagate(const Call& call) {
  if (call.propagation == Call::Propagation::none) return;
  const auto pass_on = [&](std::span<const std::string_view> words) {
    if (call.in_exec) {
      effects_.push(call.db(), words, call.reach);
    } else {
      effects_.push_last(call.db(), words, call.reach);
    }
  };
  if (call.propagation != Call::Propagation::rewritten) return pass_on(call.args);
  pass_on(std::vector<std::string_view>(call.rewritten().begin(), call.rewritten().end()));
}

void Node::record(const Call& call, TableEntry& entry, Nanos taken, size_t reply_start) {
  const auto micros = std::chrono::duration_cast<Micros>(taken);
  ++entry.stats.calls;
  entry.stats.microseconds += static_cast<uint64_t>(micros.count());
  ++stats_.commands_processed;
  if (config_.latency_tracking) latency_.add_command(entry.id, taken);
  const std::string& out = call.reply.buffer();
  if (out.size() > reply_start && out[reply_start] == '-' && call.origin == Origin::client) {
    ++entry.stats.failed;
    count_error(std::string_view(out).substr(reply_start));
  }
  if (config_.slowlog_slower_than_us >= 0 && micros.count() >= config_.slowlog_slower_than_us &&
      !entry.spec->has(command::kSkipSlowlog)) {
    std::vector<std::string_view> shown(call.args.begin(), call.args.end());
    redact(shown);
    slowlog_.add(shown, parts_.process.unix_micros() / 1'000'000, micros, call.session.remote_address(),
                 call.session.name, config_.slowlog_max_length);
  }
  if (config_.latency_threshold_ms > 0) {
    note_latency(entry.spec->has(command::kFast) ? "fast-command" : "command", taken);
  }
  if (!monitors_.empty() && call.origin != Origin::log && !call.woken) feed_monitors(call);
}

void Node::count_error(std::string_view reply_line) {
  ++stats_.error_replies;
  reply_line.remove_prefix(1);
  const std::string_view code = reply_line.substr(0, reply_line.find_first_of(" \r"));
  const auto found = stats_.errors.find(code);
  if (found != stats_.errors.end()) {
    ++found->second;
  } else if (stats_.errors.size() < kMostErrorCodes) {
    stats_.errors.emplace(code, 1);
  }
}

void Node::redact(std::vector<std::string_view>& args) {
  static constexpr std::string_view kHidden = "(redacted)";
  if (iequals(args[0], "auth")) {
    std::fill(args.begin() + 1, args.end(), kHidden);
  } else if (iequals(args[0], "hello")) {
    for (size_t i = 2; i + 2 < args.size(); ++i) {
      if (iequals(args[i], "auth")) args[i + 1] = args[i + 2] = kHidden;
    }
  } else if (iequals(args[0], "migrate")) {
    for (size_t i = 6; i + 1 < args.size(); ++i) {
      if (iequals(args[i], "keys")) break;
      const size_t secrets = iequals(args[i], "auth") ? 1 : iequals(args[i], "auth2") ? 2 : 0;
      for (size_t k = 1; k <= secrets && i + k < args.size(); ++k) args[i + k] = kHidden;
      i += secrets;
    }
  } else if (iequals(args[0], "acl") && args.size() > 2) {
    const bool of_users = iequals(args[1], "setuser") || iequals(args[1], "getuser") || iequals(args[1], "deluser");
    if (of_users) std::fill(args.begin() + 2, args.end(), kHidden);
  } else if (iequals(args[0], "config") && args.size() > 2 && iequals(args[1], "set")) {
    for (size_t i = 2; i + 1 < args.size(); i += 2) {
      if (iequals(args[i], "requirepass") || iequals(args[i], "masterauth") || iequals(args[i], "masteruser")) {
        args[i + 1] = kHidden;
      }
    }
  }
}

void Node::feed_monitors(const Call& call) {
  const command::CommandSpec& spec = *call.command.spec;
  if (spec.has(command::kSkipMonitor) || spec.has(command::kAdmin)) return;
  std::vector<std::string_view> shown(call.args.begin(), call.args.end());
  redact(shown);
  const int64_t micros = parts_.process.unix_micros();
  std::string line =
      fmt::format("{}.{:06} [{} {}]", micros / 1'000'000, micros % 1'000'000, call.db(), call.session.remote_address());
  for (const std::string_view word : shown) {
    line += ' ';
    line += quoted(word);
  }
  for (server::Session* monitor : monitors_) {
    monitor->reply().simple(line);
    monitor->output_ready();
  }
}

void Node::run_transaction(Call& exec, std::vector<OwnedCommand> commands) {
  exec.reply.array(commands.size());
  in_transaction_ = true;
  std::vector<std::string_view> args;
  for (const OwnedCommand& queued : commands) {
    queued.views(args);
    TableEntry* entry = look_up(args);
    if (entry == nullptr) {  // a renamed or removed command: it was there when it was queued
      exec.reply.error(misfit(args).error);
      continue;
    }
    if (exec.origin == Origin::client && restricted(exec.session)) {
      if (const auto refused = server::refusal_in_exec(*server_, exec.session, entry->id, args)) {
        exec.reply.error(*refused);
        continue;
      }
    }
    Call call(*this, *server_, keys_, exec.session, args, *entry, exec.origin);
    call.in_exec = true;
    run(call, *entry);
  }
  in_transaction_ = false;
}

}  // namespace holdfast::node
