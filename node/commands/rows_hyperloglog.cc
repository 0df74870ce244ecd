// Rows of the HyperLogLog commands. Descriptions: Redis 7.0's documentation (COMMAND DOCS).
#include "node/commands/handlers.h"
#include "node/commands/rows.h"

namespace holdfast::node {
namespace {

using namespace command;  // the flags

constexpr CommandRow kHyperloglogRows[] = {
    {{.name = "pfadd",
      .arity = -2,
      .flags = kWrite | kDenyOom | kFast,
      .keys = {1, 1, 1, kKeyRW | kKeyInsert},
      .categories = kHyperLogLog,
      .group = "hyperloglog",
      .since = "2.8.9",
      .complexity = "O(1) to add every element.",
      .summary = "Adds the specified elements to the specified HyperLogLog."},
     handlers::pfadd},
    {{.name = "pfcount",
      .arity = -2,
      .flags = kReadonly | kMayReplicate,
      .keys = {1, -1, 1, kKeyRW | kKeyAccess},
      .categories = kHyperLogLog,
      .group = "hyperloglog",
      .since = "2.8.9",
      .complexity = "O(1) with a very small average constant time when called with a single key. O(N) with N being the "
                    "number of keys, and much bigger constant times, when called with multiple keys.",
      .summary = "Return the approximated cardinality of the set(s) observed by the HyperLogLog at key(s).",
      .key_notes = "RW because it may change the internal representation of the key, and propagate to replicas"},
     handlers::pfcount},
    {{.name = "pfdebug",
      .arity = 3,
      .flags = kWrite | kDenyOom | kAdmin,
      .keys = {2, 2, 1, kKeyRW | kKeyAccess},
      .categories = kHyperLogLog,
      .group = "hyperloglog",
      .since = "2.8.9",
      .complexity = "N/A",
      .summary = "Internal commands for debugging HyperLogLog values"},
     handlers::pfdebug},
    {{.name = "pfmerge",
      .arity = -2,
      .flags = kWrite | kDenyOom,
      .keys = {1, 1, 1, kKeyRW | kKeyAccess | kKeyInsert},
      .categories = kHyperLogLog,
      .group = "hyperloglog",
      .since = "2.8.9",
      .complexity = "O(N) to merge N HyperLogLogs, but with high constant times.",
      .summary = "Merge N different HyperLogLogs into a single one.",
      .keys2 = {2, -1, 1, kKeyRO | kKeyAccess}},
     handlers::pfmerge},
    {{.name = "pfselftest",
      .arity = 1,
      .flags = kAdmin,
      .categories = kHyperLogLog,
      .group = "hyperloglog",
      .since = "2.8.9",
      .complexity = "N/A",
      .summary = "An internal command for testing HyperLogLog values"},
     handlers::pfselftest},
};

}  // namespace

void add_hyperloglog_rows(CommandTable& table) { table.add(kHyperloglogRows); }

}  // namespace holdfast::node
