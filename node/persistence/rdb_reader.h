// Reads RDB files of versions 1 to 12 into a DataLoader.
//
// load_rdb() pulls from a ByteSource and stops right behind the file's last byte, so what follows it (the commands of
// an append-only file with an RDB preamble, the `$EOF:` mark of a diskless sync) is still there at RdbLoad::bytes. The
// input may be hostile: every fault is an Error in Redis's words, entries read before it stay in the loader. The value
// types that this build does not have are refused by name. Executor thread (or any one thread); no clock. A loader that
// takes keys by the batch gets them so.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/fs/file_system.h"
#include "common/time/clock.h"
#include "node/keyspace/data_visitor.h"
#include "node/persistence/byte_stream.h"
#include "node/persistence/rdb_value.h"
#include "node/persistence/rdb_writer.h"

namespace holdfast::node {

// Called with the bytes loaded so far, so that the owner can serve its event loop meanwhile. An error ends the load.
using LoadProgress = std::function<Result<>(uint64_t bytes)>;

struct RdbLoadOptions {
  bool verify_checksum = true;
  int databases = 16;
  // Keys whose time has come by then are skipped (a primary loading its own file); nothing: all are kept.
  std::optional<WallTime> drop_expired_at;
  EncodingLimits limits;  // for the forms of values
  LoadProgress on_progress;  // on the calling thread, in the middle of long values too
  // Decodes on a thread of its own while the calling one inserts: where there are processors for both, and the loader
  // takes keys by the batch. The file is read by that thread then.
  bool decode_aside = false;
  // Gets the file's used-mem field as soon as it is read.
  std::atomic<uint64_t>* used_memory = nullptr;
  // The size of the source, if it is known: how far the file's own word on the number of its keys is believed.
  uint64_t source_bytes = 0;
  uint64_t progress_interval_bytes = 2 * 1024 * 1024;
};

struct RdbLoad {
  int version = 0;
  std::map<std::string, std::string> aux;
  std::optional<ReplicationPosition> replication;  // repl-id, repl-offset, repl-stream-db, where all are sound
  bool aof_base = false;
  uint64_t keys_loaded = 0;
  uint64_t keys_expired = 0;  // skipped
  uint64_t keys_empty = 0;    // skipped: collections without elements, which old versions could leave behind
  uint64_t bytes = 0;         // of the source, up to the end of the RDB
  bool functions_skipped = false;
  std::vector<std::string> warnings;  // for the log
};

Result<RdbLoad> load_rdb(ByteSource& source, DataLoader& loader, const RdbLoadOptions& options);
Result<RdbLoad> load_rdb_file(FileSystem& fs, const std::string& path, DataLoader& loader,
                              const RdbLoadOptions& options);

// Checks a file that holds an RDB and nothing else without loading it: signature, version, end mark, and the checksum
// when it has one. A full synchronisation does so before it drops the old data set.
Result<> verify_rdb_file(FileSystem& fs, const std::string& path);

// The version in a header of kHeaderBytes, if it is one that is read here.
Result<int> rdb_version(std::string_view header);
std::unexpected<Error> wrong_rdb_checksum(uint64_t computed, uint64_t stored);

}  // namespace holdfast::node
