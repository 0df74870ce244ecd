#include "node/persistence/snapshot.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "node/persistence/aof_command_writer.h"
#include "node/persistence/aof_format.h"
#include "node/persistence/byte_stream.h"

namespace holdfast::node {

namespace {

Result<SaveStats> write_to(ByteSink& sink, const DataSource& source, const SnapshotRequest& request) {
  if (request.format == SnapshotRequest::Format::commands) {
    return save_commands(source, sink, request.header);
  }
  return save_rdb(source, sink, request.header, request.encoding);
}

Result<SaveStats> write_synced_file(FileSystem& fs, const std::string& path, const DataSource& source,
                                    const SnapshotRequest& request) {
  auto file = fs.open(path, FileSystem::Mode::create);
  if (!file) return std::unexpected(std::move(file.error()));
  FileSink sink(**file, request.incremental_sync ? kSyncEveryBytes : 0,
                request.purpose == SnapshotPurpose::transfer ? FileSink::Cached::yes : FileSink::Cached::no);
  auto stats = write_to(sink, source, request);
  if (!stats) return stats;
  if (auto synced = sink.finish(); !synced) return std::unexpected(std::move(synced.error()));
  return stats;
}

// The pid in a temporary's name, or nothing.
std::optional<int64_t> pid_of(std::string_view name) {
  for (const auto& [prefix, suffix] :
       {std::pair<std::string_view, std::string_view>{aof::kTemporaryBasePrefix, ".aof"}, {"temp-", ".rdb"}}) {
    if (name.size() > prefix.size() + suffix.size() && name.starts_with(prefix) && name.ends_with(suffix)) {
      return parse_int64(name.substr(prefix.size(), name.size() - prefix.size() - suffix.size()));
    }
  }
  return std::nullopt;
}

bool alive(int64_t pid) { return ::kill(static_cast<pid_t>(pid), 0) == 0 || errno != ESRCH; }

}  // namespace

std::string temporary_rdb_path(const std::string& directory, int id) {
  return join_path(directory, fmt::format("temp-{}.rdb", id));
}

Result<SaveStats> write_snapshot(FileSystem& fs, const DataSource& source, const SnapshotRequest& request) {
  if (request.descriptor >= 0) {
    DescriptorSink sink(request.descriptor);
    return write_to(sink, source, request);
  }
  HOLDFAST_ASSERT(!request.path.empty());
  const std::string directory = directory_of(request.path);
  const std::string temporary = temporary_rdb_path(directory, ::getpid());
  auto stats = write_synced_file(fs, temporary, source, request);
  Result<> done;
  if (!stats) {
    done = std::unexpected(stats.error());
  } else if (done = fs.rename(temporary, request.path); done) {
    done = fs.sync_directory(directory);
  }
  if (done) return stats;
  (void)fs.remove(temporary);
  return std::unexpected(std::move(done.error()));
}

void remove_stale_temporaries(FileSystem& fs, const std::string& directory) {
  const auto names = fs.list(directory);
  if (!names) return;
  for (const std::string& name : *names) {
    const auto pid = pid_of(name);
    if (!pid || *pid <= 0 || (*pid != ::getpid() && alive(*pid))) continue;
    if (fs.remove(join_path(directory, name))) log::notice("Removed the temporary file {} of an earlier run", name);
  }
}

}  // namespace holdfast::node
