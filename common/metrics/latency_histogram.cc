#include "common/metrics/latency_histogram.h"

#include <algorithm>

namespace holdfast::metrics {

void LatencyHistogram::observe(std::chrono::nanoseconds duration) {
  const int64_t nanos = std::max<int64_t>(duration.count(), 0);
  const int64_t micros_up = nanos / 1000 + (nanos % 1000 != 0);
  const auto bound = std::lower_bound(kBoundsMicros.begin(), kBoundsMicros.end(), micros_up);
  ++buckets_[static_cast<size_t>(bound - kBoundsMicros.begin())];
  ++count_;
  sum_nanos_ += static_cast<uint64_t>(nanos);
}

void LatencyHistogram::add(const LatencyHistogram& other) {
  for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_nanos_ += other.sum_nanos_;
}

}  // namespace holdfast::metrics
