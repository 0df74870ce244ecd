// The manifest of a multi-part append-only file: which files make up the log, in which order. Pure model.
//
//   file appendonly.aof.2.base.rdb seq 2 type b     at most one base: the data set when the rewrite began
//   file appendonly.aof.1.incr.aof seq 1 type h     history: no longer needed, to be removed
//   file appendonly.aof.4.incr.aof seq 4 type i     increments in order; the last one is being written
//
// Invariants: increments have strictly growing sequence numbers; names are plain file names. A transition changes only
// the model: the driver makes the files first, then replaces the manifest atomically, then removes the history.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace holdfast::node {

struct AofFile {
  enum class Type : char { base = 'b', history = 'h', incremental = 'i' };
  std::string name;
  int64_t sequence = 0;
  Type type = Type::incremental;
  bool operator==(const AofFile&) const = default;
};

// File names from the `appendfilename` option.
struct AofNames {
  std::string filename = "appendonly.aof";

  std::string manifest() const { return filename + ".manifest"; }
  std::string base(int64_t sequence, bool rdb) const;
  std::string incremental(int64_t sequence) const;
  // The sequence number in a base's or an increment's name; nothing for other names.
  std::optional<int64_t> sequence_of(std::string_view name) const;
  std::string temporary_incremental() const { return "temp-" + filename + ".incr"; }
};

class AofManifest {
 public:
  // An error is Redis's text for the line that is wrong.
  static Result<AofManifest> parse(std::string_view text);
  // The log of an old version: one file that becomes the base.
  static AofManifest upgrade(const std::string& old_file);
  std::string format() const;

  bool empty() const { return !base_ && incrementals_.empty(); }
  const std::optional<AofFile>& base() const { return base_; }
  const std::vector<AofFile>& incrementals() const { return incrementals_; }
  const std::vector<AofFile>& history() const { return history_; }
  // Base and increments in the order in which they are loaded.
  std::vector<AofFile> load_order() const;
  // Names that the manifest mentions at all.
  bool mentions(std::string_view name) const;

  // The history without what is in use under the same name (a manifest that somebody else wrote).
  std::vector<AofFile> removable() const;

  // New names are those of no file that is mentioned, history too: that is removed after its name is in use again.
  // A new increment, which becomes the one that is written; returns its name.
  std::string add_incremental(const AofNames& names);
  // A new base of everything before the last `keep` increments: the old base and the increments before those become
  // history. Returns its name.
  std::string replace_base(const AofNames& names, bool rdb, size_t keep);
  // Names that `attempted` has given out are not given out again (it may have reached the disk).
  void skip_names_of(const AofManifest& attempted);
  // The history files are gone.
  void forget_history() { history_.clear(); }

  bool operator==(const AofManifest&) const = default;

 private:
  Result<> add(AofFile file);

  std::optional<AofFile> base_;
  std::vector<AofFile> incrementals_;
  std::vector<AofFile> history_;
  int64_t base_sequence_ = 0;
  int64_t incremental_sequence_ = 0;
};

}  // namespace holdfast::node
