#include "sentinel/core/replica_selection.h"

#include <tuple>

namespace holdfast::sentinel {

Unsuitable why_unsuitable(const ReplicaCandidate& replica, const SelectionLimits& limits, Instant now) {
  if (replica.down) return Unsuitable::down;
  if (!replica.connected) return Unsuitable::disconnected;
  if (now - replica.last_ok > limits.max_ping_age) return Unsuitable::stale_ping;
  if (replica.priority == 0) return Unsuitable::priority_zero;
  if (replica.place == Place::foreign) return Unsuitable::foreign_lineage;
  if (!replica.info_at || now - *replica.info_at > limits.max_info_age) return Unsuitable::stale_info;
  if (replica.link_down_for && *replica.link_down_for > limits.max_link_down) return Unsuitable::link_down_too_long;
  return Unsuitable::none;
}

namespace {

bool better(const ReplicaCandidate& a, const ReplicaCandidate& b) {
  const auto key = [](const ReplicaCandidate& r) {
    return std::tuple(r.place, r.priority, ~r.offset, !r.run_id.has_value(), r.run_id.value_or(RunId()), r.address);
  };
  return key(a) < key(b);
}

}  // namespace

std::string_view verdict_of(const ReplicaCandidate& replica, const ReplicaCandidate* best, const SelectionLimits& limits,
                            Instant now) {
  switch (why_unsuitable(replica, limits, now)) {
    case Unsuitable::down: return "down";
    case Unsuitable::disconnected: return "disconnected";
    case Unsuitable::stale_ping: return "stale-ping";
    case Unsuitable::stale_info: return "stale-info";
    case Unsuitable::priority_zero: return "priority-zero";
    case Unsuitable::link_down_too_long: return "link-down-too-long";
    case Unsuitable::foreign_lineage: return "foreign-lineage";
    case Unsuitable::none: break;
  }
  if (best == nullptr) return "suitable";
  if (replica.place > best->place) return replica.place == Place::empty ? "no-data" : "older-lineage";
  if (replica.priority != best->priority) return "lower-priority";
  if (replica.offset != best->offset) return "lower-offset";
  return "higher-runid";
}

std::optional<size_t> select_replica(std::span<const ReplicaCandidate> replicas, const SelectionLimits& limits,
                                     Instant now) {
  std::optional<size_t> best;
  for (size_t i = 0; i < replicas.size(); ++i) {
    if (why_unsuitable(replicas[i], limits, now) != Unsuitable::none) continue;
    if (!best || better(replicas[i], replicas[*best])) best = i;
  }
  return best;
}

}  // namespace holdfast::sentinel
