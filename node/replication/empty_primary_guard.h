// Keeps a replica's data from a primary that lost its own: one that was restarted without its files answers with a full
// resync of nothing, and a replica that takes it is the last copy gone. Pure.
//
// Suspicious is a full resync from the primary that this replica was following already (nobody said REPLICAOF since), of
// another history that has come less far than the replica's own. It is refused if it holds no keys; and then again from
// the same history, whatever has been written to it since. REPLICAOF, even to the same address, says that it is meant.
#pragma once

#include <optional>

#include "common/base/run_id.h"
#include "node/replication/replication_log.h"

namespace holdfast::node {

class EmptyPrimaryGuard {
 public:
  void ordered() { *this = {}; }           // REPLICAOF: this primary's data is wanted, whatever it is
  void following() { followed_ = true; }   // the data is of the primary's history, and goes on with it
  void refuse(const RunId& id) { refused_ = id; }

  bool suspects(const std::optional<HistoryPosition>& own, const HistoryPosition& offered) const {
    return followed_ && own && own->id != offered.id && offered.offset < own->offset;
  }
  bool refuses(const RunId& id) const { return refused_ == id; }
  bool refusing() const { return refused_.has_value(); }

 private:
  bool followed_ = false;
  std::optional<RunId> refused_;
};

}  // namespace holdfast::node
