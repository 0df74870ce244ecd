// How much must go, and how long a command may be held up by it. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "common/time/clock.h"

namespace holdfast::node {

struct MemoryLoad {
  uint64_t used = 0;
  // Output of replicas beyond the backlog, and append-only file not yet written: an eviction makes them grow, so that
  // counting them would evict everything.
  uint64_t not_counted = 0;
};

// The bytes over the limit; 0: none. `limit` 0 is no limit.
constexpr uint64_t excess(const MemoryLoad& load, uint64_t limit) {
  if (limit == 0 || load.used <= limit) return 0;
  const uint64_t counted = load.used > load.not_counted ? load.used - load.not_counted : 0;
  return counted > limit ? counted - limit : 0;
}

// maxmemory-eviction-tenacity, 0 to 100, as the time one command may wait for evictions: up to 10 in steps of 50 us,
// then each step 15 % more (2 minutes at 99); 100: nothing, there is no bound.
std::optional<Micros> eviction_time_limit(int tenacity);

// For how long memory has been over its limit. The clock is read only where that changes.
class ExcessTimer {
 public:
  void over(const Clock& clock) {
    if (!since_) since_ = clock.now();
  }
  void under(const Clock& clock) {
    if (!since_) return;
    past_ += clock.now() - *since_;
    since_.reset();
  }
  bool running() const { return since_.has_value(); }
  Nanos current(Instant now) const { return since_ ? now - *since_ : Nanos{0}; }
  Nanos total(Instant now) const { return past_ + current(now); }
  void reset() { *this = ExcessTimer(); }

 private:
  std::optional<Instant> since_;
  Nanos past_{0};
};

}  // namespace holdfast::node
