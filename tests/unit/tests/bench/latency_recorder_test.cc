#include "tests/bench/latency_recorder.h"

#include <gtest/gtest.h>

namespace holdfast::bench {
namespace {

TEST(LatencyRecorder, PercentilesAreWithinABucketsWidth) {
  LatencyRecorder recorder;
  for (uint64_t i = 1; i <= 100'000; ++i) recorder.record(i * 100);
  EXPECT_EQ(recorder.count(), 100'000);
  EXPECT_EQ(recorder.max(), 10'000'000);
  EXPECT_NEAR(static_cast<double>(recorder.percentile(0.5)), 5e6, 5e6 * 0.016);
  EXPECT_NEAR(static_cast<double>(recorder.percentile(0.999)), 9.99e6, 9.99e6 * 0.016);
  EXPECT_EQ(recorder.percentile(1), 10'000'000);
}

TEST(LatencyRecorder, TakesAnyValue) {
  LatencyRecorder recorder;
  EXPECT_EQ(recorder.percentile(0.5), 0);
  recorder.record(0, 3);
  recorder.record(UINT64_MAX);
  EXPECT_EQ(recorder.percentile(0.5), 0);
  EXPECT_EQ(recorder.max(), UINT64_MAX);
}

}  // namespace
}  // namespace holdfast::bench
