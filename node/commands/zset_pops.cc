// Taking elements out of sorted sets, or some at random: ZPOPMIN, ZPOPMAX, ZMPOP, their blocking forms, ZRANDMEMBER.
#include <algorithm>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"
#include "node/commands/objects.h"
#include "node/commands/zset_ranges.h"

namespace holdfast::node::handlers {
namespace {

enum class Where : uint8_t { min, max };

std::string_view pop_command(Where where) { return where == Where::min ? "ZPOPMIN" : "ZPOPMAX"; }

// How popped elements are replied.
enum class Shape : uint8_t {
  flat,          // member, score, member, score ...
  pairs,         // [member, score], [member, score] ...
  named,         // key, member, score                      (BZPOPMIN)
  named_pairs,   // key, [[member, score] ...]              (ZMPOP)
};

// Replies `count` elements from one end and removes them. The key holds a sorted set.
void pop(Call& call, std::string_view key, Where where, size_t count, Shape shape) {
  const Edited edited = edit_object<ZsetObject>(call, key, IfAbsent::leave, [&](ZsetObject& set) {
    count = std::min(count, set.size());
    const bool from_end = where == Where::max;
    const RankRange range = from_end ? RankRange{set.size() - count, set.size()} : RankRange{0, count};
    resp::Writer& reply = call.reply;
    if (shape == Shape::named || shape == Shape::named_pairs) {
      reply.array(shape == Shape::named ? 3 : 2);
      reply.bulk(key);
    }
    if (shape == Shape::flat) reply.array(count * 2);
    if (shape == Shape::pairs || shape == Shape::named_pairs) reply.array(count);
    visit_range(set, range, from_end, [&](std::string_view member, double score) {
      if (shape == Shape::pairs || shape == Shape::named_pairs) reply.array(2);
      reply.bulk(member);
      reply.real(score);
    });
    set.remove_range(range.from, count);
    return count;
  });
  notify_edit(call, edited, kNotifyZset, where == Where::min ? "zpopmin" : "zpopmax", key);
}

void pop_some(Call& call, Where where) {
  if (call.argc() > 3) return call.reply.error(kSyntaxError);
  size_t count = 1;
  const bool counted = call.argc() == 3;
  if (counted) {
    const auto given = read_integer_in(call, call.args[2], 0, INT64_MAX, "ERR value is out of range, must be positive");
    if (!given) return;
    count = static_cast<size_t>(*given);
  }
  const auto found = find_object<ZsetObject>(call, call.args[1]);
  if (found.wrong) return;
  if (found.object == nullptr || count == 0) return call.reply.array(0);
  pop(call, call.args[1], where, count, counted && call.reply.protocol() == 3 ? Shape::pairs : Shape::flat);
}

// The first of the keys that has something; `wrong` when one before it is of another type, which has been answered. A
// client that is woken passes such keys over.
struct Source {
  std::string_view key;
  bool found = false, wrong = false;
};
Source find_source(Call& call, std::span<const std::string_view> keys) {
  for (const std::string_view key : keys) {
    const Entry* entry = call.keys.find(call.db(), key);
    if (entry == nullptr) continue;
    if (entry->type() == ValueType::zset) return {key, true, false};
    if (call.woken) continue;
    call.reply.error(kWrongType);
    return {key, false, true};
  }
  return {};
}

void pop_or_wait(Call& call, Where where) {
  const auto timeout = read_timeout(call, call.args.back());
  if (!timeout) return;
  const auto keys = call.args.subspan(1, call.argc() - 2);
  const Source source = find_source(call, keys);
  if (source.wrong) return;
  if (!source.found) return call.node.block(call, keys, *timeout, BlockedReply::null_array);
  pop(call, source.key, where, 1, Shape::named);
  call.rewrite({pop_command(where), source.key});
}

// numkeys key [key ...] MIN|MAX [COUNT count], from argument `at` on.
struct MultiPop {
  std::span<const std::string_view> keys;
  Where where = Where::min;
  size_t count = 1;
};
std::optional<MultiPop> read_multi_pop(Call& call, size_t at) {
  MultiPop request;
  const auto keys = read_integer_in(call, call.args[at], 1, INT64_MAX, "ERR numkeys should be greater than 0");
  if (!keys) return std::nullopt;
  const auto refuse = [&]() -> std::optional<MultiPop> {
    call.reply.error(kSyntaxError);
    return std::nullopt;
  };
  if (static_cast<size_t>(*keys) >= call.argc() - at - 1) return refuse();
  request.keys = call.args.subspan(at + 1, static_cast<size_t>(*keys));
  at += 1 + request.keys.size();
  if (iequals(call.args[at], "MAX")) {
    request.where = Where::max;
  } else if (!iequals(call.args[at], "MIN")) {
    return refuse();
  }
  bool counted = false;
  for (++at; at < call.argc(); at += 2) {
    if (counted || !iequals(call.args[at], "COUNT") || at + 1 == call.argc()) return refuse();
    const auto count = read_integer_in(call, call.args[at + 1], 1, INT64_MAX, "ERR count should be greater than 0");
    if (!count) return std::nullopt;
    request.count = static_cast<size_t>(*count);
    counted = true;
  }
  return request;
}

// True when elements have been popped or an error answered.
bool pop_multi(Call& call, const MultiPop& request) {
  const Source source = find_source(call, request.keys);
  if (source.wrong) return true;
  if (!source.found) return false;
  const size_t size = find_object<ZsetObject>(call, source.key).object->size();
  const std::string count = fmt::format_int(std::min(request.count, size)).str();
  pop(call, source.key, request.where, request.count, Shape::named_pairs);
  call.rewrite({pop_command(request.where), source.key, count});
  return true;
}

}  // namespace

void zpopmin(Call& call) { pop_some(call, Where::min); }
void zpopmax(Call& call) { pop_some(call, Where::max); }
void bzpopmin(Call& call) { pop_or_wait(call, Where::min); }
void bzpopmax(Call& call) { pop_or_wait(call, Where::max); }

void zmpop(Call& call) {
  const auto request = read_multi_pop(call, 1);
  if (request && !pop_multi(call, *request)) call.reply.null_array();
}

void bzmpop(Call& call) {
  const auto request = read_multi_pop(call, 2);
  if (!request) return;
  const auto timeout = read_timeout(call, call.args[1]);
  if (timeout && !pop_multi(call, *request)) call.node.block(call, request->keys, *timeout, BlockedReply::null_array);
}

// --- ZRANDMEMBER ---

namespace {

// Any element each time.
void reply_with_repeats(Call& call, const ZsetObject& set, uint64_t count, bool with_scores) {
  reply_elements(call.reply, count, with_scores);
  for (; count > 0 && !call.session.closing; --count) {
    const auto cursor = set.random(call.node.random());
    reply_element(call.reply, cursor.member(), cursor.score(), with_scores);
  }
}

// So many different ones, each choice with equal chance: Floyd's selection among the ranks.
void reply_distinct(Call& call, const ZsetObject& set, size_t count, bool with_scores) {
  const size_t size = set.size();
  reply_elements(call.reply, count, with_scores);
  if (count * 3 > size) {
    // Many: each with the chance that keeps the sum right, in order.
    size_t left = count;
    size_t behind = size;
    for (auto cursor = set.first(); left > 0; cursor.next(), --behind) {
      if (call.node.random().below(behind) >= left) continue;
      reply_element(call.reply, cursor.member(), cursor.score(), with_scores);
      --left;
    }
    return;
  }
  std::unordered_set<size_t> chosen;
  for (size_t last = size - count; last < size; ++last) {
    size_t rank = call.node.random().below(last + 1);
    if (!chosen.insert(rank).second) chosen.insert(rank = last);
    const auto cursor = set.at(rank);
    reply_element(call.reply, cursor.member(), cursor.score(), with_scores);
  }
}

}  // namespace

void zrandmember(Call& call) {
  if (call.argc() == 2) {
    const auto found = read_object<ZsetObject>(call, call.args[1]);
    if (found.wrong) return;
    if (found.object == nullptr) return call.reply.null();
    return call.reply.bulk(found.object->random(call.node.random()).member());
  }
  const auto count = read_integer(call, call.args[2]);
  if (!count) return;
  if (*count < -INT64_MAX) {
    return call.reply.error(
        fmt::format("ERR value is out of range, value must between {} and {}", -INT64_MAX, INT64_MAX));
  }
  const bool with_scores = call.argc() == 4;
  if (call.argc() > 4 || (with_scores && !iequals(call.args[3], "WITHSCORES"))) return call.reply.error(kSyntaxError);
  if (with_scores && (*count < -(INT64_MAX / 2) || *count > INT64_MAX / 2)) {
    return call.reply.error("ERR value is out of range");
  }
  const auto found = read_object<ZsetObject>(call, call.args[1]);
  if (found.wrong) return;
  if (found.object == nullptr || *count == 0) return call.reply.array(0);
  const ZsetObject& set = *found.object;
  if (*count < 0) return reply_with_repeats(call, set, static_cast<uint64_t>(-*count), with_scores);
  if (static_cast<uint64_t>(*count) < set.size()) {
    return reply_distinct(call, set, static_cast<size_t>(*count), with_scores);
  }
  reply_elements(call.reply, set.size(), with_scores);
  set.for_each([&](std::string_view member, double score) { reply_element(call.reply, member, score, with_scores); });
}

}  // namespace holdfast::node::handlers
