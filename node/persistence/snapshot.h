// Snapshots: the data set of one instant, written to a file or a descriptor, in the foreground or beside the executor.
//
// SnapshotSaver is the interface to the background writer; CutSnapshotSaver (cut_snapshot_saver.h) is the one there is.
// One snapshot runs at a time. `on_finished` is called from poll() only, so never from inside start() or cancel(), and it
// may start the next snapshot.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/fs/file_system.h"
#include "common/time/clock.h"
#include "node/keyspace/data_visitor.h"
#include "node/persistence/rdb_writer.h"

namespace holdfast::node {

enum class SnapshotPurpose : uint8_t {
  rdb_file,  // SAVE, BGSAVE
  aof_base,  // BGREWRITEAOF
  transfer,  // a full sync, into a descriptor or a file
};

struct SnapshotRequest {
  enum class Format : uint8_t { rdb, commands };

  SnapshotPurpose purpose = SnapshotPurpose::rdb_file;
  Format format = Format::rdb;
  // The target: a file, which is replaced whole and durably, or an open descriptor of the caller's (pipe or socket).
  std::string path;
  int descriptor = -1;
  RdbHeader header;
  RdbEncoder::Options encoding;
  bool incremental_sync = true;  // rdb-save-incremental-fsync, aof-rewrite-incremental-fsync
};

struct SnapshotResult {
  SnapshotPurpose purpose = SnapshotPurpose::rdb_file;
  Result<> outcome;
  bool cancelled = false;  // then outcome is an error
  SaveStats stats;
  Nanos duration{};
  uint64_t copied_bytes = 0;  // what writes had to keep for it
};

// Writes the snapshot here and now (SAVE). A file is written under a
// temporary name beside it, synced, renamed, and its folder synced; a failure removes the temporary.
Result<SaveStats> write_snapshot(FileSystem& fs, const DataSource& source, const SnapshotRequest& request);

// The temporary of a process or thread for a file in `directory`: temp-<id>.rdb, as Redis.
std::string temporary_rdb_path(const std::string& directory, int id);

// Removes temporaries of processes that are gone (temp-<pid>.rdb, temp-rewriteaof-bg-<pid>.aof) from a folder, at
// start.
void remove_stale_temporaries(FileSystem& fs, const std::string& directory);

class SnapshotSaver {
 public:
  using OnFinished = std::function<void(const SnapshotResult&)>;

  virtual ~SnapshotSaver() = default;
  // Takes the data set of this instant. An error: none was started (one is running) and on_finished will not be called.
  virtual Result<> start(const SnapshotRequest& request, OnFinished on_finished) = 0;
  virtual std::optional<SnapshotPurpose> running() const = 0;
  virtual SaveStats progress() const = 0;  // of the running one
  // Ends the running one soon; its result comes as cancelled.
  virtual void cancel() = 0;
  // From now on none is running, its file will not come any more, and on_finished is not called.
  virtual void abandon() = 0;
  // To be called after a notification and a few times a second.
  virtual void poll() = 0;
};

}  // namespace holdfast::node
