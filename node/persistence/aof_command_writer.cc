#include "node/persistence/aof_command_writer.h"

#include <array>
#include <string>

#include "common/base/assert.h"
#include "node/persistence/aof_format.h"

namespace holdfast::node {

namespace {

constexpr size_t kBlockBytes = 64 * 1024;
constexpr uint64_t kKeysPerProgress = 1024;

void append_entry(std::string& out, const EntryView& entry) {
  HOLDFAST_ASSERT(entry.value.type() == ValueType::string);
  Value::Scratch scratch;
  const std::array<std::string_view, 3> set = {"SET", entry.key, entry.value.bytes(scratch)};
  aof::append_command(out, set);
  if (!entry.expires_at) return;
  const std::string time = std::to_string(to_unix_ms(*entry.expires_at));
  const std::array<std::string_view, 3> expire = {"PEXPIREAT", entry.key, time};
  aof::append_command(out, expire);
}

}  // namespace

Result<SaveStats> save_commands(const DataSource& source, ByteSink& sink, const RdbHeader& header,
                                const SaveProgress& progress) {
  SaveStats stats;
  std::string block;
  if (header.replication) block += aof::format_replication(*header.replication);
  const auto hand_over = [&]() -> Result<> {
    stats.bytes += block.size();
    auto done = sink.write(block);
    block.clear();
    return done;
  };
  int selected = -1;
  auto done = source.for_each([&](const EntryView& entry) -> Result<> {
    if (entry.db != selected) {
      selected = entry.db;
      aof::append_select(block, selected);
    }
    append_entry(block, entry);
    if (block.size() >= kBlockBytes) {
      if (auto written = hand_over(); !written) return written;
    }
    if (++stats.keys % kKeysPerProgress != 0 || !progress) return {};
    return progress(stats);
  });
  if (done) done = hand_over();
  if (!done) return std::unexpected(std::move(done.error()));
  return stats;
}

}  // namespace holdfast::node
