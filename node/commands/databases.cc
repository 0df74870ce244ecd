// Whole databases: KEYS, SCAN, RANDOMKEY, DBSIZE, SELECT, SWAPDB, FLUSHDB, FLUSHALL.
#include <optional>
#include <vector>

#include "common/base/text.h"
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"
#include "node/commands/scan_options.h"

namespace holdfast::node::handlers {

void keys(Call& call) {
  const std::string_view pattern = call.args[1];
  const bool all = pattern == "*";
  const size_t mark = call.reply.begin_deferred();
  size_t count = 0;
  call.keys.for_each_key(call.db(), [&](const Entry& entry) {
    if (call.keys.is_expired(entry) || (!all && !glob_match(pattern, entry.key()))) return;
    call.reply.bulk(entry.key());
    ++count;
  });
  call.reply.end_deferred_array(mark, count);
}

void scan(Call& call) {
  ScanOptions options;
  if (!parse_scan_cursor(call, call.args[1], options) || !parse_scan_options(call, 2, ScanOf::keys, options)) return;
  std::vector<std::string> found;
  std::vector<std::string> expired;
  uint64_t cursor = options.cursor;
  for (int64_t buckets = 0; buckets < options.most_buckets(); ++buckets) {
    cursor = call.keys.scan(call.db(), cursor, [&](const Entry& entry) {
      if (!options.matches(entry.key())) return;
      if (options.type && !iequals(*options.type, type_name(entry.value().type()))) return;
      (call.keys.is_expired(entry) ? expired : found).emplace_back(entry.key());
    });
    if (cursor == 0 || static_cast<int64_t>(found.size() + expired.size()) >= options.count) break;
  }
  for (const auto& key : expired) call.keys.peek(call.db(), key);
  call.reply.array(2);
  call.reply.bulk(fmt::format_int(cursor).str());
  call.reply.array(found.size());
  for (const auto& key : found) call.reply.bulk(key);
}

void randomkey(Call& call) {
  const Entry* entry = call.keys.random_key(call.db(), call.node.random());
  if (entry == nullptr) return call.reply.null();
  call.reply.bulk(entry->key());
}

void dbsize(Call& call) { call.reply.integer(static_cast<int64_t>(call.keys.key_count(call.db()))); }

void select(Call& call) {
  const auto db = read_database(call, call.args[1], kNotInteger);
  if (!db) return;
  call.session.db = *db;
  call.reply.ok();
}

void swapdb(Call& call) {
  const auto number = [&](std::string_view text, std::string_view error) {
    return read_integer_in(call, text, INT32_MIN, INT32_MAX, error);
  };
  const auto a = number(call.args[1], "ERR invalid first DB index");
  if (!a) return;
  const auto b = number(call.args[2], "ERR invalid second DB index");
  if (!b) return;
  const int count = call.keys.database_count();
  if (*a < 0 || *a >= count || *b < 0 || *b >= count) return call.reply.error("ERR DB index is out of range");
  if (*a == *b) {
    call.keys.add_dirty(1);
  } else {
    call.keys.swap(static_cast<int>(*a), static_cast<int>(*b));
  }
  call.reply.ok();
}

namespace {

// Nothing when answered with an error.
std::optional<Keyspace::Free> read_flush_mode(Call& call) {
  if (call.argc() == 1) return free_mode(call.node.config().lazyfree_user_flush);
  if (call.argc() == 2 && iequals(call.args[1], "ASYNC")) return Keyspace::Free::lazily;
  if (call.argc() == 2 && iequals(call.args[1], "SYNC")) return Keyspace::Free::now;
  call.reply.error(kSyntaxError);
  return std::nullopt;
}

}  // namespace

void flushdb(Call& call) {
  const auto how = read_flush_mode(call);
  if (!how) return;
  call.keys.flush(call.db(), *how);
  call.force_propagation();
  call.reply.ok();
}

void flushall(Call& call) {
  const auto how = read_flush_mode(call);
  if (!how) return;
  call.keys.flush(-1, *how);
  call.force_propagation();
  if (call.origin != Origin::log) call.node.persistence().flushed_all();
  call.reply.ok();
}

}  // namespace holdfast::node::handlers
