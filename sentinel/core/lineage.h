// Whose data is it? The replication histories (INFO's master_replid, and before its second_repl_offset master_replid2)
// that a group's primaries have had, as far as this sentinel has seen them. Pure.
//
// A replica whose data is of none of them is no candidate in a failover: it would make another data set the group's
// (redis#14313). What could not be learned is no reason against anybody: servers before Redis 4 tell no history, and a
// sentinel that has not seen the primary since its start knows none. It is not saved for that reason: the first INFO of
// a living primary tells it, and after a restart beside a dead primary a failover must not depend on it.
//
// Nothing belongs to nobody: a server without keys, as a replica is that waits for its first full sync (Redis makes up
// an id of its own until then), is no danger of that kind, and is promoted if there is nobody else, as in Redis.
#pragma once

#include <vector>

#include "sentinel/core/info_parser.h"

namespace holdfast::sentinel {

enum class Place : uint8_t {
  current,  // of the history that the primary writes now, or it could not be learned
  older,    // on a branch of an earlier history: data that the primary's history does not have, or too little known
  empty,    // of no history that the group had, but without any data
  foreign,  // of no history that the group had
};

class Lineage {
 public:
  // From the primary, or from a replica whose link to it is up.
  void learn(const NodeInfo& info);
  Place place(const NodeInfo& info) const;
  // Can it tell that data is foreign?
  bool known() const { return !ids_.empty() && settled_; }
  // Does a primary that says this write a history that continues one of the group's?
  bool continued_by(const NodeInfo& info) const;

 private:
  bool has(const RunId& id) const;
  void add(const RunId& id);

  std::vector<RunId> ids_;  // the current one last
  // Redis takes a new id when the first replica comes: what a primary without replicas said is not the last word.
  bool settled_ = false;
  uint64_t fork_ = 0;  // below this offset the history before the current one is the same
};

}  // namespace holdfast::sentinel
