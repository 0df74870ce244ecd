// What this sentinel's failovers came to: counts and durations for the metrics, made from its own notices. Pure.
//
// Phases of a failover that this sentinel led: detection (+sdown to +odown), election (+try-failover to
// +elected-leader), promotion (+elected-leader to +promoted-slave), reconfiguration (+promoted-slave to its end).
#pragma once

#include <map>
#include <optional>
#include <string>

#include "common/metrics/latency_histogram.h"
#include "common/time/clock.h"
#include "sentinel/core/event.h"
#include "sentinel/metrics/sentinel_facts.h"

namespace holdfast::sentinel {

class FailoverHistory {
 public:
  // Each notice in its order. `silent_for`: how long the primary concerned has given no good answer.
  void observe(const Notice& notice, Nanos silent_for, Instant now);
  // An operator's FAILOVER of this primary began, just before its notices.
  void forced(const std::string& primary);

  void fill(SentinelFacts& facts) const;

 private:
  struct Course {
    bool forced = false;
    std::optional<Instant> sdown, started, elected, promoted, last_good;
  };

  void ended(const std::string& primary, Course& course, std::string_view result, Instant now);
  void phase(std::string_view name, const std::optional<Instant>& from, Instant now);

  std::map<std::string, Course> courses_;
  std::map<FailoverKey, uint64_t> failovers_;
  std::map<std::string, metrics::LatencyHistogram> phases_;
  metrics::LatencyHistogram unavailability_;
  uint64_t votes_ = 0;
};

}  // namespace holdfast::sentinel
