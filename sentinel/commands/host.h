// What the commands need of the process around them: the decisions, what they asked for, and a few facts. Implemented
// by io/SentinelServer, and by a fake in unit tests. Executor thread only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/result.h"
#include "common/time/clock.h"
#include "sentinel/core/script_queue.h"
#include "sentinel/core/sentinel.h"

namespace holdfast::sentinel {

// SENTINEL SIMULATE-FAILURE: where the process ends itself, with exit code kSimulatedCrashExit.
enum SimulatedFailure : unsigned { kCrashAfterElection = 1, kCrashAfterPromotion = 2 };
inline constexpr int kSimulatedCrashExit = 99;

struct CachedInfo {
  std::string text;
  Instant received;
};

// Constant facts of the process that INFO shows.
struct ProcessFacts {
  RunId run_id;  // of this run of the process; not the sentinel's id
  uint16_t port = 0;
  std::string executable;
  std::string config_file;
  Instant started;
};

class Host {
 public:
  virtual ~Host() = default;

  virtual Sentinel& core() = 0;
  // Carries out what the core returned, in its order. An error: the state could not be saved (the core knows already,
  // and nothing that depended on it was sent).
  virtual Result<> perform(Actions actions) = 0;

  // This sentinel has just started and is asking its peers: what it would tell clients may be stale.
  virtual bool catching_up() const = 0;

  virtual const ProcessFacts& facts() const = 0;
  // The last INFO of a data node, by address; null when there is none yet.
  virtual const CachedInfo* cached_info(const Endpoint& address) const = 0;
  virtual const ScriptQueue& scripts() const = 0;
  // The failovers of this primary that are over, newest first.
  virtual std::vector<FailoverRecord> failover_history(std::string_view primary) const = 0;
  virtual unsigned simulated_failures() const = 0;
  virtual void simulate_failures(unsigned flags) = 0;
  // Ends the process in an orderly way, after this turn.
  virtual void request_shutdown(std::string_view reason) = 0;
};

}  // namespace holdfast::sentinel
