// Rows of the transaction commands. Descriptions: Redis 7.0's documentation (COMMAND DOCS).
#include "node/commands/handlers.h"
#include "node/commands/rows.h"

namespace holdfast::node {
namespace {

using namespace command;  // the flags

constexpr CommandRow kTransactionRows[] = {
    {{.name = "discard",
      .arity = 1,
      .flags = kNoScript | kLoading | kStale | kFast | kAllowBusy,
      .categories = kTransaction,
      .group = "transactions",
      .since = "2.0.0",
      .complexity = "O(N), when N is the number of queued commands",
      .summary = "Discard all commands issued after MULTI"},
     handlers::discard},
    {{.name = "exec",
      .arity = 1,
      .flags = kNoScript | kLoading | kStale | kSkipSlowlog,
      .categories = kTransaction,
      .group = "transactions",
      .since = "1.2.0",
      .complexity = "Depends on commands in the transaction",
      .summary = "Execute all commands issued after MULTI"},
     handlers::exec},
    {{.name = "multi",
      .arity = 1,
      .flags = kNoScript | kLoading | kStale | kFast | kAllowBusy,
      .categories = kTransaction,
      .group = "transactions",
      .since = "1.2.0",
      .complexity = "O(1)",
      .summary = "Mark the start of a transaction block"},
     handlers::multi},
    {{.name = "unwatch",
      .arity = 1,
      .flags = kNoScript | kLoading | kStale | kFast | kAllowBusy,
      .categories = kTransaction,
      .group = "transactions",
      .since = "2.2.0",
      .complexity = "O(1)",
      .summary = "Forget about all watched keys"},
     handlers::unwatch},
    {{.name = "watch",
      .arity = -2,
      .flags = kNoScript | kLoading | kStale | kFast | kAllowBusy,
      .keys = {1, -1, 1, kKeyRO},
      .categories = kTransaction,
      .group = "transactions",
      .since = "2.2.0",
      .complexity = "O(1) for every key.",
      .summary = "Watch the given keys to determine execution of the MULTI/EXEC block"},
     handlers::watch},
};

}  // namespace

void add_transaction_rows(CommandTable& table) { table.add(kTransactionRows); }

}  // namespace holdfast::node
