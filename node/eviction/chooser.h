// Chooses the next key to evict: samples the databases into a pool of best candidates, or picks by chance.
//
// Approximates as Redis does: of each database that has eligible keys a few are looked at, the pool remembers the best
// of all rounds, and the best that is still there goes. Pure: reads the keyspace, changes nothing, knows neither memory
// nor time but for `now_ms`. Executor thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/random.h"
#include "node/eviction/policy.h"
#include "node/eviction/pool.h"
#include "node/keyspace/keyspace.h"

namespace holdfast::node {

class EvictionChooser {
 public:
  struct Victim {
    int db = 0;
    std::string key;
  };

  // Nothing: no key may go. `samples` is maxmemory-samples.
  std::optional<Victim> choose(const Keyspace& keys, EvictionPolicy policy, int samples, int64_t now_ms,
                               RandomSource& random);

 private:
  bool fill(const Keyspace& keys, int samples, int64_t now_ms, RandomSource& random);
  std::optional<Victim> choose_by_chance(const Keyspace& keys, RandomSource& random);

  EvictionPolicy policy_ = EvictionPolicy::noeviction;  // what the pool was filled for
  EvictionPool pool_;
  int next_db_ = 0;  // policies of chance go round the databases
};

}  // namespace holdfast::node
