// What a sentinel tells about itself and its primaries over HTTP, as plain values that the main loop fills in and publishes.
//
// A SentinelFacts is made on the main loop's thread and only read afterwards, by the HTTP thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/endpoint.h"
#include "common/metrics/latency_histogram.h"
#include "sentinel/core/failover_record.h"

namespace holdfast::sentinel {

// One process that the sentinel watches.
struct InstanceFacts {
  enum class Kind : uint8_t { primary, replica, sentinel };
  Kind kind = Kind::primary;
  Endpoint address;
  bool up = false;                                     // not subjectively down
  std::optional<std::chrono::nanoseconds> probe_rtt;   // of the last answered PING
  std::optional<uint64_t> lag_bytes;                   // of a replica behind the primary
  bool connected = false;
  uint64_t offset = 0;  // of the replication stream, as of its last INFO
  std::string run_id;
  std::string flags;    // as SENTINEL MASTER has them
};

struct MonitoredPrimaryFacts {
  std::string name;
  Endpoint address;  // the one that clients are told
  std::string status = "ok";  // ok, sdown, odown: INFO's word
  bool failover_in_progress = false;
  unsigned quorum = 0;
  unsigned replicas = 0;
  unsigned ok_replicas = 0;
  unsigned sentinels = 1;     // with this one
  unsigned ok_sentinels = 1;  // with this one
  bool quorum_reachable = false;  // CKQUORUM says OK
  std::string quorum_message;     // CKQUORUM's text
  uint64_t config_epoch = 0;
  std::vector<InstanceFacts> instances;  // the primary itself, its replicas and the other sentinels
  std::vector<CandidateVerdict> candidates;  // who would be promoted now, and why each other replica not
  std::optional<FailoverRecord> failover;    // under way, led by this sentinel
};

struct FailoverKey {
  std::string master_name;
  std::string trigger;  // as FailoverRecord has them
  std::string result;
  auto operator<=>(const FailoverKey&) const = default;
};

// An event as it was published.
struct ToldEvent {
  uint64_t id = 0;  // grows, also across restarts
  std::string name;
  std::string payload;
  int64_t unix_ms = 0;
};

struct SentinelFacts {
  std::string info;  // the text of INFO everything
  bool tilt = false;
  bool ready = true;  // false until the first answers of the watched processes were seen, and while stopping
  unsigned running_scripts = 0;
  unsigned scripts_queue_length = 0;
  unsigned simulate_failure_flags = 0;
  uint64_t current_epoch = 0;
  std::string run_id;
  std::vector<MonitoredPrimaryFacts> primaries;

  std::shared_ptr<const std::vector<FailoverRecord>> history;  // newest first; null: none
  std::shared_ptr<const std::vector<ToldEvent>> events;        // oldest first; null: none
  std::map<FailoverKey, uint64_t> failovers;
  std::map<std::string, metrics::LatencyHistogram> failover_phases;  // by phase: "detection", "election", "promotion", ...
  metrics::LatencyHistogram failover_unavailability;                 // from the last good answer to +switch-master
  uint64_t votes = 0;              // given to any candidate
  uint64_t state_save_errors = 0;  // failed saves of the config file
  metrics::LatencyHistogram event_loop_stall;  // turns of the event loop that took 1 ms or more
};

}  // namespace holdfast::sentinel
