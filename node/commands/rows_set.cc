// Rows of the set commands. Descriptions: Redis 7.0's documentation (COMMAND DOCS).
#include "node/commands/handlers.h"
#include "node/commands/rows.h"

namespace holdfast::node {

void add_set_rows(CommandTable& table) { (void)table; }

}  // namespace holdfast::node
