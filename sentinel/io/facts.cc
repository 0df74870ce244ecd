#include "sentinel/io/facts.h"

namespace holdfast::sentinel {

namespace {

InstanceFacts::Kind kind_of(const InstanceSummary& instance) {
  if (instance.kind == "master") return InstanceFacts::Kind::primary;
  return instance.kind == "slave" ? InstanceFacts::Kind::replica : InstanceFacts::Kind::sentinel;
}

MonitoredPrimaryFacts facts_of(const PrimarySummary& primary, const Sentinel& core, Instant now) {
  MonitoredPrimaryFacts facts;
  facts.name = primary.name;
  facts.address = core.primary_address(primary.name).value_or(primary.address);
  facts.status = primary.o_down ? "odown" : primary.s_down ? "sdown" : "ok";
  facts.failover_in_progress = primary.failover_state != "none";
  facts.quorum = primary.quorum;
  facts.replicas = static_cast<unsigned>(primary.replicas);
  facts.ok_replicas = static_cast<unsigned>(primary.usable_replicas);
  facts.sentinels = static_cast<unsigned>(primary.sentinels);
  facts.ok_sentinels = static_cast<unsigned>(primary.usable_sentinels);
  facts.quorum_reachable = primary.quorum_reachable;
  const auto verdict = core.check_quorum(primary.name);
  facts.quorum_message = verdict ? *verdict : verdict.error().text;
  facts.config_epoch = primary.config_epoch.value;
  facts.candidates = core.candidates(primary.name, now).value_or(std::vector<CandidateVerdict>());
  facts.failover = core.open_failover(primary.name, now);
  return facts;
}

}  // namespace

SentinelFacts collect_facts(const Sentinel& core, Instant now) {
  SentinelFacts facts;
  facts.tilt = core.tilt_since(now).has_value();
  facts.current_epoch = core.current_epoch().value;
  facts.run_id = core.run_id().str();
  const auto instances = core.instance_summaries();
  for (const PrimarySummary& primary : core.summaries()) {
    MonitoredPrimaryFacts one = facts_of(primary, core, now);
    uint64_t offset = 0;  // of the primary's stream, as of its last INFO
    bool heard = primary.s_down;
    for (const InstanceSummary& instance : instances) {
      if (instance.primary != primary.name || kind_of(instance) != InstanceFacts::Kind::primary) continue;
      offset = instance.replication_offset;
      heard |= instance.last_probe_rtt.has_value();
    }
    facts.ready &= heard;
    for (const InstanceSummary& instance : instances) {
      if (instance.primary != primary.name) continue;
      InstanceFacts each{.kind = kind_of(instance), .address = instance.address, .up = instance.up};
      each.probe_rtt = instance.last_probe_rtt;
      each.connected = instance.connected;
      each.offset = instance.replication_offset;
      each.run_id = instance.run_id.is_zero() ? std::string() : instance.run_id.str();
      each.flags = instance.flags;
      if (each.kind == InstanceFacts::Kind::replica) {
        each.lag_bytes = offset > instance.replication_offset ? offset - instance.replication_offset : 0;
      }
      one.instances.push_back(std::move(each));
    }
    facts.primaries.push_back(std::move(one));
  }
  return facts;
}

}  // namespace holdfast::sentinel
