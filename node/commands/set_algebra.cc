// Several sets at once: SINTER, SINTERSTORE, SINTERCARD, SUNION, SUNIONSTORE, SDIFF, SDIFFSTORE.
#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/base/text.h"
#include "node/collections/set_object.h"
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"
#include "node/commands/objects.h"

namespace holdfast::node::handlers {
namespace {

// The sets at the keys, null where there is none; nothing when an error has been answered. Objects stay where they are
// whatever else a look-up finds expired.
enum class For : uint8_t { reading, storing };
std::optional<std::vector<const SetObject*>> find_sets(Call& call, std::span<const std::string_view> keys, For what) {
  std::vector<const SetObject*> sets;
  sets.reserve(keys.size());
  for (const std::string_view key : keys) {
    const auto found = what == For::reading ? read_object<SetObject>(call, key) : find_object<SetObject>(call, key);
    if (found.wrong) return std::nullopt;
    sets.push_back(found.object);
  }
  return sets;
}

using Sets = std::vector<const SetObject*>;

// visit(member) for each member of all sets until it returns false.
template <class Visit>
void intersect(Sets sets, Visit&& visit) {
  if (std::ranges::find(sets, nullptr) != sets.end()) return;
  // The smallest decides, and the next ones are the likeliest to lack a member.
  std::ranges::stable_sort(sets, {}, [](const SetObject* set) { return set->size(); });
  sets.front()->for_each_while([&](std::string_view member) {
    for (size_t i = 1; i < sets.size(); ++i) {
      if (sets[i] != sets.front() && !sets[i]->contains(member)) return true;
    }
    return visit(member);
  });
}

void unite(const Sets& sets, SetObject& result, const EncodingLimits& limits) {
  for (const SetObject* set : sets) {
    if (set != nullptr) set->for_each([&](std::string_view member) { result.add(member, limits); });
  }
}

// visit(member) for each member of the first set that is in none of the others.
template <class Visit>
void subtract(const Sets& sets, Visit&& visit) {
  const SetObject* first = sets.front();
  if (first == nullptr || std::find(sets.begin() + 1, sets.end(), first) != sets.end()) return;
  Sets others;
  std::copy_if(sets.begin() + 1, sets.end(), std::back_inserter(others), [](const auto* set) { return set != nullptr; });
  std::ranges::sort(others, std::greater(), [](const SetObject* set) { return set->size(); });
  first->for_each([&](std::string_view member) {
    if (std::ranges::none_of(others, [&](const SetObject* set) { return set->contains(member); })) visit(member);
  });
}

enum class Operation : uint8_t { intersection, united, difference };

// visit(member) for each member of the result.
template <class Visit>
void compute(Operation operation, const Sets& sets, const EncodingLimits& limits, Visit&& visit) {
  switch (operation) {
    case Operation::intersection:
      return intersect(sets, [&](std::string_view member) {
        visit(member);
        return true;
      });
    case Operation::difference:
      return subtract(sets, visit);
    case Operation::united: {
      SetObject all;
      unite(sets, all, limits);
      all.for_each(visit);
    }
  }
}

void reply_result(Call& call, Operation operation) {
  const auto sets = find_sets(call, call.args.subspan(1), For::reading);
  if (!sets) return;
  const size_t mark = call.reply.begin_deferred();
  size_t count = 0;
  compute(operation, *sets, call.node.config().encodings, [&](std::string_view member) {
    call.reply.bulk(member);
    ++count;
  });
  call.reply.end_deferred_set(mark, count);
}

void store_result(Call& call, Operation operation, std::string_view event) {
  const std::string_view target = call.args[1];
  const auto sets = find_sets(call, call.args.subspan(2), For::storing);
  if (!sets) return;
  const EncodingLimits& limits = call.node.config().encodings;
  auto result = std::make_unique<SetObject>();
  if (operation == Operation::united) {
    unite(*sets, *result, limits);
  } else {
    compute(operation, *sets, limits, [&](std::string_view member) { result->add(member, limits); });
  }
  const size_t size = result->size();
  if (size > 0) {
    call.keys.set(call.db(), target, Value::object(std::move(result)));
    call.notify(kNotifySet, event, target);
  } else if (call.keys.find(call.db(), target) != nullptr) {
    call.keys.erase(call.db(), target, free_mode(call.node.config().lazyfree_server_del));
    call.notify(kNotifyGeneric, "del", target);
  }
  call.reply.integer(static_cast<int64_t>(size));
}

}  // namespace

void sinter(Call& call) { reply_result(call, Operation::intersection); }
void sunion(Call& call) { reply_result(call, Operation::united); }
void sdiff(Call& call) { reply_result(call, Operation::difference); }
void sinterstore(Call& call) { store_result(call, Operation::intersection, "sinterstore"); }
void sunionstore(Call& call) { store_result(call, Operation::united, "sunionstore"); }
void sdiffstore(Call& call) { store_result(call, Operation::difference, "sdiffstore"); }

void sintercard(Call& call) {
  const auto number =
      read_integer_in(call, call.args[1], 1, INT64_MAX, "ERR numkeys should be greater than 0");
  if (!number) return;
  if (static_cast<uint64_t>(*number) > call.argc() - 2) {
    return call.reply.error("ERR Number of keys can't be greater than number of args");
  }
  const auto keys = static_cast<size_t>(*number);
  uint64_t limit = 0;
  for (size_t i = 2 + keys; i < call.argc(); i += 2) {
    if (!iequals(call.args[i], "LIMIT") || i + 1 == call.argc()) return call.reply.error(kSyntaxError);
    const auto given = read_integer_in(call, call.args[i + 1], 0, INT64_MAX, "ERR LIMIT can't be negative");
    if (!given) return;
    limit = static_cast<uint64_t>(*given);
  }
  const auto sets = find_sets(call, call.args.subspan(2, keys), For::reading);
  if (!sets) return;
  uint64_t count = 0;
  intersect(*sets, [&](std::string_view) { return ++count != limit; });
  call.reply.integer(static_cast<int64_t>(count));
}

}  // namespace holdfast::node::handlers
