#include "node/metrics/node_metrics.h"

#include <algorithm>

#include "common/base/version.h"
#include "common/metrics/redis_metrics.h"

namespace holdfast::node {

metrics::MetricSet node_metrics(const NodeFacts& facts) {
  metrics::MetricSet set;
  const metrics::InfoText info(facts.info);
  metrics::add_redis_info_metrics(set, info);
  metrics::add_redis_keyspace_metrics(set, info, facts.databases);
  metrics::add_redis_command_metrics(set, info);
  metrics::add_redis_replication_metrics(set, info);
  if (facts.slowlog_length) set.gauge("redis_slowlog_length", "Total slowlog", static_cast<double>(*facts.slowlog_length));
  if (facts.slowlog_last_id) {
    set.gauge("redis_slowlog_last_id", "Last id of slowlog", static_cast<double>(*facts.slowlog_last_id));
  }

  set.gauge("holdfast_build_info", "What this process is; the value is always 1.", 1,
            {{"component", "node"},
             {"version", std::string(holdfast_version())},
             {"commit", std::string(build_commit())},
             {"redis_version", std::string(kRedisVersion)}});
  set.histogram("holdfast_aof_fsync_duration_seconds", "Duration of each fsync of the append-only file.", facts.aof_fsync);
  set.histogram("holdfast_event_loop_stall_seconds", "Turns of the event loop that took 1 ms or more.",
                facts.event_loop_stall);
  set.counter("holdfast_state_save_errors_total", "Failed saves, log writes and config rewrites.",
              static_cast<double>(facts.state_save_errors));
  set.gauge("holdfast_loading_progress_ratio", "How much of the data set is loaded; 1 when not loading.",
            facts.health.loading ? facts.health.loading_progress.value_or(0) : 1);
  for (const auto& [kind, progress] : facts.snapshot_progress) {
    set.gauge("holdfast_snapshot_progress_ratio", "How far a running save is.", progress, {{"kind", kind}});
  }
  if (facts.health.sync_read_bytes) {
    const double read = static_cast<double>(*facts.health.sync_read_bytes);
    set.gauge("holdfast_replica_sync_received_bytes", "How much of a full sync has been received.", read);
    if (facts.health.sync_total_bytes) {
      set.gauge("holdfast_replica_sync_progress_ratio", "How much of a full sync has been received; not told while streamed.",
                std::min(1.0, read / static_cast<double>(*facts.health.sync_total_bytes)));
    }
  }
  if (facts.health.role == NodeHealth::Role::replica && facts.health.lag_bytes) {
    set.gauge("holdfast_replica_lag_bytes", "How far this replica is behind its primary's replication stream.",
              static_cast<double>(*facts.health.lag_bytes));
  }
  return set;
}

}  // namespace holdfast::node
