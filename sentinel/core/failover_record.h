// What became of one failover: for SENTINEL FAILOVER-HISTORY, the HTTP API and the metrics. Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/endpoint.h"
#include "sentinel/core/types.h"

namespace holdfast::sentinel {

// A replica, and why it is the one to promote or not: "chosen", or what is wrong with it (see verdict_of).
struct CandidateVerdict {
  Endpoint address;
  std::string run_id;  // "": unknown
  int32_t priority = 0;
  uint64_t offset = 0;
  std::string verdict;
};

struct FailoverRecord {
  struct Phase {
    std::string name;  // sdown, odown, a failover state, end
    Nanos at{0};       // since `started`; negative: before
  };

  std::string primary;  // the monitored primary's name
  Epoch epoch;
  bool leader = true;   // this sentinel led it; else it took over the outcome, and knows no more than that
  // crash, emptied (it came back without its data), forced (an operator's order), coordinated (with the old primary's
  // help), unknown
  std::string trigger;
  // "": still in progress; success, timeout, not_elected, no_good_replica, replica_timeout, not_coordinated, superseded
  std::string result;
  unsigned attempts = 1;  // campaigns in a row that won no votes count as one record
  Endpoint from;
  std::optional<Endpoint> to;
  Instant started;
  int64_t started_unix_ms = 0;  // set by the driver: the core knows no calendar
  Nanos duration{0};
  std::optional<Nanos> unavailable;  // from the old primary's last good answer to the switch
  std::vector<Phase> phases;
  std::vector<CandidateVerdict> candidates;  // as they were when one was chosen

  // When a phase began; nothing: it was not reached.
  std::optional<Nanos> began(std::string_view name) const {
    for (const Phase& phase : phases) {
      if (phase.name == name) return phase.at;
    }
    return std::nullopt;
  }
};

}  // namespace holdfast::sentinel
