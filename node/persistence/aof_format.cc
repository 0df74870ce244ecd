#include "node/persistence/aof_format.h"

#include <array>

#include "common/base/text.h"
#include "common/resp/writer.h"

namespace holdfast::node::aof {

std::string format_replication(const ReplicationPosition& position) {
  return fmt::format("#{}{} {} {}\r\n", kReplication, position.id.view(), position.offset, position.stream_db);
}

std::optional<ReplicationPosition> parse_replication(std::string_view annotation) {
  if (!annotation.starts_with(kReplication)) return std::nullopt;
  const auto fields = split(annotation.substr(kReplication.size()), ' ');
  if (fields.size() != 3) return std::nullopt;
  const auto id = RunId::parse(fields[0]);
  const auto offset = parse_int64(fields[1]);
  const auto db = parse_int64(fields[2]);
  if (!id || !offset || *offset < 0 || !db || *db < -1 || *db > 1'000'000) return std::nullopt;
  return ReplicationPosition{*id, *offset, static_cast<int>(*db)};
}

void append_command(std::string& out, std::span<const std::string_view> argv) { resp::Writer(out).command(argv); }

void append_select(std::string& out, int db) {
  const std::string number = std::to_string(db);
  const std::array<std::string_view, 2> argv = {"SELECT", number};
  append_command(out, argv);
}

}  // namespace holdfast::node::aof
