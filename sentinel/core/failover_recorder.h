// Writes down what happens in failovers, from the events that the core reports. Pure; changes nothing that it looks at.
//
// Each event is observed in the moment it happens, when the primary still is as it was for it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "sentinel/core/event.h"
#include "sentinel/core/failover_record.h"
#include "sentinel/core/monitored_primary.h"

namespace holdfast::sentinel {

// All replicas, by address, each with its verdict: if one were chosen now, or as `chosen` was (null: none is suitable).
std::vector<CandidateVerdict> judge_replicas(const MonitoredPrimary& primary, const Node* chosen, Instant now,
                                             const Timings& timings);

class FailoverRecorder {
 public:
  // Returns the record that the event completes, if any.
  std::optional<FailoverRecord> observe(Event event, const MonitoredPrimary& primary, Instant now,
                                        const Timings& timings);

  // The configuration changes to `to` now. A switch that another sentinel led is a record of its own.
  std::optional<FailoverRecord> switched(const MonitoredPrimary& primary, const Endpoint& to, bool by_us, Instant now);

  // The one in progress.
  const FailoverRecord* open(const MonitoredPrimary& primary) const;

 private:
  void begin(const MonitoredPrimary& primary, Instant now);
  std::optional<FailoverRecord> finish(const MonitoredPrimary& primary, std::string_view result, Instant now);

  std::map<uint32_t, FailoverRecord> open_;  // by the primary's id
};

}  // namespace holdfast::sentinel
