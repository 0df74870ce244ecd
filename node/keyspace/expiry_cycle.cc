#include "node/keyspace/expiry_cycle.h"

#include <algorithm>

namespace holdfast::node {
namespace {

// Between two looks at the clock. A step passes over a segment at least, and reads all its buckets at most.
constexpr size_t kKeysAtOnce = 16;
constexpr size_t kStepsAtOnce = 16;
constexpr int kDatabasesPerCycle = 16;
// Where few keys expire, most of the walk passes over others.
constexpr size_t kStepsPerKey = 20;

size_t keys_per_round(int effort) { return 20 + 5 * static_cast<size_t>(effort - 1); }
size_t acceptable_stale_percent(int effort) { return static_cast<size_t>(11 - effort); }

}  // namespace

void ExpiryCycle::begin(const Keyspace& keys, int effort) {
  effort_ = std::clamp(effort, 1, 10);
  if (running()) return;
  databases_left_ = std::min(keys.database_count(), kDatabasesPerCycle);
  round_ = cycle_ = {};
}

void ExpiryCycle::stop(Keyspace& keys, bool out_of_time) {
  if (!running()) return;
  databases_left_ = 0;
  keys.note_expiry_cycle(cycle_.seen + round_.seen, cycle_.gone + round_.gone, out_of_time);
  round_ = cycle_ = {};
}

void ExpiryCycle::step(Keyspace& keys) {
  if (database_ >= keys.database_count()) database_ = 0;
  const auto sample = keys.expire_some(database_, kKeysAtOnce, kStepsAtOnce);
  round_.seen += sample.seen;
  round_.gone += sample.gone;
  round_.ttl_sum_ms += sample.ttl_sum_ms;
  round_.steps += kStepsAtOnce;
  const size_t wanted = keys_per_round(effort_);
  if (sample.end || round_.seen >= wanted || round_.steps >= wanted * kStepsPerKey) end_round(keys);
}

void ExpiryCycle::end_round(Keyspace& keys) {
  if (const size_t left = round_.seen - round_.gone; left > 0) {
    keys.note_average_ttl(database_, round_.ttl_sum_ms / static_cast<double>(left));
  }
  cycle_.seen += round_.seen;
  cycle_.gone += round_.gone;
  const bool stale = round_.gone * 100 > round_.seen * acceptable_stale_percent(effort_);
  const bool any_left = keys.expire_count(database_) > 0;
  round_ = {};
  if (stale && any_left) return;  // another round here
  database_ = (database_ + 1) % keys.database_count();
  if (--databases_left_ > 0) return;
  keys.note_expiry_cycle(cycle_.seen, cycle_.gone, false);
  cycle_ = {};
}

}  // namespace holdfast::node
