// Constants of the append-only file; docs/formats/aof.md is the page to it.
//
// Lines that start with '#' are annotations: Redis skips all of them. `#TS:<unix seconds>` is Redis's own. `#REPL:` is
// ours: the replication identity and offset of the data set at this place of the log.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "node/persistence/rdb_writer.h"

namespace holdfast::node::aof {

inline constexpr std::string_view kTimestamp = "TS:";
inline constexpr std::string_view kReplication = "REPL:";
inline constexpr std::string_view kTemporaryBasePrefix = "temp-rewriteaof-bg-";

// "#REPL:<40 hexadecimal digits> <offset> <selected database>\r\n"
std::string format_replication(const ReplicationPosition& position);
// From the text between '#' and the line end; nothing when it is another annotation or damaged.
std::optional<ReplicationPosition> parse_replication(std::string_view annotation);

// Appends one command.
void append_command(std::string& out, std::span<const std::string_view> argv);
void append_select(std::string& out, int db);

}  // namespace holdfast::node::aof
