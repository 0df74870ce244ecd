#include "node/commands/latency_report.h"

#include <gtest/gtest.h>

namespace holdfast::node {
namespace {

LatencyEvents events_of(std::string name, std::vector<LatencyMonitor::Sample> samples) {
  LatencyMonitor monitor;
  for (const auto& sample : samples) monitor.add_event(name, sample.unix_seconds, sample.milliseconds);
  return monitor.events();
}

TEST(LatencyGraph, DrawsAColumnForEachSampleWithItsAgeBelow) {
  const auto events = events_of("command", {{1000, 101}, {1010, 200}, {1020, 500}, {5000, 101}});
  EXPECT_EQ(latency_graph("command", events.at("command"), 5015),
            "command - high 500 ms, low 101 ms (all time high 500 ms)\n"
            "--------------------------------------------------------------------------------\n"
            "  # \n"
            "  | \n"
            "  | \n"
            "_#|_\n"
            "    \n"
            "1111\n"
            "hhh5\n"
            "   s\n");
}

TEST(LatencyGraph, ShowsTheLastSamplesOnly) {
  std::vector<LatencyMonitor::Sample> samples;
  for (int i = 0; i < 120; ++i) samples.push_back({1000 + i, 5 + i});
  const auto events = events_of("fork", samples);
  const std::string text = latency_graph("fork", events.at("fork"), 1120);
  size_t longest = 0;
  std::string_view rest = text;
  for (size_t line = 0; !rest.empty(); ++line) {
    const size_t end = rest.find('\n');
    if (line > 1) longest = std::max(longest, end);
    rest.remove_prefix(end + 1);
  }
  EXPECT_EQ(longest, 79u);
}

TEST(LatencyDoctor, SaysWhenItSeesNothing) {
  EXPECT_TRUE(latency_doctor({}, {}).starts_with("I'm sorry, Dave, I can't do that."));
  EXPECT_TRUE(latency_doctor({}, {.threshold_ms = 100}).starts_with("Dave, no latency spike was observed"));
}

TEST(LatencyDoctor, SumsUpAndAdvises) {
  const auto events = events_of("command", {{1000, 100}, {1010, 200}, {1020, 300}});
  const std::string text =
      latency_doctor(events, {.unix_seconds = 1030, .threshold_ms = 50, .slowlog_slower_than_us = 100'000});
  EXPECT_NE(
      text.find("1. command: 3 latency spikes (average 200ms, mean deviation 66ms, period 10.00 sec). Worst all time "
                "event 300ms.\n"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("CONFIG SET slowlog-log-slower-than 50000"), std::string::npos) << text;
  const std::string content =
      latency_doctor(events, {.unix_seconds = 1030, .threshold_ms = 50, .slowlog_slower_than_us = 10'000});
  EXPECT_EQ(content.find("CONFIG SET slowlog-log-slower-than"), std::string::npos) << content;
  const std::string off =
      latency_doctor(events, {.unix_seconds = 1030, .threshold_ms = 50, .slowlog_slower_than_us = -1});
  EXPECT_NE(off.find("Try to enable the Slow Log"), std::string::npos) << off;
}

TEST(LatencyDoctor, KnowsNoRemedyForWhatItDoesNotKnow) {
  const auto events = events_of("something", {{1000, 100}});
  EXPECT_NE(latency_doctor(events, {.unix_seconds = 1001}).find("not able to suggest any easy fix"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::node
