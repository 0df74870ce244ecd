// Members drawn at random: SPOP, SRANDMEMBER.
#include <string>
#include <unordered_set>
#include <vector>

#include "node/collections/set_object.h"
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"
#include "node/commands/objects.h"
#include "node/commands/random_picks.h"

namespace holdfast::node::handlers {
namespace {

// So many different ones, of a larger set.
template <class Visit>
void draw_distinct(const SetObject& set, RandomSource& random, size_t count, Visit&& visit) {
  const size_t size = set.size();
  if (set.table() != nullptr && count * 3 < size) {
    std::unordered_set<std::string_view> known;
    SetObject::Scratch unused;
    while (known.size() < count) {
      const std::string_view member = set.random(random, unused);
      if (known.insert(member).second) visit(member);
    }
    return;
  }
  std::vector<bool> chosen(size);
  for (const size_t number : distinct_numbers(random, size, count)) chosen[number] = true;
  size_t number = 0;
  set.for_each([&](std::string_view member) {
    if (chosen[number++]) visit(member);
  });
}

void pop_one(Call& call) {
  const std::string_view key = call.args[1];
  std::string member;
  const auto edited = edit_object<SetObject>(call, key, IfAbsent::leave, [&](SetObject& set) -> size_t {
    SetObject::Scratch scratch;
    member = set.random(call.node.random(), scratch);
    return set.remove(member);
  });
  if (!edited) return;
  if (edited.changes == 0) return call.reply.null();
  call.rewrite({"SREM", key, member});
  notify_edit(call, edited, kNotifySet, "spop", key);
  call.reply.bulk(member);
}

// All of them: the key goes.
void pop_all(Call& call, const SetObject& set) {
  const std::string_view key = call.args[1];
  const bool lazily = call.node.config().lazyfree_server_del;
  call.reply.set(set.size());
  set.for_each([&](std::string_view member) { call.reply.bulk(member); });
  call.rewrite({"DEL", key});
  call.notify(kNotifySet, "spop", key);
  call.keys.erase(call.db(), key, free_mode(lazily));
  call.notify(kNotifyGeneric, "del", key);
}

// So many that some are left; told in parts, so that no command gets long.
void pop_some(Call& call, size_t count) {
  constexpr size_t kMostInOne = 1024;
  const std::string_view key = call.args[1];
  const EncodingLimits& limits = call.node.config().encodings;
  std::vector<std::string> taken;
  taken.reserve(count);
  const auto edited = edit_object<SetObject>(call, key, IfAbsent::leave, [&](SetObject& set) {
    draw_distinct(set, call.node.random(), count, [&](std::string_view member) { taken.emplace_back(member); });
    const size_t left = set.size() - count;
    for (const std::string& member : taken) set.remove(member);
    // Few are left of many: they make a new set, which may be an intset again, as in Redis.
    if (left * 5 <= count) set.rebuild(limits);
    return count;
  });
  for (size_t i = 0; i < taken.size(); i += kMostInOne) {
    std::vector<std::string_view> words{"SREM", key};
    words.insert(words.end(), taken.begin() + static_cast<ptrdiff_t>(i),
                 taken.begin() + static_cast<ptrdiff_t>(std::min(i + kMostInOne, taken.size())));
    call.node.effects().push(call.db(), words);
  }
  call.no_propagation();
  notify_edit(call, edited, kNotifySet, "spop", key);
  call.reply.set(taken.size());
  for (const std::string& member : taken) call.reply.bulk(member);
}

}  // namespace

void spop(Call& call) {
  if (call.argc() == 2) return pop_one(call);
  if (call.argc() > 3) return call.reply.error(kSyntaxError);
  const auto count =
      read_integer_in(call, call.args[2], 0, INT64_MAX, "ERR value is out of range, must be positive");
  if (!count) return;
  const auto found = find_object<SetObject>(call, call.args[1]);
  if (found.wrong) return;
  if (found.object == nullptr || *count == 0) return call.reply.set(0);
  const auto wanted = static_cast<size_t>(*count);
  wanted >= found.object->size() ? pop_all(call, *found.object) : pop_some(call, wanted);
}

void srandmember(Call& call) {
  if (call.argc() > 3) return call.reply.error(kSyntaxError);
  int64_t count = 0;
  if (call.argc() == 3) {
    const auto given = read_integer_in(call, call.args[2], -INT64_MAX, INT64_MAX,
                                       "ERR value is out of range, value must between -9223372036854775807 and "
                                       "9223372036854775807");
    if (!given) return;
    count = *given;
  }
  const auto found = read_object<SetObject>(call, call.args[1]);
  if (found.wrong) return;
  SetObject::Scratch scratch;
  if (call.argc() == 2) {
    if (found.object == nullptr) return call.reply.null();
    return call.reply.bulk(found.object->random(call.node.random(), scratch));
  }
  if (found.object == nullptr || count == 0) return call.reply.array(0);
  const SetObject& set = *found.object;
  if (count < 0) {
    const auto times = static_cast<uint64_t>(-count);
    call.reply.array(times);
    for (uint64_t i = 0; i < times; ++i) call.reply.bulk(set.random(call.node.random(), scratch));
  } else if (static_cast<size_t>(count) >= set.size()) {
    call.reply.array(set.size());
    set.for_each([&](std::string_view member) { call.reply.bulk(member); });
  } else {
    call.reply.array(static_cast<size_t>(count));
    draw_distinct(set, call.node.random(), static_cast<size_t>(count),
                  [&](std::string_view member) { call.reply.bulk(member); });
  }
}

}  // namespace holdfast::node::handlers
