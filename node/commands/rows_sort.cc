// Rows of SORT and SORT_RO. Descriptions: Redis 7.0's documentation (COMMAND DOCS).
#include "common/base/text.h"
#include "node/commands/handlers.h"
#include "node/commands/rows.h"

namespace holdfast::node {
namespace {

using namespace command;  // the flags

// The key to sort, and the last one named to store in. (What BY and GET name depends on the elements.)
std::vector<int> sort_keys(std::span<const std::string_view> args) {
  std::vector<int> found = {1};
  for (size_t i = 2; i < args.size(); ++i) {
    if (iequals(args[i], "LIMIT")) {
      i += 2;
    } else if (iequals(args[i], "GET") || iequals(args[i], "BY")) {
      ++i;
    } else if (iequals(args[i], "STORE") && i + 1 < args.size()) {
      found.resize(1);
      found.push_back(static_cast<int>(i + 1));
    }
  }
  return found;
}

std::vector<int> sort_ro_keys(std::span<const std::string_view>) { return {1}; }

constexpr std::string_view kPatternNotes =
    "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key "
    "we "
    "sort";
constexpr std::string_view kStoreNotes =
    "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument "
    "array";

constexpr CommandRow kSortRows[] = {
    {{.name = "sort",
      .arity = -2,
      .flags = kWrite | kDenyOom | kMovableKeys,
      .keys = {1, 1, 1, kKeyRO | kKeyAccess},
      .categories = kSet | kSortedSet | kList | kDangerous,
      .group = "generic",
      .since = "1.0.0",
      .complexity = "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of "
                    "returned elements. When the elements are not sorted, complexity is O(N).",
      .summary = "Sort the elements in a list, set or sorted set",
      .find_keys = sort_keys,
      .keys2 = {.flags = kKeyRO | kKeyAccess, .find = KeyRange::Find::unknown, .notes = kPatternNotes},
      .keys3 = {.flags = kKeyOW | kKeyUpdate, .find = KeyRange::Find::unknown, .notes = kStoreNotes}},
     handlers::sort},
    {{.name = "sort_ro",
      .arity = -2,
      .flags = kReadonly | kMovableKeys,
      .keys = {1, 1, 1, kKeyRO | kKeyAccess},
      .categories = kSet | kSortedSet | kList | kDangerous,
      .group = "generic",
      .since = "7.0.0",
      .complexity = "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of "
                    "returned elements. When the elements are not sorted, complexity is O(N).",
      .summary = "Sort the elements in a list, set or sorted set. Read-only variant of SORT.",
      .find_keys = sort_ro_keys,
      .keys2 = {.flags = kKeyRO | kKeyAccess, .find = KeyRange::Find::unknown, .notes = kPatternNotes}},
     handlers::sort_ro},
};

}  // namespace

void add_sort_rows(CommandTable& table) { table.add(kSortRows); }

}  // namespace holdfast::node
