// Latencies in buckets of at most 1.6 % width, from 1 ns to 18 minutes: percentiles good to two digits, no allocation.
//
// Values are nanoseconds. Not thread-safe.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace holdfast::bench {

class LatencyRecorder {
 public:
  void record(uint64_t nanos, uint64_t times = 1) {
    counts_[index_of(nanos)] += times;
    count_ += times;
    if (nanos > max_) max_ = nanos;
  }

  uint64_t count() const { return count_; }
  uint64_t max() const { return max_; }

  // The upper end of the bucket in which the given share (0 to 1) of all values is reached, never above max(); 0 if
  // empty.
  uint64_t percentile(double share) const {
    auto wanted = static_cast<uint64_t>(share * static_cast<double>(count_) + 0.5);
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size() && count_ > 0; ++i) {
      seen += counts_[i];
      if (seen >= wanted && seen > 0) return upper_end(i) < max_ ? upper_end(i) : max_;
    }
    return max_;
  }

 private:
  // Each power of two is cut into 64 steps; values below 64 have a bucket each.
  static constexpr unsigned kStepBits = 6;
  static constexpr uint64_t kSteps = 1U << kStepBits;
  static constexpr unsigned kLargestPower = 40;

  static size_t index_of(uint64_t value) {
    if (value < kSteps) return value;
    const auto power = static_cast<unsigned>(std::bit_width(value)) - 1;
    if (power > kLargestPower) return kBuckets - 1;
    return (power - kStepBits + 1) * kSteps + ((value >> (power - kStepBits)) & (kSteps - 1));
  }

  static uint64_t upper_end(size_t index) {
    if (index < kSteps) return index;
    const uint64_t shift = index / kSteps - 1;
    return ((kSteps + index % kSteps + 1) << shift) - 1;
  }

  static constexpr size_t kBuckets = (kLargestPower - kStepBits + 2) * kSteps;

  std::array<uint64_t, kBuckets> counts_{};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace holdfast::bench
