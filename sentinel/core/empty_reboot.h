// A primary that was restarted without its data, too soon to count as down (redis#2087). Its replicas would copy
// nothing over what they hold; while one of them still holds it, such a primary is down at once, and that replica takes
// its place. Pure.
//
// Empty is a new process whose history continues none of the group's, and that has no keys, or none but those written
// since it started: it loaded none, and writes no append-only file that could have held some (Redis tells that
// since 7.0). A copy is a replica with keys, of a history that the group had before. So a group that was emptied
// (FLUSHALL) or never had any data has no copy, and a primary that found its data on its disk is not empty. Without
// histories (servers before Redis 4) nothing is judged.
#pragma once

#include <optional>

#include "sentinel/core/lineage.h"

namespace holdfast::sentinel {

class EmptyReboot {
 public:
  // So long it is looked for copies, and for votes. Longer would let a replica that returns with data of long ago
  // count.
  static constexpr Millis kPatience{60000};

  // The primary's process, the first since it is the primary or another: that one is judged by the first INFO in which
  // it is not loading. (A replica that came back empty, and was promoted for want of a better one, lost nothing as a
  // primary.)
  void seen(const RunId& process);
  // INFO of the primary; `lineage` is what was known before it.
  void judge(const NodeInfo& info, const Lineage& lineage, Instant now);
  void gave_up() {
    since_.reset();
    announced = false;
  }
  void switched() { *this = {}; }  // another node is the primary now

  // The primary came back empty: known since then.
  const std::optional<Instant>& since() const { return since_; }
  bool is_copy(const NodeInfo& replica) const {
    return replica.keys > 0 && !replica.loading && before_.continued_by(replica);
  }
  // Lineage::place, where data of the group's histories before comes before that of the empty primary.
  Place place(const NodeInfo& replica, const Lineage& lineage) const;

  bool announced = false;  // the event of it was reported

 private:
  std::optional<RunId> process_;
  bool undecided_ = false;
  std::optional<Instant> since_;
  Lineage before_;
};

}  // namespace holdfast::sentinel
