// What the instances answer.
#include <fmt/format.h>

#include <algorithm>

#include "common/base/text.h"
#include "sentinel/core/failure_detector.h"
#include "sentinel/core/sentinel_impl.h"

namespace holdfast::sentinel {

namespace {

constexpr Millis kFormerPrimaryRetry{500};

}  // namespace

void Sentinel::Impl::on_replies(LinkId id, RequestId request_id, std::span<const Reply> replies) {
  const auto found = links_.find(id);
  if (found == links_.end() || replies.empty()) return;
  const LinkOwner owner = found->second;
  const auto request = owner.link->take(request_id);
  if (!request) return;
  Primary* p = owner.node != nullptr ? primary_by_id(owner.primary) : nullptr;
  switch (request->kind) {
    case Request::Kind::ping: return on_ping_reply(owner, *request, replies[0]);
    case Request::Kind::info:
      if (p != nullptr) on_info(*p, *owner.node, replies[0]);
      return;
    case Request::Kind::ask_master_down: return on_ask_reply(owner, *request, replies[0]);
    case Request::Kind::ask_configuration:
      return on_configuration(owner, *request, replies);
    case Request::Kind::change_role:
      if (p != nullptr) on_role_changed(*p, *owner.node, request_id, replies);
      return;
    case Request::Kind::role:
      if (p != nullptr) on_role(*p, *owner.node, request_id, replies[0]);
      return;
    case Request::Kind::hand_over:
    case Request::Kind::keep_role:
      if (p != nullptr && p->failover.handover.order == request_id) on_handover_answer(*p, replies[0]);
      return;
    case Request::Kind::publish_hello:
      if (p != nullptr) on_publish_reply(*p, *owner.node, replies[0]);
      return;
    case Request::Kind::script_kill: return;
  }
}

void Sentinel::Impl::on_ping_reply(const LinkOwner& owner, const PendingRequest& request, const Reply& reply) {
  Link& link = *owner.link;
  link.last_reply = now_;
  link.round_trip = now_ - request.sent;
  link.ping_pending_since.reset();
  for (const PendingRequest& later : link.pending) {
    if (later.kind != Request::Kind::ping) continue;
    link.ping_pending_since = later.sent;
    break;
  }
  const bool ok = acceptable_ping_reply(reply);
  if (owner.peer != nullptr) {
    if (!ok) return;
    link.last_ok = now_;
    for (auto& [name, p] : primaries_) {
      const auto view = p->peers.find(owner.peer->id);
      if (view != p->peers.end() && view->second.s_down) touch(*p);
    }
    return;
  }
  Primary* p = primary_by_id(owner.primary);
  Node& node = *owner.node;
  if (ok) note_alive(*p, node, reply.type == Reply::Type::status);
  // A node that runs a script too long is alive but useless: the script is killed once it counts as down.
  if (reply.is_error() && reply.text.starts_with("BUSY") && node.s_down && !node.script_kill_sent) {
    send(link, Request{.kind = Request::Kind::script_kill, .renames = p->settings.renames}, p->id, false);
    node.script_kill_sent = true;
  }
}

// An acceptable answer. `serving`: not one of a node that loads, or waits for its primary.
void Sentinel::Impl::note_alive(Primary& p, Node& node, bool serving) {
  node.command.last_ok = node.command.last_reply = now_;
  if (node.s_down || (serving && node.rebooted_since)) touch(p);
  if (!serving) return;
  node.rebooted_since.reset();
  node.script_kill_sent = false;
}

// Who takes a message lives as much as who answers a PING. Who refuses it is asked with one now.
void Sentinel::Impl::on_publish_reply(Primary& p, Node& node, const Reply& reply) {
  if (reply.type == Reply::Type::integer) return note_alive(p, node, false);  // as for INFO
  node.command.last_ping_sent = kLongAgo;
  touch(p);
}

void Sentinel::Impl::on_info(Primary& p, Node& node, const Reply& reply) {
  if (reply.type != Reply::Type::bulk) {
    node.command.last_ping_sent = kLongAgo;  // as on_publish_reply
    return touch(p);
  }
  note_alive(p, node, false);  // it may be loading
  node.info = parse_info(reply.text);
  node.info.primary = names_.known(node.info.primary, globals_);
  std::erase_if(node.info.replicas, [&](const Endpoint& replica) { return !is_usable(replica, globals_); });
  for (Endpoint& replica : node.info.replicas) replica = names_.known(replica, globals_);
  node.info_at = now_;
  node.info_current = true;
  if (node.info.run_id) note_run_id(p, node, *node.info.run_id);
  if (node.info.role) note_role(p, node, *node.info.role);
  if (&node == p.node.get() && node.info.role == Role::primary) {
    for (const Endpoint& replica : node.info.replicas) {
      if (replica == p.node->address || p.replicas.contains(replica)) continue;
      notify(Event::slave, p, add_replica(p, replica));
      save_soon();
    }
  }
  if (&node != p.node.get()) note_placement(p, node);
  if (&node == p.node.get()) judge_reboot(p);
  learn_lineage(p, node);
  touch(p);
}

// From the primary, even where it follows another now and has copied its data: there is no other data to keep. And from
// a replica that is linked to it and tells a history that is new, where the primary has not been asked since.
void Sentinel::Impl::learn_lineage(Primary& p, const Node& node) {
  if (&node == p.node.get()) {
    const bool has_copied = node.info.role == Role::replica && node.info.link_up;
    if (node.info.role == Role::primary || has_copied) p.lineage.learn(node.info);
    return;
  }
  const bool linked = node.info.role == Role::replica && node.info.link_up && node.info.primary == p.node->address;
  if (linked && p.node->info_current && !p.lineage.continued_by(node.info)) p.lineage.learn(node.info);
}

void Sentinel::Impl::judge_reboot(Primary& p) {
  const bool known = p.reboot.since().has_value();
  NodeInfo info = p.node->info;
  if (faults_.suspect_any_reboot) {
    info.keys = 0;
    info.previous_id.reset();
  }
  if (!faults_.accept_empty) p.reboot.judge(info, p.lineage, now_);
  if (known || !p.reboot.since()) return;
  for (auto& [address, replica] : p.replicas) want_info(*replica);
}

void Sentinel::Impl::note_run_id(Primary& p, Node& node, const RunId& run_id) {
  if (node.run_id && *node.run_id != run_id) {
    notify(Event::reboot, p, node);
    if (&node == p.node.get() && p.settings.reboot_down_after > Millis(0)) node.rebooted_since = now_;
  }
  node.run_id = run_id;
  if (&node == p.node.get()) p.reboot.seen(run_id);
}

// Until it has said what it is, it counts as what the configuration has it for.
void Sentinel::Impl::note_role(Primary& p, Node& node, Role role) {
  const Role configured = &node == p.node.get() ? Role::primary : Role::replica;
  const bool changed = role != node.role_reported.value_or(configured);
  node.role_reported = role;
  if (!changed) return;
  node.role_reported_since = now_;
  notify(role == configured ? Event::role_change : Event::role_change_end, p, node,
         fmt::format(" new reported role is {}", role == Role::primary ? "master" : "slave"));
}

// Is this replica where the configuration wants it, and how far has its move come?
void Sentinel::Impl::note_placement(Primary& p, Node& node) {
  const bool behind_primary = node.info.role == Role::replica && node.info.primary == p.node->address;
  node.of_others = p.has_joined_others(node);
  if (behind_primary || !node.info.role || node.of_others) {
    node.misplaced_since.reset();
  } else if (!node.misplaced_since) {
    node.misplaced_since = now_;
    if (node.info.role == Role::primary) {  // what fix_roles() needs to know
      want_configurations(p);
      want_info(*p.node);
    }
  }
  if (!behind_primary || p.failover.state != FailoverState::reconf_slaves) return;
  if (node.reconf == Reconf::sent) {
    node.reconf = Reconf::inprog;
    notify(Event::slave_reconf_inprog, p, node);
  }
  if (node.reconf == Reconf::inprog && node.info.link_up) {
    node.reconf = Reconf::done;
    notify(Event::slave_reconf_done, p, node);
  }
}

void Sentinel::Impl::on_ask_reply(const LinkOwner& owner, const PendingRequest& request, const Reply& reply) {
  Primary* p = primary_by_id(request.primary);
  if (owner.peer == nullptr || p == nullptr) return;
  const auto found = p->peers.find(owner.peer->id);
  if (found == p->peers.end()) return;
  PeerView& view = found->second;
  if (reply.type != Reply::Type::array || reply.elements.size() < 3) return;
  const Reply& down = reply.elements[0];
  const Reply& leader = reply.elements[1];
  const Reply& epoch_reply = reply.elements[2];
  if (down.type != Reply::Type::integer || epoch_reply.type != Reply::Type::integer || epoch_reply.integer < 0) return;
  view.reports_down = down.integer == 1;
  view.reported_at = now_;
  const Epoch epoch{static_cast<uint64_t>(epoch_reply.integer)};
  if (epoch <= kMaxEpoch) {
    // "*" with an epoch: it voted before a restart and no longer knows for whom.
    const auto run_id = RunId::parse(leader.text);
    if (run_id && epoch >= view.vote.epoch) view.vote = {run_id, epoch};
    if (!run_id && epoch > view.vote.epoch) view.vote = {std::nullopt, epoch};
    save_epoch(epoch, *p);
    view.answered_epoch = std::max(view.answered_epoch, request.epoch);
  }
  touch(*p);
}

void Sentinel::Impl::on_role(Primary& p, Node& node, RequestId request, const Reply& reply) {
  Failover& failover = p.failover;
  if (failover.promoted != &node || failover.handover.phase == Handover::Phase::none) return;
  if (failover.handover.last_look == request) failover.handover.last_look = 0;
  touch(p);
  if (reply.type != Reply::Type::array || reply.elements.empty() || reply.elements[0].text != "master") return;
  complete_handover(p);
}

void Sentinel::Impl::on_role_changed(Primary& p, Node& node, RequestId request, std::span<const Reply> replies) {
  bool accepted = false;
  bool is_primary = false;
  if (replies.size() >= 2) {
    const Reply& exec = replies[replies.size() - 2];
    const Reply& role = replies[replies.size() - 1];
    // Only SLAVEOF itself decides: CONFIG REWRITE fails on a node without a file, CLIENT KILL for want of a permission.
    accepted = exec.type == Reply::Type::array && !exec.elements.empty() && exec.elements[0].type == Reply::Type::status;
    is_primary = role.type == Reply::Type::array && !role.elements.empty() && role.elements[0].text == "master";
  }
  node.info_wanted = true;
  touch(p);
  // A former primary that would not step down yet (it is failing over itself) must not wait long for the next order.
  if (!accepted && node.former_primary && node.reconf == Reconf::sent) {
    node.reconf_at = now_ + kFormerPrimaryRetry - timings_.replica_reconf_timeout;
  }
  Failover& failover = p.failover;
  if (failover.state == FailoverState::wait_promotion && failover.promoted == &node && failover.order == request) {
    failover.order = 0;
    if (accepted && is_primary) complete_promotion(p);
  }
}

}  // namespace holdfast::sentinel
