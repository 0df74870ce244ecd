// A new configuration in force: the primary's place changes hands, and every other node is moved behind it.
#include <fmt/format.h>

#include <algorithm>

#include "sentinel/core/quorum.h"
#include "sentinel/core/sentinel_impl.h"

namespace holdfast::sentinel {

namespace {

constexpr Millis kAskAgain{500};  // peers that did not confirm our configuration are asked again

}  // namespace

// The node objects change places with their links open. What the peers said of the old primary is void; the old primary
// becomes a replica like the others, and is watched as one.
void Sentinel::Impl::switch_primary(Primary& p, const Endpoint& address, SwitchedBy by) {
  const Endpoint old = p.node->address;
  if (old == address) return;
  const Endpoint from = shown(old), to = shown(address);
  notify_bare(Event::switch_master, fmt::format("{} {} {} {} {}", p.name, from.host, from.port, to.host, to.port), &p);
  if (!p.settings.client_reconfig_script.empty()) {
    out_.notices.back().reconfig_script = {p.settings.client_reconfig_script,
                                           p.name,
                                           by == SwitchedBy::us ? "leader" : "observer",
                                           "start",
                                           from.host,
                                           std::to_string(from.port),
                                           to.host,
                                           std::to_string(to.port)};
  }
  if (auto done = recorder_.switched(p, address, by == SwitchedBy::us, now_)) out_.records.push_back(std::move(*done));
  std::unique_ptr<Node> next;
  if (auto found = p.replicas.extract(address)) {
    next = std::move(found.mapped());
  } else {
    next = make_node(address);
  }
  p.replicas[old] = std::exchange(p.node, std::move(next));
  p.node->pubsub.last_activity = now_;  // a replica's is less often heard of
  p.failover.promoted = nullptr;
  p.failover.order = 0;
  p.reboot.switched();
  p.o_down = false;
  p.candidate_at.reset();
  p.held_for.reset();
  p.next_attempt_at = p.needs_replica_until = now_;
  for (auto& [id, view] : p.peers) view.reports_down = false;
  const auto renew = [&](Node& node) {
    node.s_down = false;  // found again at once if it holds: the event then names its new place
    node.role_reported.reset();
    node.role_reported_since = now_;
    node.misplaced_since.reset();
    node.rebooted_since.reset();
    node.reconf = Reconf::none;
    node.former_primary = false;
    node.info_wanted = true;
  };
  renew(*p.node);
  p.node->of_others = false;
  for (auto& [replica_address, replica] : p.replicas) {
    renew(*replica);
    notify(Event::slave, p, *replica);
  }
  dirty_ = true;
  want_hello(p);
  touch(p);
}

void Sentinel::Impl::end_reconf(Primary& p) {
  p.failover = Failover{};
  for (auto& [address, replica] : p.replicas) {
    replica->reconf = Reconf::none;
    replica->former_primary = false;
  }
}

// Moves the replicas, parallel-syncs at a time; the former primary, if it lives, first and beside the others, because
// clients may still write to it.
void Sentinel::Impl::drive_reconf(Primary& p) {
  if (p.failover.state != FailoverState::reconf_slaves) return;
  size_t moving = 0;
  for (const auto& [address, replica] : p.replicas) {
    const bool moves = replica->reconf == Reconf::sent || replica->reconf == Reconf::inprog;
    if (moves && !replica->s_down && !replica->former_primary) ++moving;
  }
  const bool out_of_time = due(p.failover.state_since + p.settings.failover_timeout);
  bool all_done = true;
  if (faults_.follow_itself && p.node->command.up()) {
    send(p.node->command, Request{.kind = Request::Kind::change_role, .target = p.node->address}, p.id, true);
  }
  for (auto& [address, node] : p.replicas) {
    Node& replica = *node;
    if (replica.s_down || replica.of_others || replica.reconf == Reconf::done) continue;
    if (replica.reconf == Reconf::sent && due(replica.reconf_at + timings_.replica_reconf_timeout)) {
      replica.reconf = Reconf::none;
      --moving;
      notify(Event::slave_reconf_sent_timeout, p, replica);
    }
    all_done = false;
    if (replica.reconf != Reconf::none || !replica.command.up()) continue;
    if (!out_of_time && !replica.former_primary && moving >= p.settings.parallel_syncs) continue;
    send(replica.command,
         Request{.kind = Request::Kind::change_role, .target = shown(p.node->address), .renames = p.settings.renames}, p.id,
         true);
    replica.reconf = Reconf::sent;
    replica.reconf_at = now_;
    if (!replica.former_primary) ++moving;
    notify(Event::slave_reconf_sent, p, replica);
    due(now_ + timings_.replica_reconf_timeout);
  }
  if (!all_done && !out_of_time) return;
  if (!all_done) notify(Event::failover_end_for_timeout, p);
  notify(Event::failover_end, p);
  end_reconf(p);
  again_ = true;
}

// Most sentinels have lately told us of the same configuration as ours, by hellos sent well after `since`: no newer one
// is about to arrive from behind a healed partition.
bool Sentinel::Impl::configuration_confirmed(const Primary& p, Instant since) const {
  const Instant after = since + timings_.publish_period / 2;
  size_t agreeing = 1;
  for (const auto& [id, view] : p.peers) {
    if (view.last_hello >= after && view.hello_config_epoch == p.config_epoch &&
        view.hello_primary == p.node->address) {
      ++agreeing;
    }
  }
  return agreeing >= majority_of(p.voters());
}

// A replica that calls itself a primary (an old primary that returned), or follows somebody else. It is left alone for
// a while: what we see may be the work of a newer configuration that has not reached us. A primary is told at once
// where the peers say that there is none, and our own primary has said since that it is one.
void Sentinel::Impl::fix_roles(Primary& p) {
  if (p.failover.state != FailoverState::none || !p.looks_sane(now_, timings_)) return;
  for (auto& [address, node] : p.replicas) {
    Node& replica = *node;
    if (!replica.misplaced_since || !replica.command.up() || replica.s_down) continue;
    const bool as_primary = replica.role_reported == Role::primary;
    const Instant since = *replica.misplaced_since;
    const bool waited = due(since + 4 * timings_.publish_period);
    const bool answered = as_primary && p.node->info_at >= since && configuration_answered_for(p, since);
    if (as_primary && !answered && due(p.configurations_asked + kAskAgain)) want_configurations(p);
    const bool confirmed =
        answered || (as_primary && due(since + timings_.publish_period) && configuration_confirmed(p, since));
    if ((!waited && !confirmed) || !due(p.next_attempt_at)) continue;
    send(replica.command,
         Request{.kind = Request::Kind::change_role, .target = shown(p.node->address), .renames = p.settings.renames}, p.id,
         true);
    replica.misplaced_since = now_;
    due(now_ + 4 * timings_.publish_period);
    notify(as_primary ? Event::convert_to_slave : Event::fix_slave_config, p, replica);
  }
}

}  // namespace holdfast::sentinel
