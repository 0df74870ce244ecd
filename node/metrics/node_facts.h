// What a node tells about itself over HTTP, as plain values that the main loop fills in and publishes.
//
// A NodeFacts is made on the main loop's thread and only read afterwards, by the HTTP thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/metrics/latency_histogram.h"

namespace holdfast::node {

struct NodeHealth {
  enum class Role : uint8_t { primary, replica };
  Role role = Role::primary;
  bool loading = false;        // reading the data set from disk, or from a primary into an empty data set
  bool started = false;        // the load at start-up is over (it stays true)
  bool stopping = false;       // SHUTDOWN has begun
  bool link_up = false;        // a replica's link to its primary
  bool accepts_writes = true;  // false after a failed save or log write (MISCONF), or below min-replicas-to-write
  std::optional<uint64_t> lag_bytes;        // a replica's distance behind its primary; nothing where it is not known
  std::optional<double> loading_progress;   // 0 to 1, while loading
  // While a full sync is received: how much has come, and of how much where the primary tells.
  std::optional<uint64_t> sync_read_bytes, sync_total_bytes;
};

struct NodeFacts {
  NodeHealth health;
  std::string info;    // the text of INFO everything
  int databases = 16;  // redis_db_keys has a series for each
  std::optional<int64_t> slowlog_length;
  std::optional<int64_t> slowlog_last_id;

  metrics::LatencyHistogram aof_fsync;
  metrics::LatencyHistogram event_loop_stall;  // turns of the event loop that took 1 ms or more
  uint64_t state_save_errors = 0;              // failed saves, log writes and config rewrites
  // Saves that run now and how far they are, 0 to 1: {"rdb", 0.4}, {"aof", ...}, {"sync", ...}.
  std::vector<std::pair<std::string, double>> snapshot_progress;
};

}  // namespace holdfast::node
