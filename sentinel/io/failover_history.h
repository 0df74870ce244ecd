// The failovers of the past, newest last: what the core has recorded of them, with the time of day; and what the
// metrics make of those that this sentinel led. Bounded. Executor thread only.
//
// Phases in the metrics: detection (+sdown to +odown), election (to the majority of votes), promotion (to the switch),
// reconfiguration (to the end).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/metrics/latency_histogram.h"
#include "common/time/clock.h"
#include "sentinel/core/failover_record.h"
#include "sentinel/metrics/sentinel_facts.h"

namespace holdfast::sentinel {

class FailoverHistory {
 public:
  static constexpr size_t kKept = 100;  // of all primaries together
  static constexpr size_t kKeptOfOnePrimary = 20;

  // Those of earlier runs. They count in no metric.
  void restore(std::vector<FailoverRecord> records);
  // A campaign that won no votes joins the one before it, if that did not either.
  void add(FailoverRecord record);
  void vote() { ++votes_; }

  const std::vector<FailoverRecord>& all() const { return records_; }
  std::vector<FailoverRecord> of(std::string_view primary) const;  // newest first

  void fill(SentinelFacts& facts) const;

 private:
  std::vector<FailoverRecord>::iterator last_of(std::string_view primary);  // end: none
  void keep(FailoverRecord record);
  void measure(const FailoverRecord& record);

  std::vector<FailoverRecord> records_;
  mutable std::shared_ptr<const std::vector<FailoverRecord>> published_;  // null: changed since
  std::map<FailoverKey, uint64_t> failovers_;
  std::map<std::string, metrics::LatencyHistogram> phases_;
  metrics::LatencyHistogram unavailability_;
  uint64_t votes_ = 0;
};

}  // namespace holdfast::sentinel
