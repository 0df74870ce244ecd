#include "sentinel/metrics/sentinel_metrics.h"

#include "common/base/version.h"
#include "common/metrics/redis_metrics.h"

namespace holdfast::sentinel {
namespace {

std::string address_text(const Endpoint& endpoint) { return endpoint.host + ":" + std::to_string(endpoint.port); }

std::string_view kind_text(InstanceFacts::Kind kind) {
  switch (kind) {
    case InstanceFacts::Kind::primary:
      return "primary";
    case InstanceFacts::Kind::replica:
      return "replica";
    case InstanceFacts::Kind::sentinel:
      return "sentinel";
  }
  return "";
}

void add_redis_primary(metrics::MetricSet& set, const MonitoredPrimaryFacts& primary) {
  const metrics::Labels labels = {{"master_name", primary.name}, {"master_address", address_text(primary.address)}};
  metrics::Labels status = labels;
  status.emplace_back("master_status", primary.status);
  set.gauge("redis_sentinel_master_status", "Master status on Sentinel", primary.status == "ok" ? 1 : 0,
            std::move(status));
  set.gauge("redis_sentinel_master_slaves", "The number of slaves of the master", primary.replicas, labels);
  set.gauge("redis_sentinel_master_ok_slaves", "The number of okay slaves of the master", primary.ok_replicas, labels);
  set.gauge("redis_sentinel_master_sentinels", "The number of sentinels monitoring this master", primary.sentinels,
            labels);
  set.gauge("redis_sentinel_master_ok_sentinels", "The number of okay sentinels monitoring this master",
            primary.ok_sentinels, labels);
  set.gauge("redis_sentinel_master_ckquorum_status", "Master ckquorum status", primary.quorum_reachable ? 1 : 0,
            {{"master_name", primary.name}, {"message", primary.quorum_message}});
}

void add_instances(metrics::MetricSet& set, const MonitoredPrimaryFacts& primary) {
  for (const InstanceFacts& instance : primary.instances) {
    const metrics::Labels labels = {{"master_name", primary.name},
                                    {"instance_address", address_text(instance.address)},
                                    {"kind", std::string(kind_text(instance.kind))}};
    set.gauge("holdfast_instance_up", "Whether this sentinel can reach the process.", instance.up ? 1 : 0, labels);
    if (instance.probe_rtt) {
      set.gauge("holdfast_probe_rtt_seconds", "Round trip of the last answered PING.",
                std::chrono::duration<double>(*instance.probe_rtt).count(), labels);
    }
    if (instance.lag_bytes) {
      set.gauge("holdfast_replica_lag_bytes", "How far the replica is behind its primary's replication stream.",
                static_cast<double>(*instance.lag_bytes), labels);
    }
  }
}

}  // namespace

metrics::MetricSet sentinel_metrics(const SentinelFacts& facts) {
  metrics::MetricSet set;
  metrics::add_redis_info_metrics(set, metrics::InfoText(facts.info));
  set.gauge("redis_sentinel_masters", "The number of masters this sentinel is watching",
            static_cast<double>(facts.primaries.size()));
  set.gauge("redis_sentinel_tilt", "Sentinel is in TILT mode", facts.tilt ? 1 : 0);
  set.gauge("redis_sentinel_running_scripts", "Number of scripts in execution right now", facts.running_scripts);
  set.gauge("redis_sentinel_scripts_queue_length", "Queue of user scripts to execute", facts.scripts_queue_length);
  set.gauge("redis_sentinel_simulate_failure_flags", "Failures simulations", facts.simulate_failure_flags);
  for (const MonitoredPrimaryFacts& primary : facts.primaries) add_redis_primary(set, primary);

  set.gauge("holdfast_build_info", "What this process is; the value is always 1.", 1,
            {{"component", "sentinel"},
             {"version", std::string(holdfast_version())},
             {"commit", std::string(build_commit())},
             {"redis_version", std::string(kRedisVersion)}});
  for (const MonitoredPrimaryFacts& primary : facts.primaries) {
    add_instances(set, primary);
    const metrics::Labels name = {{"master_name", primary.name}};
    set.gauge("holdfast_failover_in_progress", "Whether this sentinel is failing the primary over now.",
              primary.failover_in_progress ? 1 : 0, name);
    set.gauge("holdfast_config_epoch", "Epoch of the configuration that clients are told.",
              static_cast<double>(primary.config_epoch), name);
  }
  set.gauge("holdfast_current_epoch", "The highest epoch this sentinel has seen.",
            static_cast<double>(facts.current_epoch));
  for (const auto& [key, count] : facts.failovers) {
    set.counter("holdfast_failovers_total", "Failovers that this sentinel led, by what began them and how they ended.",
                static_cast<double>(count),
                {{"master_name", key.master_name}, {"trigger", key.trigger}, {"result", key.result}});
  }
  for (const auto& [phase, durations] : facts.failover_phases) {
    set.histogram("holdfast_failover_phase_duration_seconds", "Duration of each phase of the failovers it led.", durations,
                  {{"phase", phase}});
  }
  set.histogram("holdfast_failover_unavailability_seconds", "From the primary's last good answer to its successor.",
                facts.failover_unavailability);
  set.counter("holdfast_votes_total", "Votes given in elections.", static_cast<double>(facts.votes));
  set.counter("holdfast_state_save_errors_total", "Failed saves of the sentinel's state.",
              static_cast<double>(facts.state_save_errors));
  set.histogram("holdfast_event_loop_stall_seconds", "Turns of the event loop that took 1 ms or more.",
                facts.event_loop_stall);
  return set;
}

}  // namespace holdfast::sentinel
