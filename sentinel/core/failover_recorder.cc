#include "sentinel/core/failover_recorder.h"

#include "sentinel/core/failover.h"

namespace holdfast::sentinel {

namespace {

// How an event ends a failover; "" for all others.
std::string_view result_of(Event event) {
  switch (event) {
    case Event::failover_end:
      return "success";
    case Event::failover_end_for_timeout:
      return "timeout";
    case Event::failover_abort_not_elected:
      return "not_elected";
    case Event::failover_abort_no_good_slave:
      return "no_good_replica";
    case Event::failover_abort_slave_timeout:
      return "replica_timeout";
    case Event::failover_abort_coordinated:
      return "not_coordinated";
    case Event::config_update_from:
    case Event::reset_master:
    case Event::unmonitor:
      return "superseded";
    default:
      return "";
  }
}

// The state that an event tells of; none for all others.
FailoverState state_of(Event event) {
  switch (event) {
    case Event::try_failover:
      return FailoverState::wait_start;
    case Event::failover_state_select_slave:
      return FailoverState::select_slave;
    case Event::failover_state_send_failover:
      return FailoverState::send_failover;
    case Event::failover_state_send_slaveof_noone:
      return FailoverState::send_slaveof_noone;
    case Event::failover_state_wait_promotion:
      return FailoverState::wait_promotion;
    case Event::failover_state_reconf_slaves:
      return FailoverState::reconf_slaves;
    default:
      return FailoverState::none;
  }
}

std::optional<Nanos> silent_for(const MonitoredPrimary& primary, Instant now) {
  if (!primary.node->s_down) return std::nullopt;
  return now - primary.node->command.last_ok;
}

}  // namespace

std::vector<CandidateVerdict> judge_replicas(const MonitoredPrimary& primary, const Node* chosen, Instant now,
                                             const Timings& timings) {
  std::vector<CandidateVerdict> verdicts;
  verdicts.reserve(primary.replicas.size());
  const SelectionLimits limits = primary.selection_limits(now, timings);
  std::optional<ReplicaCandidate> best;
  if (chosen != nullptr) best = primary.candidate(*chosen);
  for (const auto& [address, replica] : primary.replicas) {
    const ReplicaCandidate candidate = primary.candidate(*replica);
    const std::string_view verdict =
        replica.get() == chosen ? "chosen" : verdict_of(candidate, best ? &*best : nullptr, limits, now);
    verdicts.push_back({.address = address,
                        .run_id = candidate.run_id ? candidate.run_id->str() : std::string(),
                        .priority = candidate.priority,
                        .offset = candidate.offset,
                        .verdict = std::string(verdict)});
  }
  return verdicts;
}

std::optional<FailoverRecord> FailoverRecorder::observe(Event event, const MonitoredPrimary& primary, Instant now,
                                                        const Timings& timings) {
  std::optional<FailoverRecord> done;
  if (event == Event::try_failover) {
    done = finish(primary, "success", now);  // a new failure while replicas were still being moved
    begin(primary, now);
  }
  const auto found = open_.find(primary.id);
  if (found == open_.end()) return done;
  FailoverRecord& record = found->second;
  const FailoverState state = state_of(event);
  if (state != FailoverState::none && !record.began(name_of(state))) {
    record.phases.push_back({std::string(name_of(state)), now - record.started});
  }
  if (event == Event::failover_state_send_failover) record.trigger = "coordinated";
  if (event == Event::failover_state_send_failover_end) record.trigger = "forced";  // it goes on without the primary's help
  if (event == Event::selected_slave) {
    record.candidates = judge_replicas(primary, primary.failover.promoted, now, timings);
  } else if (event == Event::failover_abort_no_good_slave) {
    record.candidates = judge_replicas(primary, nullptr, now, timings);
  }
  if (const auto result = result_of(event); !result.empty()) return finish(primary, result, now);
  return done;
}

void FailoverRecorder::begin(const MonitoredPrimary& primary, Instant now) {
  FailoverRecord record{.primary = primary.name,
                        .epoch = primary.failover.epoch,
                        .trigger = primary.failover.forced    ? "forced"
                                   : primary.reboot.announced ? "emptied"
                                                              : "crash",
                        .result = {},
                        .from = primary.node->address,
                        .to = {},
                        .started = now,
                        .unavailable = {},
                        .phases = {},
                        .candidates = {}};
  if (primary.node->s_down) record.phases.push_back({"sdown", primary.node->s_down_since - now});
  if (primary.o_down) record.phases.push_back({"odown", primary.o_down_since - now});
  open_[primary.id] = std::move(record);
}

std::optional<FailoverRecord> FailoverRecorder::finish(const MonitoredPrimary& primary, std::string_view result,
                                                       Instant now) {
  auto found = open_.extract(primary.id);
  if (!found) return std::nullopt;
  FailoverRecord record = std::move(found.mapped());
  record.result = result;
  record.duration = now - record.started;
  record.phases.push_back({"end", record.duration});
  return record;
}

std::optional<FailoverRecord> FailoverRecorder::switched(const MonitoredPrimary& primary, const Endpoint& to,
                                                         bool by_us, Instant now) {
  if (by_us) {
    if (const auto found = open_.find(primary.id); found != open_.end()) {
      found->second.to = to;
      found->second.unavailable = silent_for(primary, now);
    }
    return std::nullopt;
  }
  FailoverRecord record{.primary = primary.name,
                        .epoch = primary.config_epoch,
                        .leader = false,
                        .trigger = primary.node->s_down ? "crash" : "unknown",
                        .result = "success",
                        .from = primary.node->address,
                        .to = to,
                        .started = now,
                        .unavailable = silent_for(primary, now),
                        .phases = {},
                        .candidates = {}};
  if (primary.node->s_down) record.phases.push_back({"sdown", primary.node->s_down_since - now});
  if (primary.o_down) record.phases.push_back({"odown", primary.o_down_since - now});
  return record;
}

const FailoverRecord* FailoverRecorder::open(const MonitoredPrimary& primary) const {
  const auto found = open_.find(primary.id);
  return found == open_.end() ? nullptr : &found->second;
}

}  // namespace holdfast::sentinel
