// Where a sentinel keeps what must survive a restart: the `sentinel ...` lines of its configuration file.
//
// save() returns after the new file is durable (temporary file, fsync, rename, fsync of the folder), or with an error and
// the old file in place; it keeps the user's comments, other directives and their order. It checks that the text it is
// about to write reads back to the same state. One thread at a time. A vote is answered only after save() returned well.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/fs/file_system.h"
#include "sentinel/core/types.h"
#include "sentinel/state/sentinel_lines.h"

namespace holdfast::sentinel {

class StateStore {
 public:
  virtual ~StateStore() = default;
  virtual Result<> save(const PersistentState& state) = 0;
};

// The store of the binaries. The file must exist.
class ConfigFileStore final : public StateStore {
 public:
  ConfigFileStore(FileSystem& fs, std::string path, Faults faults = {});
  Result<> save(const PersistentState& state) override;
  // Reads the `sentinel ...` lines of the file (other directives are passed over). Errors: "line N: ..." as
  // read_sentinel_lines.
  Result<PersistentState> load();

 private:
  FileSystem& fs_;
  const std::string path_;
  const Faults faults_;
};

}  // namespace holdfast::sentinel
