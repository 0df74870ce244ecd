#include "sentinel/core/monitored_primary.h"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast::sentinel {

std::string_view name_of(FailoverState state) {
  switch (state) {
    case FailoverState::none: return "none";
    case FailoverState::wait_start: return "wait_start";
    case FailoverState::select_slave: return "select_slave";
    case FailoverState::send_failover: return "send_failover";
    case FailoverState::send_slaveof_noone: return "send_slaveof_noone";
    case FailoverState::wait_promotion: return "wait_promotion";
    case FailoverState::reconf_slaves: return "reconf_slaves";
    case FailoverState::update_config: return "update_config";
  }
  return "unknown";
}

std::string address_text(const Endpoint& address) {
  if (address.host.find(':') != std::string::npos) return fmt::format("[{}]:{}", address.host, address.port);
  return fmt::format("{}:{}", address.host, address.port);
}

bool MonitoredPrimary::catching_up(Instant now) const {
  return now < catch_up_until &&
         std::any_of(peers.begin(), peers.end(), [](const auto& peer) { return peer.second.catching_up; });
}

size_t MonitoredPrimary::usable_sentinels() const {
  return 1 + static_cast<size_t>(
                 std::count_if(peers.begin(), peers.end(), [](const auto& peer) { return !peer.second.s_down; }));
}

size_t MonitoredPrimary::usable_replicas() const {
  return static_cast<size_t>(
      std::count_if(replicas.begin(), replicas.end(), [](const auto& replica) { return !replica.second->s_down; }));
}

size_t MonitoredPrimary::sentinels_seeing_down(Instant now, Nanos answer_lifetime) const {
  size_t count = node->s_down ? 1 : 0;
  for (const auto& [id, view] : peers) {
    if (view.reports_down && now - view.reported_at < answer_lifetime) ++count;
  }
  return count;
}

std::vector<PeerBallot> MonitoredPrimary::ballots() const {
  std::vector<PeerBallot> ballots;
  ballots.reserve(peers.size());
  for (const auto& [id, view] : peers) {
    ballots.push_back({id, view.vote, view.answered_epoch, view.peer->link.up() && !view.s_down});
  }
  return ballots;
}

SelectionLimits MonitoredPrimary::selection_limits(Instant now, const Timings& timings) const {
  const Nanos down_for = node->s_down ? now - node->s_down_since : Nanos(0);
  return {.max_ping_age = std::clamp<Nanos>(5 * ping_period(timings), Millis(500), 5 * timings.ping_period),
          .max_info_age = node->s_down ? Nanos(5 * timings.ping_period) : Nanos(3 * timings.info_period),
          .max_link_down = 10 * Nanos(settings.down_after) + down_for};
}

ReplicaCandidate MonitoredPrimary::candidate(const Node& replica) const {
  ReplicaCandidate candidate{
      .address = replica.address,
      .run_id = replica.run_id,
      .down = replica.s_down,
      .connected = replica.command.up(),
      .last_ok = replica.command.last_ok,
      .info_at = replica.info_current ? replica.info_at : std::nullopt,
      .priority = replica.info.priority,
      .offset = replica.info.role == Role::primary ? replica.info.primary_offset : replica.info.offset,
      .place = reboot.place(replica.info, lineage)};
  if (replica.info.role == Role::replica && !replica.info.link_up) candidate.link_down_for = replica.info.link_down_for;
  return candidate;
}

Node* MonitoredPrimary::best_replica(Instant now, const Timings& timings, const Faults& faults) const {
  std::vector<ReplicaCandidate> candidates;
  std::vector<Node*> nodes;
  candidates.reserve(replicas.size());
  for (const auto& [address, replica] : replicas) {
    candidates.push_back(candidate(*replica));
    if (faults.promote_foreign) candidates.back().place = Place::current;
    if (faults.ignore_merit) {
      candidates.back().priority = std::max(1, 1000 - candidates.back().priority);
      candidates.back().offset = ~candidates.back().offset;
    }
    nodes.push_back(replica.get());
  }
  const auto best = select_replica(candidates, selection_limits(now, timings), now);
  return best ? nodes[*best] : nullptr;
}

const Node* MonitoredPrimary::copy_of_lost_data(Instant now, const Timings& timings) const {
  if (!reboot.since()) return nullptr;
  const Node* best = best_replica(now, timings);
  const bool asked_since = best != nullptr && best->info_at >= *reboot.since();
  return asked_since && reboot.is_copy(best->info) ? best : nullptr;
}

bool MonitoredPrimary::replicas_lost_it() const {
  if (!node->refused_since) return false;
  size_t witnesses = 0;
  for (const auto& [address, replica] : replicas) {
    if (!replica->command.up() || replica->s_down) continue;
    if (!replica->info_at || *replica->info_at < *node->refused_since) return false;  // not asked yet
    if (replica->info.role != Role::replica || replica->info.primary != node->address) continue;
    if (replica->info.link_up) return false;
    ++witnesses;
  }
  return witnesses > 0;
}

Node* MonitoredPrimary::suitable_replica(const Endpoint& address, Instant now, const Timings& timings) const {
  const auto found = replicas.find(address);
  if (found == replicas.end()) return nullptr;
  const Unsuitable why = why_unsuitable(candidate(*found->second), selection_limits(now, timings), now);
  return why == Unsuitable::none ? found->second.get() : nullptr;
}

Node* MonitoredPrimary::successor() const {
  if (!node->command.up() || node->info.role != Role::replica) return nullptr;
  const auto found = replicas.find(node->info.primary);
  return found == replicas.end() ? nullptr : found->second.get();
}

bool MonitoredPrimary::has_joined_others(const Node& replica) const {
  const NodeInfo& info = replica.info;
  const bool foreign = lineage.place(info) == Place::foreign || (replica.of_others && !lineage.continued_by(info));
  if (!foreign) return false;
  const auto is_ours = [&](const Endpoint& address) { return address == node->address || replicas.contains(address); };
  if (info.role == Role::replica) return info.link_up && !is_ours(info.primary);
  return !info.replicas.empty() && std::none_of(info.replicas.begin(), info.replicas.end(), is_ours);
}

bool MonitoredPrimary::quiet() const {
  return node->command.up() && node->pubsub.up() && !node->s_down && node->role_reported != Role::replica &&
         failover.state == FailoverState::none;
}

bool MonitoredPrimary::looks_sane(Instant now, const Timings& timings) const {
  return !node->s_down && !o_down && node->role_reported == Role::primary && node->info_at &&
         now - *node->info_at < 2 * timings.info_period;
}

}  // namespace holdfast::sentinel
