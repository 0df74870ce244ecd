#include "common/metrics/metric_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/promtool.h"

namespace holdfast::metrics {
namespace {

using ::testing::HasSubstr;

TEST(MetricSet, RendersCountersAndGaugesWithLabels) {
  MetricSet set;
  set.counter("holdfast_votes_total", "Votes given.", 12345678901.0);
  set.gauge("holdfast_up", "Up.", 0.25, {{"name", "a"}});
  set.gauge("holdfast_up", "Up.", 1, {{"name", "b"}});
  EXPECT_EQ(set.text(),
            "# HELP holdfast_votes_total Votes given.\n"
            "# TYPE holdfast_votes_total counter\n"
            "holdfast_votes_total 12345678901\n"
            "# HELP holdfast_up Up.\n"
            "# TYPE holdfast_up gauge\n"
            "holdfast_up{name=\"a\"} 0.25\n"
            "holdfast_up{name=\"b\"} 1\n");
}

TEST(MetricSet, KeepsIntegersExactUpToTheDoublesLimit) {
  MetricSet set;
  set.counter("holdfast_bytes_total", "Bytes.", 9007199254740991.0);
  EXPECT_THAT(set.text(), HasSubstr("holdfast_bytes_total 9007199254740991\n"));
}

TEST(MetricSet, EscapesLabelsAndReplacesWhatIsNotUtf8) {
  MetricSet set;
  set.gauge("holdfast_up", "Up.", 1, {{"name", "a\"b\\c\nd"}});
  set.gauge("holdfast_up", "Up.", 1, {{"name", std::string("\xff\xc3\xa9\xed\xa0\x80\xe2\x82", 8)}});
  EXPECT_THAT(set.text(), HasSubstr("{name=\"a\\\"b\\\\c\\nd\"}"));
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_THAT(set.text(), HasSubstr("{name=\"" + bad + "\xc3\xa9" + bad + bad + bad + bad + bad + "\"}"));
}

TEST(MetricSet, HistogramBucketsAreCumulative) {
  LatencyHistogram latency;
  latency.observe(std::chrono::microseconds(100));         // exactly the first bound
  latency.observe(std::chrono::nanoseconds(100'001));      // just above it
  latency.observe(std::chrono::seconds(100));              // above all
  latency.observe(std::chrono::nanoseconds(-5));           // a clock that stepped back
  MetricSet set;
  set.histogram("holdfast_fsync_seconds", "Fsyncs.", latency);
  const std::string text = set.text();
  EXPECT_THAT(text, HasSubstr("holdfast_fsync_seconds_count 4\n"));
  EXPECT_THAT(text, HasSubstr("holdfast_fsync_seconds_bucket{le=\"0.0001\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("holdfast_fsync_seconds_bucket{le=\"0.00025\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("holdfast_fsync_seconds_bucket{le=\"60\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("holdfast_fsync_seconds_bucket{le=\"+Inf\"} 4\n"));
}

TEST(MetricSet, PromtoolAcceptsEveryType) {
  MetricSet set;
  set.counter("holdfast_first_total", "A.", 1, {{"name", "x\xff\"\n"}});
  set.gauge("holdfast_second", "B.", -1.5);
  set.histogram("holdfast_third_seconds", "C.", LatencyHistogram());
  set.summary("holdfast_fourth_seconds", "D.", {{0.5, 1}, {0.99, 2}}, 3, 4);
  const auto complaints = tests::promtool_complaints(set.text(), "holdfast_");
  if (!complaints) GTEST_SKIP() << "promtool is not installed";
  EXPECT_EQ(*complaints, "");
}

TEST(MetricSet, PromtoolCheckCanFail) {
  MetricSet set;
  set.counter("holdfast_a", "A counter without _total.", 1);
  const auto complaints = tests::promtool_complaints(set.text(), "holdfast_");
  if (!complaints) GTEST_SKIP() << "promtool is not installed";
  EXPECT_THAT(*complaints, HasSubstr("_total"));
}

}  // namespace
}  // namespace holdfast::metrics
