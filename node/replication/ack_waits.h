// The clients in WAIT and WAITAOF: each wants an offset acknowledged by so many replicas, or the append-only file on the
// disk, before a deadline. Pure.
//
// Tokens count up from 1 and are never used again. A wait that is over is returned once and forgotten.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "common/time/clock.h"
#include "node/replication/replica_table.h"

namespace holdfast::node {

class AckWaits {
 public:
  struct Over {
    uint64_t token = 0;
    size_t acked = 0;
  };

  uint64_t add(const AckTarget& target, std::optional<Instant> deadline);
  void cancel(uint64_t token) { waits_.erase(token); }
  bool empty() const { return waits_.empty(); }

  // After acknowledgements, a loss of replicas, or a sync of the append-only file, which is on the disk up to `log`
  // (nothing: it is switched off, which ends those that wait for it).
  std::vector<Over> satisfied(const ReplicaTable& table, std::optional<uint64_t> log);
  std::vector<Over> expired(const ReplicaTable& table, Instant now);
  std::vector<uint64_t> drain();  // a change of role ends them all
  Instant deadline() const;       // Instant::max() when none

 private:
  struct Wait {
    AckTarget target;
    Instant deadline = Instant::max();
  };
  std::map<uint64_t, Wait> waits_;
  uint64_t next_ = 1;
};

}  // namespace holdfast::node
