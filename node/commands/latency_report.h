// The texts of LATENCY GRAPH and LATENCY DOCTOR. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "node/commands/latency.h"

namespace holdfast::node {

using LatencyEvents = std::map<std::string, LatencyMonitor::Event, std::less<>>;

// What the doctor knows beside the events.
struct DoctorFacts {
  int64_t unix_seconds = 0;
  int64_t threshold_ms = 0;            // latency-monitor-threshold
  int64_t slowlog_slower_than_us = 0;  // -1: off
};

// A row of columns, oldest sample first, each marked below with its age.
std::string latency_graph(std::string_view name, const LatencyMonitor::Event& event, int64_t unix_seconds);
std::string latency_doctor(const LatencyEvents& events, const DoctorFacts& facts);

}  // namespace holdfast::node
