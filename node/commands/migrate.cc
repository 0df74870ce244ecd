// MIGRATE: hands keys to another server and deletes those that it took.
#include <algorithm>

#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/migration_peers.h"
#include "node/commands/node.h"
#include "node/persistence/dump_payload.h"

namespace holdfast::node::handlers {
namespace {

constexpr size_t kFirstOption = 6;

struct MigrateOptions {
  bool copy = false;
  bool replace = false;
  std::vector<std::string_view> credentials;
  std::span<const std::string_view> keys;
};

// False when answered.
bool parse_migrate(Call& call, MigrateOptions& options) {
  options.keys = call.args.subspan(3, 1);
  for (size_t i = kFirstOption; i < call.argc(); ++i) {
    const size_t more = call.argc() - i - 1;
    if (iequals(call.args[i], "COPY")) {
      options.copy = true;
    } else if (iequals(call.args[i], "REPLACE")) {
      options.replace = true;
    } else if (iequals(call.args[i], "AUTH") && more >= 1) {
      options.credentials = {call.args[i + 1]};
      i += 1;
    } else if (iequals(call.args[i], "AUTH2") && more >= 2) {
      options.credentials = {call.args[i + 1], call.args[i + 2]};
      i += 2;
    } else if (iequals(call.args[i], "KEYS")) {
      if (!call.args[3].empty()) {
        call.reply.error("ERR When using MIGRATE KEYS option, the key argument must be set to the empty string");
        return false;
      }
      options.keys = call.args.subspan(i + 1);
      break;
    } else {
      call.reply.error(kSyntaxError);
      return false;
    }
  }
  return true;
}

// Those of the keys that are there, and their RESTORE commands. (One that is named twice is sent twice, as by Redis.)
std::vector<std::string_view> encode_keys(Call& call, const MigrateOptions& options, Migration& migration) {
  std::vector<std::string_view> present;
  resp::Writer out(migration.restores);
  for (const std::string_view key : options.keys) {
    const Entry* entry = call.keys.find(call.db(), key);
    if (entry == nullptr) continue;
    int64_t ttl = 0;
    if (const auto expires_at = entry->expires_at())
      ttl = std::max<int64_t>(to_unix_ms(*expires_at) - call.now_ms(), 1);
    const auto digits = fmt::format_int(ttl);
    const std::string payload = dump_payload(entry->value(), call.node.config().rdb_compression);
    std::vector<std::string_view> words = {"RESTORE", key, {digits.data(), digits.size()}, payload};
    if (options.replace) words.emplace_back("REPLACE");
    out.command(words);
    present.push_back(key);
  }
  migration.count = present.size();
  return present;
}

void reply_failure(Call& call, MigrationResult::Failure failure) {
  const std::string_view doing = failure == MigrationResult::Failure::connecting ? "connecting to the client"
                                 : failure == MigrationResult::Failure::writing  ? "writing to target instance"
                                                                                 : "reading to target instance";
  call.reply.error(fmt::format("IOERR error or timeout {}", doing));
}

}  // namespace

void migrate(Call& call) {
  MigrateOptions options;
  if (!parse_migrate(call, options)) return;
  const auto timeout = read_integer(call, call.args[5]);
  if (!timeout) return;
  const auto db = read_integer(call, call.args[4]);
  if (!db) return;
  constexpr int64_t kDefaultTimeoutMs = 1000;
  constexpr int64_t kLongestTimeoutMs = INT32_MAX;
  Migration migration{.host = call.args[1],
                      .port = call.args[2],
                      .db = *db,
                      .credentials = options.credentials,
                      .timeout = Millis(*timeout <= 0 ? kDefaultTimeoutMs : std::min(*timeout, kLongestTimeoutMs))};
  const auto keys = encode_keys(call, options, migration);
  if (keys.empty()) return call.reply.simple("NOKEY");

  const MigrationResult result = call.node.peers().migrate(migration);
  std::vector<std::string> deleted = {"DEL"};
  std::string_view refusal = result.refusal;
  for (size_t i = 0; i < result.replies.size() && i < keys.size(); ++i) {
    if (result.replies[i]) {
      if (refusal.empty()) refusal = *result.replies[i];
    } else if (!options.copy) {
      call.keys.erase(call.db(), keys[i]);
      call.notify(kNotifyGeneric, "del", keys[i]);
      deleted.emplace_back(keys[i]);
    }
  }
  if (deleted.size() > 1) call.rewrite(std::move(deleted));
  if (!refusal.empty()) return call.reply.error(fmt::format("ERR Target instance replied with error: {}", refusal));
  if (result.failure != MigrationResult::Failure::none) return reply_failure(call, result.failure);
  call.reply.ok();
}

}  // namespace holdfast::node::handlers
