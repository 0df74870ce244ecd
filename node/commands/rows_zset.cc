// Rows of the sorted set commands. Descriptions: Redis 7.0's documentation (COMMAND DOCS).
#include "node/commands/handlers.h"
#include "node/commands/rows.h"

namespace holdfast::node {

void add_zset_rows(CommandTable& table) { (void)table; }

}  // namespace holdfast::node
