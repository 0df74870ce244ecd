// The clients in WAIT: each wants an offset acknowledged by so many replicas before a deadline. Pure.
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

  uint64_t add(int64_t offset, size_t replicas, std::optional<Instant> deadline);
  void cancel(uint64_t token) { waits_.erase(token); }
  bool empty() const { return waits_.empty(); }

  std::vector<Over> satisfied(const ReplicaTable& table);  // after acknowledgements or a loss of replicas
  std::vector<Over> expired(const ReplicaTable& table, Instant now);
  std::vector<uint64_t> drain();  // a change of role ends them all
  Instant deadline() const;       // Instant::max() when none

 private:
  struct Wait {
    int64_t offset = 0;
    size_t replicas = 0;
    Instant deadline = Instant::max();
  };
  std::map<uint64_t, Wait> waits_;
  uint64_t next_ = 1;
};

}  // namespace holdfast::node
