// DEBUG's look at keys, values and tables: POPULATE, OBJECT, DIGEST, HTSTATS, LISTPACK, STRUCTSIZE.
#include "common/base/text.h"
#include "node/collections/hash_object.h"
#include "node/collections/list_object.h"
#include "node/collections/set_object.h"
#include "node/collections/zset_object.h"
#include "node/commands/arguments.h"
#include "node/commands/debug.h"
#include "node/commands/digest.h"
#include "node/commands/node.h"
#include "node/persistence/dump_payload.h"

namespace holdfast::node::handlers {

// POPULATE <count> [<prefix>] [<size>]: keys that nobody is told of.
void debug_populate(Call& call) {
  constexpr std::string_view kRange = "ERR value is out of range, must be positive";
  const auto count = read_integer_in(call, call.args[2], 0, INT64_MAX, kRange);
  if (!count) return;
  const std::string_view prefix = call.argc() > 3 ? call.args[3] : "key";
  int64_t size = 0;
  if (call.argc() > 4) {
    const auto given = read_integer_in(call, call.args[4], 0, call.node.config().max_bulk_bytes, kRange);
    if (!given) return;
    size = *given;
  }
  call.no_propagation();
  for (int64_t i = 0; i < *count; ++i) {
    const std::string key = fmt::format("{}:{}", prefix, i);
    if (call.keys.find(call.db(), key) != nullptr) continue;
    std::string value = fmt::format("value:{}", i);
    if (size > 0) value.resize(static_cast<size_t>(size), '\0');
    call.keys.set(call.db(), key, Value::raw_string(std::move(value)));
  }
  call.reply.ok();
}

void debug_digest(Call& call) { call.reply.simple(to_hex(data_set_digest(call.keys))); }

void debug_digest_value(Call& call) {
  call.reply.array(call.argc() - 2);
  for (const std::string_view key : call.args.subspan(2)) {
    call.reply.simple(to_hex(value_digest(call.keys.find_raw(call.db(), key))));
  }
}

namespace {

// The table has no chains: a bucket takes seven entries and lends its neighbours the rest.
void append_table(std::string& text, const DictStatistics& table) {
  auto out = std::back_inserter(text);
  fmt::format_to(out, "Hash table 0 stats (main hash table):\n");
  if (table.entries == 0) {
    fmt::format_to(out, "No stats available for empty dictionaries\n");
    return;
  }
  fmt::format_to(out, " table size: {}\n number of elements: {}\n", table.buckets * Bucket::kSlots, table.entries);
  fmt::format_to(out, " segments: {}\n buckets: {}\n elements outside their bucket: {}\n", table.segments,
                 table.buckets, table.displaced);
  fmt::format_to(out, " Bucket fill distribution:\n");
  for (size_t fill = 0; fill < table.fill.size(); ++fill) {
    if (table.fill[fill] == 0) continue;
    fmt::format_to(out, "   {}: {} ({:.2f}%)\n", fill, table.fill[fill],
                   100.0 * static_cast<double>(table.fill[fill]) / static_cast<double>(table.buckets));
  }
}

}  // namespace

void debug_htstats(Call& call) {
  const auto db = read_integer(call, call.args[2]);
  if (!db) return;
  if (*db < 0 || *db >= call.keys.database_count()) return call.reply.error("ERR Out of range database");
  const DictStatistics table = call.keys.table_statistics(static_cast<int>(*db));
  std::string text = "[Dictionary HT]\n";
  append_table(text, table);
  // Expiries lie in the entries themselves, so there is no second table.
  text += "[Expires HT]\n";
  if (table.expiring == 0) {
    text += "Hash table 0 stats (main hash table):\nNo stats available for empty dictionaries\n";
  } else {
    fmt::format_to(std::back_inserter(text), "Hash table 0 stats (main hash table):\n number of elements: {}\n",
                   table.expiring);
  }
  call.reply.verbatim(text);
}

namespace {

// The table of a value in its large form, or null.
const Dict* table_of(const Entry& entry) {
  switch (entry.type()) {
    case ValueType::hash:
      return static_cast<const HashObject*>(entry.object())->table();
    case ValueType::set:
      return static_cast<const SetObject*>(entry.object())->table();
    case ValueType::zset:
      return static_cast<const ZsetObject*>(entry.object())->table();
    default:
      return nullptr;
  }
}

const Listpack* listpack_of(const Entry& entry) {
  switch (entry.type()) {
    case ValueType::hash:
      return static_cast<const HashObject*>(entry.object())->packed();
    case ValueType::zset:
      return static_cast<const ZsetObject*>(entry.object())->packed();
    default:
      return nullptr;
  }
}

void print(const Listpack& pack) {
  fmt::print("{{total bytes {}}} {{num entries {}}}\n", pack.size_bytes(), pack.count());
  Listpack::Scratch scratch;
  for (auto at = pack.first(); at != Listpack::kEnd; at = pack.next(at)) {
    fmt::print("{{offset {}}} {}\n", at, quoted(pack.get(at).view(scratch)));
  }
}

void print(const ListObject& list) {
  for (size_t i = 0; i < list.node_count(); ++i) {
    const ListObject::NodeView node = list.node(i);
    fmt::print("{{node {}}} {{{}}} {{bytes {}}}\n", i, node.plain ? "plain" : "listpack", node.bytes.size());
    if (!node.plain) print(Listpack::copy_of(node.bytes));
  }
}

// What DEBUG OBJECT says of a list beside the rest.
std::string list_nodes(const ListObject& list, const EncodingLimits& limits) {
  size_t bytes = 0;
  for (size_t i = 0; i < list.node_count(); ++i) bytes += list.node(i).bytes.size();
  const double average = list.node_count() == 0 ? 0 : static_cast<double>(list.size()) / static_cast<double>(list.node_count());
  return fmt::format(" ql_nodes:{} ql_avg_node:{:.2f} ql_listpack_max:{} ql_compressed:0 ql_uncompressed_size:{}",
                     list.node_count(), average, limits.list_node, bytes);
}

}  // namespace

void debug_object(Call& call) {
  const Entry* entry = call.keys.find_raw(call.db(), call.args[2]);
  if (entry == nullptr) return call.reply.error(kNoSuchKey);
  const Value value = entry->value();
  const int64_t idle_ms = entry->idle_ms(call.now_ms());
  constexpr int64_t kClockBits = 0xffffff;
  std::string text = fmt::format(
      "Value at:{} refcount:{} encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}", fmt::ptr(entry),
      reference_count(value, call.node.config()), value.encoding(),
      serialized_length(value, call.node.config().rdb_compression), (call.now_ms() - idle_ms) / 1000 & kClockBits,
      idle_ms / 1000);
  if (value.type() == ValueType::list) {
    text += list_nodes(static_cast<const ListObject&>(value.object()), call.node.config().encodings);
  }
  call.reply.simple(text);
}

void debug_htstats_key(Call& call) {
  const Entry* entry = call.keys.find(call.db(), call.args[2]);
  if (entry == nullptr) return call.reply.error(kNoSuchKey);
  const Dict* table = table_of(*entry);
  if (table == nullptr) {
    return call.reply.error("ERR The value stored at the specified key is not represented using an hash table");
  }
  std::string text;
  append_table(text, table->statistics());
  call.reply.verbatim(text);
}

void debug_listpack(Call& call) {
  const Entry* entry = call.keys.find(call.db(), call.args[2]);
  if (entry == nullptr) return call.reply.error(kNoSuchKey);
  const Listpack* pack = listpack_of(*entry);
  if (pack == nullptr) return call.reply.error("ERR Not a listpack encoded object.");
  print(*pack);
  call.reply.simple("Listpack structure printed on stdout");
}

void debug_quicklist(Call& call) {
  const Entry* entry = call.keys.find(call.db(), call.args[2]);
  if (entry == nullptr) return call.reply.error(kNoSuchKey);
  if (entry->type() != ValueType::list) return call.reply.error("ERR Not a quicklist encoded object.");
  print(*static_cast<const ListObject*>(entry->object()));
  call.reply.simple("Quicklist structure printed on stdout");
}

void debug_structsize(Call& call) {
  call.reply.simple(fmt::format("bits:{} entry:{} bucket:{} segment:{} value:{} session:{}", 8 * sizeof(void*),
                                sizeof(Entry), sizeof(Bucket), sizeof(Segment), sizeof(Value),
                                sizeof(server::Session)));
}

}  // namespace holdfast::node::handlers
