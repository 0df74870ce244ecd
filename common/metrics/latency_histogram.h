// Durations counted into fixed buckets from 100 us to 60 s: plain integers, cheap enough for any path.
//
// Not thread-safe; copy it to hand it to another thread. Bounds are inclusive upper ends, as Prometheus's `le` is.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace holdfast::metrics {

class LatencyHistogram {
 public:
  static constexpr std::array<int64_t, 18> kBoundsMicros = {100,     250,     500,       1'000,     2'500,     5'000,
                                                            10'000,  25'000,  50'000,    100'000,   250'000,   500'000,
                                                            1000000, 2500000, 5'000'000, 10'000'000, 30'000'000, 60'000'000};

  // A negative duration counts as zero.
  void observe(std::chrono::nanoseconds duration);

  void add(const LatencyHistogram& other);

  uint64_t count() const { return count_; }
  double sum_seconds() const { return static_cast<double>(sum_nanos_) / 1e9; }
  // How many durations fell into bucket i alone; the last bucket (kBoundsMicros.size()) is everything above.
  uint64_t bucket(size_t i) const { return buckets_[i]; }

 private:
  std::array<uint64_t, kBoundsMicros.size() + 1> buckets_{};
  uint64_t count_ = 0;
  uint64_t sum_nanos_ = 0;
};

}  // namespace holdfast::metrics
