#include "sentinel/commands/dispatch.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "common/base/text.h"
#include "common/command/command_replies.h"
#include "common/server/acl_commands.h"
#include "common/server/connection_rows.h"
#include "common/server/permissions.h"
#include "sentinel/commands/rows.h"

namespace holdfast::sentinel {

namespace {

// A sentinel holds no keys and no user's channels, so these of the common commands are no commands of its own.
constexpr std::array<std::string_view, 4> kNotServed = {"echo", "pubsub", "ssubscribe", "sunsubscribe"};

// Allowed to a RESP2 client that listens to channels.
constexpr std::array<std::string_view, 7> kSubscribers = {"ping",         "subscribe", "psubscribe", "unsubscribe",
                                                          "punsubscribe", "quit",      "reset"};

// SENTINEL subcommands that a sentinel answers before it has caught up.
constexpr std::array<std::string_view, 6> kAnswered = {"sentinel|is-master-down-by-addr",
                                                       "sentinel|is-primary-down-by-addr",
                                                       "sentinel|myid",
                                                       "sentinel|help",
                                                       "sentinel|simulate-failure",
                                                       "sentinel|debug"};

template <size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Dispatcher::Dispatcher(Host& host) : host_(host) {
  const auto common = server::connection_rows<Context>();
  for (size_t i = 0; i < common.size(); ++i) {
    if (!contains(kNotServed, common[i].spec.name)) table_.add(common.subspan(i, 1));
  }
  table_.add(server::acl_rows<Context>());
  table_.add(sentinel_rows());
  catalog_.emplace(table_.commands());
}

void Dispatcher::attach(server::Server& server) {
  server_ = &server;
  server.set_commands(&table_.commands());
  server.users.use_catalog(*catalog_);
}

server::Outcome Dispatcher::handle(server::Session& session, std::span<const std::string_view> args) {
  Entry* entry = find(session, args);
  if (entry == nullptr) return server::Outcome::done;
  session.last_command = entry->name;
  if (!permitted(session, *entry, args)) return server::Outcome::done;
  if (host_.catching_up() && must_wait(session, *entry)) {
    session.blocked = true;
    held_.push_back(session.id);
    return server::Outcome::retry_later;
  }
  ++stats_.commands;
  ++entry->stats.calls;
  const size_t before = session.reply().buffer().size();
  const Instant started = server_->clock().now();
  Context context{{*server_, session, args, session.reply()}, host_, stats_};
  entry->handler(context);
  const auto took = std::chrono::duration_cast<Micros>(server_->clock().now() - started);
  entry->stats.microseconds += static_cast<uint64_t>(took.count());
  const std::string& output = session.reply().buffer();
  if (output.size() > before && output[before] == '-') {
    ++stats_.error_replies;
    ++entry->stats.failed;
  }
  return server::Outcome::done;
}

Dispatcher::Entry* Dispatcher::find(server::Session& session, std::span<const std::string_view> args) {
  Entry* entry = table_.find(args[0]);
  if (entry == nullptr) {
    reject(session, nullptr, command::unknown_command_error(args));
    return nullptr;
  }
  if (!entry->children.empty() && args.size() > 1) {
    Entry* child = entry->find_child(args[1]);
    if (child == nullptr) {
      reject(session, entry, command::unknown_subcommand_error(entry->name, args[1]));
      return nullptr;
    }
    entry = child;
  }
  if (!entry->spec->arity_fits(args.size()) || entry->handler == nullptr) {
    reject(session, entry, command::wrong_arity_error(entry->name));
    return nullptr;
  }
  return entry;
}

bool Dispatcher::permitted(server::Session& session, Entry& entry, std::span<const std::string_view> args) {
  if (!entry.spec->has(command::kNoAuth) && !server_->admits(session)) {
    reject(session, &entry, "NOAUTH Authentication required.");
    return false;
  }
  if (const auto refused = server::refusal_by_user(*server_, session, entry.id, args)) {
    reject(session, &entry, *refused);
    return false;
  }
  if (session.subscribed() && session.protocol() == 2 && !contains(kSubscribers, entry.name)) {
    reject(session, &entry,
           fmt::format(
               "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in "
               "this context",
               entry.name));
    return false;
  }
  return true;
}

// What speaks of primaries waits. Sentinels themselves do not: two that start together would wait for each other. Their
// links are known by their names.
bool Dispatcher::must_wait(const server::Session& session, const Entry& entry) const {
  if (!entry.name.starts_with("sentinel|") && entry.name != "info" && entry.name != "role") return false;
  if (contains(kAnswered, entry.name)) return false;
  return !(session.name.starts_with("sentinel-") && session.name.ends_with("-cmd"));
}

void Dispatcher::resume_held() {
  for (const uint64_t id : std::exchange(held_, {})) {
    server::Session* session = server_->find(id);
    if (session == nullptr) continue;
    session->blocked = false;
    session->resume();
  }
}

void Dispatcher::reject(server::Session& session, Entry* entry, std::string_view error) {
  ++stats_.error_replies;
  if (entry != nullptr) ++entry->stats.rejected;
  session.reply().error(error);
}

void Dispatcher::sample_rates(Instant now) {
  const Sample sample{now, stats_.commands, server_->stats.input_bytes, server_->stats.output_bytes};
  const double seconds = std::chrono::duration<double>(now - last_sample_.at).count();
  if (seconds <= 0) return;
  stats_.commands_per_second = static_cast<double>(sample.commands - last_sample_.commands) / seconds;
  stats_.input_kbps = static_cast<double>(sample.input_bytes - last_sample_.input_bytes) / 1024 / seconds;
  stats_.output_kbps = static_cast<double>(sample.output_bytes - last_sample_.output_bytes) / 1024 / seconds;
  last_sample_ = sample;
}

}  // namespace holdfast::sentinel
