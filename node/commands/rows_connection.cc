// Rows of the connection and pub/sub commands that common/server has not. Descriptions: Redis 7.0's documentation
// (COMMAND DOCS).
#include "common/server/acl_commands.h"
#include "common/server/connection_rows.h"
#include "node/commands/handlers.h"
#include "node/commands/rows.h"

namespace holdfast::node {
namespace {

using namespace command;  // the flags

constexpr CommandRow kConnectionRows[] = {
    {{.name = "publish",
      .arity = 3,
      .flags = kPubsub | kLoading | kStale | kFast | kMayReplicate,
      .group = "pubsub",
      .since = "2.0.0",
      .complexity =
          "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of "
          "subscribed patterns (by any client).",
      .summary = "Post a message to a channel"},
     handlers::publish},
    {{.name = "select",
      .arity = 2,
      .flags = kLoading | kStale | kFast,
      .categories = kConnection,
      .group = "connection",
      .since = "1.0.0",
      .complexity = "O(1)",
      .summary = "Change the selected database for the current connection"},
     handlers::select},
    {{.name = "spublish",
      .arity = 3,
      .flags = kPubsub | kLoading | kStale | kFast | kMayReplicate,
      .keys = {1, 1, 1, kKeyNotKey},
      .group = "pubsub",
      .since = "7.0.0",
      .complexity = "O(N) where N is the number of clients subscribed to the receiving shard channel.",
      .summary = "Post a message to a shard channel"},
     handlers::spublish},
};

}  // namespace

void add_connection_rows(CommandTable& table) {
  table.add(server::connection_rows<Call>());
  table.add(server::acl_rows<Call>());
  table.add(kConnectionRows);
}

}  // namespace holdfast::node
