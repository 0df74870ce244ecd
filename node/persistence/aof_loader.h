// Loads the files of an append-only log in the manifest's order: a base (RDB, or commands, or an RDB followed by
// commands) and the increments.
//
// MULTI ... EXEC runs whole or not at all: the commands are held back until EXEC, and neither word reaches the
// executor. A torn tail is allowed in the last file only: it is cut off (the file is truncated and synced) when
// aof-load-truncated says so. Everything else that is wrong is an Error in Redis's words with the place, and nothing is
// changed on disk. Log lines are Redis's. Executor thread, at start.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/fs/file_system.h"
#include "common/time/clock.h"
#include "node/keyspace/data_visitor.h"
#include "node/persistence/aof_manifest.h"
#include "node/persistence/rdb_reader.h"

namespace holdfast::node {

// Runs one logged command, SELECT included. An error (unknown command, wrong arity) ends the load.
using AofExecutor = std::function<Result<>(std::span<const std::string_view> argv)>;

// An executor that wants to know what comes next, to have the memory at hand: expect() tells of commands, then each of
// them that is not in a transaction comes to execute() with its number among these, and the views are still the same. A
// command that lies across two blocks of the file comes untold, to the plain executor.
struct AofPipeline {
  std::function<void(std::span<const std::span<const std::string_view>> commands)> expect;
  std::function<Result<>(std::span<const std::string_view> argv, size_t number)> execute;
};

struct AofLoadOptions {
  std::optional<AofPipeline> pipeline;
  bool load_truncated = true;  // aof-load-truncated
  std::function<void(uint64_t)> on_size;  // called with the bytes of all files before the first is read
  RdbLoadOptions rdb;          // of bases; its on_progress is called with the bytes of all files so far
};

struct AofLoad {
  uint64_t commands = 0;
  uint64_t keys = 0;  // from RDB bases
  uint64_t base_bytes = 0;
  uint64_t total_bytes = 0;  // base and increments, after a torn tail was cut off
  uint64_t truncated_bytes = 0;
  // The last replication position in the log, from an RDB base or a `#REPL:` line. Exact only when no command follows
  // it: then the data set is that of this offset; else it is of an unknown later one.
  std::optional<ReplicationPosition> replication;
  bool replication_exact = false;
};

Result<AofLoad> load_aof(FileSystem& fs, const Clock& clock, const std::string& directory, const AofManifest& manifest,
                         DataLoader& loader, const AofExecutor& execute, const AofLoadOptions& options);

}  // namespace holdfast::node
