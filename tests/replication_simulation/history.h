// What really happened: for each history id the digest of the data at every offset at which it may be looked at, as its
// one writer wrote it, and the id and offset that it branched from. Every node's data is held against this.
//
// An offset inside a transaction is in no history: data that stands there is a difference.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/run_id.h"

namespace holdfast::replication_simulation {

class History {
 public:
  // A new id with no past, or one that goes on where `parent` stood at `offset`.
  void begin(const RunId& id, int64_t offset, uint64_t digest);
  void branch(const RunId& id, const RunId& parent, int64_t offset, uint64_t digest);
  // The writer of `id` is at `offset` now. False: this id's history was written differently before.
  [[nodiscard]] bool write(const RunId& id, int64_t offset, uint64_t digest);

  std::optional<uint64_t> digest_at(const RunId& id, int64_t offset) const;
  // Is (id, offset) on the way to `of`, that is, a prefix of what `of` has written?
  bool is_prefix(const RunId& of, const RunId& id, int64_t offset) const;

 private:
  struct Line {
    std::optional<RunId> parent;
    std::vector<std::pair<int64_t, uint64_t>> points;  // ascending; the first is where it began
  };
  std::map<RunId, Line> lines_;
};

}  // namespace holdfast::replication_simulation
