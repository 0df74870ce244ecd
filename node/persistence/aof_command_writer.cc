#include "node/persistence/aof_command_writer.h"

#include <array>
#include <string>

#include "node/persistence/aof_format.h"
#include "node/persistence/aof_value_commands.h"

namespace holdfast::node {

namespace {

void put_entry(CommandOutput& out, const EntryView& entry) {
  put_value_commands(out, entry.key, entry.value);
  if (!entry.expires_at) return;
  const std::string time = std::to_string(to_unix_ms(*entry.expires_at));
  out.put(std::array<std::string_view, 3>{"PEXPIREAT", entry.key, time});
}

}  // namespace

Result<SaveStats> save_commands(const DataSource& source, ByteSink& sink, const RdbHeader& header) {
  SaveStats stats;
  CommandOutput out(sink);
  if (header.replication) out.put_raw(aof::format_replication(*header.replication));
  int selected = -1;
  auto done = source.for_each([&](const EntryView& entry) -> Result<> {
    if (entry.db != selected) {
      selected = entry.db;
      const std::string number = std::to_string(selected);
      out.put(std::array<std::string_view, 2>{"SELECT", number});
    }
    put_entry(out, entry);
    if (!out.status()) return out.status();
    ++stats.keys;
    return {};
  });
  if (done) done = out.flush();
  if (!done) return std::unexpected(std::move(done.error()));
  stats.bytes = out.bytes_put();
  return stats;
}

}  // namespace holdfast::node
