// SORT, SORT_RO: the elements of a list, set or sorted set, ordered by themselves or by other keys' values.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "common/server/permissions.h"
#include "node/collections/hash_object.h"
#include "node/collections/set_object.h"
#include "node/collections/zset_object.h"
#include "node/commands/handlers.h"
#include "node/commands/lists.h"
#include "node/commands/node.h"

namespace holdfast::node::handlers {
namespace {

struct SortQuery {
  bool descending = false, alpha = false;
  bool unsorted = false;               // BY a constant: whatever order there is
  int64_t start = 0, count = -1;       // LIMIT
  std::optional<std::string_view> by;  // a pattern with a star
  std::vector<std::string_view> get;   // patterns
  std::optional<std::string_view> store;
  bool no_ties = false;  // equal weights: by the elements themselves
};

// Other keys' values are for those who may read any key.
bool may_look_elsewhere(Call& call, std::string_view option) {
  if (server::may_read_all_keys(call.server, call.session, call.command.id, call.args)) return true;
  call.reply.error(fmt::format("ERR {} option of SORT denied due to insufficient ACL permissions.", option));
  return false;
}

bool read_query(Call& call, bool read_only, SortQuery& query) {
  for (size_t i = 2; i < call.argc(); ++i) {
    const std::string_view word = call.args[i];
    const size_t left = call.argc() - i - 1;
    if (iequals(word, "ASC")) {
      query.descending = false;
    } else if (iequals(word, "DESC")) {
      query.descending = true;
    } else if (iequals(word, "ALPHA")) {
      query.alpha = true;
    } else if (iequals(word, "LIMIT") && left >= 2) {
      const auto start = read_integer(call, call.args[i + 1]);
      if (!start) return false;
      const auto count = read_integer(call, call.args[i + 2]);
      if (!count) return false;
      query.start = *start;
      query.count = *count;
      i += 2;
    } else if (iequals(word, "STORE") && !read_only && left >= 1) {
      query.store = call.args[++i];
    } else if (iequals(word, "BY") && left >= 1) {
      const std::string_view pattern = call.args[++i];
      query.unsorted |= pattern.find('*') == std::string_view::npos;
      if (pattern.find('*') != std::string_view::npos && !may_look_elsewhere(call, "BY")) return false;
      query.by = pattern;
    } else if (iequals(word, "GET") && left >= 1) {
      if (!may_look_elsewhere(call, "GET")) return false;
      query.get.push_back(call.args[++i]);
    } else {
      return call.reply.error(kSyntaxError), false;
    }
  }
  return true;
}

// What a pattern says about an element: "#" the element itself; else the value of the key, or with "->" of the field,
// that the pattern names with the element in place of its star. `stored`: the result is to be the replicas' too.
std::optional<std::string> look_up(Call& call, std::string_view pattern, const std::string& element, bool stored) {
  if (pattern == "#") return element;
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return std::nullopt;
  const size_t arrow = pattern.find("->", star + 1);
  std::string_view field, end = pattern.substr(star + 1);
  if (arrow != std::string_view::npos && arrow + 2 < pattern.size()) {
    field = pattern.substr(arrow + 2);
    end = pattern.substr(star + 1, arrow - star - 1);
  }
  std::string key(pattern.substr(0, star));
  key += element;
  key += end;
  const Entry* entry = call.keys.read(call.db(), key);
  if (entry == nullptr) return std::nullopt;
  if (field.empty()) {
    if (entry->type() != ValueType::string) return std::nullopt;
    Value::Scratch scratch;
    return std::string(entry->bytes(scratch));
  }
  if (entry->type() != ValueType::hash) return std::nullopt;
  HashObject::Scratch scratch;
  const int64_t before = call.keys.hidden_before_ms();
  const auto found = static_cast<const HashObject*>(entry->object())->find(field, scratch);
  if (!found) return std::nullopt;
  if (found->expires_ms == HashObject::kNoExpiry || found->expires_ms >= before) return std::string(found->value);
  // The replicas' hash has it until they are told: before the result that was made without it.
  if (stored && call.keys.removes_expired()) {
    call.keys.expire_elements(call.db(), call.keys.find_place(call.db(), key), [&](Object& object) {
      static_cast<HashObject&>(object).erase(field);
      return std::vector<std::string>{std::string(field)};
    });
  }
  return std::nullopt;
}

struct Element {
  std::string text;
  double score = 0;
  std::optional<std::string> weight;  // ALPHA with BY: the other key's value
};

// The elements from `start` on as they lie; `backwards` counts from the end.
void load(const ListObject& list, size_t start, size_t count, bool backwards, std::vector<Element>& elements) {
  if (count == 0) return;
  Listpack::Scratch scratch;
  auto cursor = list.at(backwards ? -1 - static_cast<int64_t>(start) : static_cast<int64_t>(start));
  for (; count > 0; --count) {
    elements.push_back({std::string((*cursor).view(scratch)), 0, std::nullopt});
    backwards ? cursor.previous() : cursor.next();
  }
}
void load(const ZsetObject& zset, size_t start, size_t count, bool backwards, std::vector<Element>& elements) {
  if (count == 0) return;
  auto cursor = zset.at(backwards ? zset.size() - 1 - start : start);
  for (; count > 0; --count) {
    elements.push_back({std::string(cursor.member()), 0, std::nullopt});
    backwards ? cursor.previous() : cursor.next();
  }
}

// Part of a sequence: LIMIT, cut to what is there.
ListRange cut_limit(const SortQuery& query, size_t length) {
  const auto size = static_cast<int64_t>(length);
  const int64_t start = std::min(std::max<int64_t>(query.start, 0), size);
  const int64_t most = query.count < 0 ? size : std::min(query.count, size);
  return {static_cast<size_t>(start), static_cast<size_t>(std::min(most, size - start))};
}

// Finds the elements' scores, or their weights. False: one has no number, where numbers are compared.
bool weigh(Call& call, const SortQuery& query, std::vector<Element>& elements) {
  bool numbers = true;
  for (Element& element : elements) {
    std::optional<std::string> found;
    if (query.by) {
      found = look_up(call, *query.by, element.text, query.store.has_value());
      if (!found) continue;  // weighs nothing
    }
    if (query.alpha) {
      if (query.by) element.weight = std::move(found);
      continue;
    }
    const std::string& text = query.by ? *found : element.text;
    char* end = nullptr;
    errno = 0;
    element.score = std::strtod(text.c_str(), &end);
    if (*end != '\0' || errno == ERANGE || std::isnan(element.score)) numbers = false;
  }
  return numbers;
}

// By bytes where the result is stored, so that it is the same everywhere; else by the process's locale.
int compare_texts(const std::string& a, const std::string& b, bool stored) {
  return stored ? a.compare(b) : std::strcoll(a.c_str(), b.c_str());
}

int compare(const Element& a, const Element& b, const SortQuery& query) {
  if (!query.alpha) {
    if (a.score != b.score) return a.score < b.score ? -1 : 1;
    return a.text.compare(b.text);
  }
  if (!query.by) return compare_texts(a.text, b.text, query.store.has_value());
  int order = static_cast<int>(a.weight.has_value()) - static_cast<int>(b.weight.has_value());
  if (a.weight && b.weight) order = compare_texts(*a.weight, *b.weight, query.store.has_value());
  return order == 0 && query.no_ties ? a.text.compare(b.text) : order;
}

// The elements to be sorted, or in no need of sorting: what LIMIT leaves of them.
struct Sorted {
  std::vector<Element> elements;
  ListRange shown;
  bool not_numbers = false;
};

Sorted sort_elements(Call& call, const Object* object, SortQuery& query) {
  Sorted sorted;
  if (object == nullptr) return sorted;
  // A set's own order means nothing: stored, it must be the same everywhere.
  query.no_ties = object->type() == ValueType::set && query.store;
  if (query.unsorted && query.no_ties) {
    query.unsorted = false;
    query.alpha = true;
    query.by.reset();
  }
  sorted.shown = cut_limit(query, object->size());
  const bool direct = query.unsorted && object->type() != ValueType::set;
  const ListRange range = direct ? sorted.shown : ListRange{0, object->size()};
  if (direct) sorted.shown.start = 0;
  sorted.elements.reserve(range.count);
  const bool backwards = direct && query.descending;
  if (object->type() == ValueType::list) {
    load(static_cast<const ListObject&>(*object), range.start, range.count, backwards, sorted.elements);
  } else if (object->type() == ValueType::zset) {
    load(static_cast<const ZsetObject&>(*object), range.start, range.count, backwards, sorted.elements);
  } else {
    static_cast<const SetObject*>(object)->for_each([&](std::string_view member) {
      sorted.elements.push_back({std::string(member), 0, std::nullopt});
    });
  }
  if (query.unsorted) return sorted;
  // From here on keys are looked up, which may remove expired ones: `object` is not used again.
  sorted.not_numbers = !weigh(call, query, sorted.elements);
  if (sorted.not_numbers) return sorted;
  std::stable_sort(sorted.elements.begin(), sorted.elements.end(), [&](const Element& a, const Element& b) {
    return query.descending ? compare(a, b, query) > 0 : compare(a, b, query) < 0;
  });
  return sorted;
}

// Calls take(value) for each value of the result; null where a pattern found nothing.
template <class Take>
void for_each_result(Call& call, const SortQuery& query, const Sorted& sorted, Take&& take) {
  for (size_t i = 0; i < sorted.shown.count; ++i) {
    const std::string& element = sorted.elements[sorted.shown.start + i].text;
    if (query.get.empty()) {
      take(&element);
      continue;
    }
    for (const std::string_view pattern : query.get) {
      const auto value = look_up(call, pattern, element, query.store.has_value());
      take(value ? &*value : nullptr);
    }
  }
}

void store_result(Call& call, const SortQuery& query, const Sorted& sorted) {
  const std::string_view target = *query.store;
  auto list = std::make_unique<ListObject>();
  const ListObject::Limits limits = list_limits(call);
  for_each_result(call, query, sorted, [&](const std::string* value) {
    list->push(ListEnd::tail, value == nullptr ? std::string_view() : *value, limits);
  });
  const size_t size = list->size();
  if (size > 0) {
    call.keys.set(call.db(), target, Value::object(std::move(list)));
    call.keys.add_dirty(static_cast<int64_t>(size) - 1);
    call.notify(kNotifyList, "sortstore", target);
  } else if (call.keys.peek(call.db(), target) != nullptr && call.keys.erase(call.db(), target)) {
    call.notify(kNotifyGeneric, "del", target);
  }
  call.reply.integer(static_cast<int64_t>(size));
}

void sort_generic(Call& call, bool read_only) {
  SortQuery query;
  if (!read_query(call, read_only, query)) return;
  const Entry* entry = query.store ? call.keys.find(call.db(), call.args[1]) : call.keys.read(call.db(), call.args[1]);
  if (entry != nullptr && entry->type() != ValueType::list && entry->type() != ValueType::set &&
      entry->type() != ValueType::zset) {
    return call.reply.error(kWrongType);
  }
  const Sorted sorted = sort_elements(call, entry == nullptr ? nullptr : entry->object(), query);
  if (sorted.not_numbers) return call.reply.error("ERR One or more scores can't be converted into double");
  if (query.store) return store_result(call, query, sorted);
  call.reply.array(sorted.shown.count * std::max<size_t>(query.get.size(), 1));
  for_each_result(call, query, sorted,
                  [&](const std::string* value) { value == nullptr ? call.reply.null() : call.reply.bulk(*value); });
}

}  // namespace

void sort(Call& call) { sort_generic(call, false); }
void sort_ro(Call& call) { sort_generic(call, true); }

}  // namespace holdfast::node::handlers
