// Commands that wait for keys: a client that finds nothing is put aside with its command, which is run again when one of
// the keys has been touched, until it finds something or its time is up.
#include <cmath>

#include "node/commands/arguments.h"
#include "node/commands/node.h"

namespace holdfast::node {

std::optional<Millis> read_timeout(Call& call, std::string_view text) {
  const auto seconds = parse_long_double(text);
  if (!seconds || std::isnan(*seconds)) {
    call.reply.error("ERR timeout is not a float or out of range");
    return std::nullopt;
  }
  // What exceeds 64 bits of milliseconds wraps around to something negative in Redis, and is called so.
  const long double milliseconds = std::ceil(*seconds * 1000);
  if (*seconds < 0 || milliseconds > static_cast<long double>(INT64_MAX)) {
    call.reply.error("ERR timeout is negative");
    return std::nullopt;
  }
  return Millis(static_cast<int64_t>(milliseconds));
}

namespace {

// Longer is as good as for ever: about 100 years, clear of the clock's end.
constexpr Millis kLongestTimeout{int64_t{100} * 365 * 24 * 3600 * 1000};

}  // namespace

void Node::block(Call& call, std::span<const std::string_view> keys, Millis timeout, BlockedReply reply,
                 Blocking options) {
  call.blocked = true;
  if (call.woken) return;  // it keeps its place
  if (call.in_exec || call.origin != Origin::client) {
    call.blocked = false;
    return reply == BlockedReply::null ? call.reply.null() : call.reply.null_array();
  }
  std::vector<std::string_view> words(call.args.begin(), call.args.end());
  if (!options.run_as.empty()) words.assign(options.run_as.begin(), options.run_as.end());
  BlockedClients::Waiter waiter{.keys = {}, .command = OwnedCommand(words), .when_gone = options.when_gone};
  for (const std::string_view key : keys) waiter.keys.emplace_back(call.db(), key);
  if (timeout.count() > 0) waiter.deadline = server_->now() + std::min(timeout, kLongestTimeout);
  const bool earlier = waiter.deadline < blocked_.deadline();
  const Instant deadline = waiter.deadline;
  blocked_.add(call.session.id, std::move(waiter));
  waiting_[call.session.id] = &call.session;
  call.session.blocked = true;
  call.session.suspend();
  if (earlier) parts_.process.wake_at(deadline);
}

void Node::serve_blocked() {
  if (serving_blocked_) return;
  serving_blocked_ = true;
  while (const auto key = blocked_.next_ready()) {
    for (const uint64_t id : blocked_.waiting_for(*key)) {
      const BlockedClients::Waiter* waiter = blocked_.find(id);
      if (waiter == nullptr) continue;
      if (!waiter->when_gone && keys_.find_raw(key->first, key->second) == nullptr) continue;
      if (server::Session* session = waiting_session(id)) try_again(*session, *waiter, key->second);
    }
  }
  serving_blocked_ = false;
}

void Node::try_again(server::Session& session, const BlockedClients::Waiter& waiter, std::string_view key) {
  std::vector<std::string_view> args;
  waiter.command.views(args);
  TableEntry* entry = look_up(args);
  if (entry == nullptr) return end_wait(session, "ERR command not available");  // renamed since
  server_->refresh_now();
  begin_keyspace(Origin::client);
  const int64_t changes = keys_.changes();
  Call call(*this, *server_, keys_, session, args, *entry, Origin::client);
  call.woken = true;
  call.woken_by = key;
  run(call, *entry);
  effects_.flush();
  if (keys_.changes() != changes) note_write(session);
  if (!call.blocked) release_waiter(session);
}

server::Session* Node::waiting_session(uint64_t client) const {
  const auto found = waiting_.find(client);
  return found == waiting_.end() || found->second->closing ? nullptr : found->second;
}

void Node::forget_waiter(uint64_t client) {
  blocked_.remove(client);
  waiting_.erase(client);
}

void Node::release_waiter(server::Session& session) {
  forget_waiter(session.id);
  session.blocked = false;
  session.output_ready();
  session.resume();
}

void Node::end_wait(server::Session& session, std::string_view error) {
  const BlockedClients::Waiter* waiter = blocked_.find(session.id);
  if (waiter == nullptr) return;
  std::vector<std::string_view> args;
  waiter->command.views(args);
  TableEntry* entry = look_up(args);
  if (entry != nullptr) ++entry->stats.calls;
  const size_t begin = session.reply().buffer().size();
  if (error.empty()) {
    session.reply().null_array();
  } else {
    if (entry != nullptr) ++entry->stats.failed;
    session.reply().error(error);
    count_error(std::string_view(session.reply().buffer()).substr(begin));
  }
  release_waiter(session);
}

void Node::end_overdue_waits() {
  for (const uint64_t id : blocked_.overdue(server_->refresh_now())) {
    server::Session* session = waiting_session(id);
    session != nullptr ? end_wait(*session) : forget_waiter(id);
  }
  if (const Instant next = blocked_.deadline(); next != Instant::max()) parts_.process.wake_at(next);
}

void Node::end_all_waits() {
  for (const uint64_t id : blocked_.all()) {
    server::Session* session = waiting_session(id);
    if (session == nullptr) continue;
    end_wait(*session, "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)");
    session->close_after_reply();
  }
}

}  // namespace holdfast::node
