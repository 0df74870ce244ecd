// Who is down: by our own eyes, and by the quorum's.
#include <fmt/format.h>

#include <algorithm>

#include "sentinel/core/failure_detector.h"
#include "sentinel/core/quorum.h"
#include "sentinel/core/sentinel_impl.h"

namespace holdfast::sentinel {

namespace {

constexpr Millis kAskBack{20};  // a peer's question makes us ask back, at most this often

}  // namespace

void Sentinel::Impl::detect(Primary& p) {
  detect_node(p, *p.node);
  for (auto& [address, replica] : p.replicas) detect_node(p, *replica);
  for (auto& [id, view] : p.peers) detect_peer(p, view);
  detect_objectively(p);
}

void Sentinel::Impl::detect_node(Primary& p, Node& node) {
  DownEvidence evidence{.last_ok = node.command.last_ok, .down_after = p.settings.down_after};
  if (&node == p.node.get()) {
    if (node.role_reported == Role::replica) evidence.reports_replica_since = node.role_reported_since;
    evidence.rebooted_since = node.rebooted_since;
    evidence.reboot_down_after = p.settings.reboot_down_after;
    if (p.settings.fast_down && p.replicas_lost_it()) evidence.crashed_since = node.refused_since;
    evidence.empty_since = empty_since(p);
  }
  const bool down = due(down_from(evidence));
  if (down == node.s_down) return;
  node.s_down = down;
  notify(down ? Event::sdown : Event::sdown_end, p, node);
  again_ = true;
  if (!down) {
    node.script_kill_sent = false;
    return;
  }
  node.s_down_since = now_;
  if (&node == p.node.get()) {
    // The peers hear of it now, and the replicas' last offsets are fetched while the votes are on their way.
    want_asks(p);
    for (auto& [address, replica] : p.replicas) want_info(*replica);
  }
}

// Nothing where no replica holds what the primary lost, or not any longer.
std::optional<Instant> Sentinel::Impl::empty_since(Primary& p) {
  if (!p.reboot.since()) return std::nullopt;
  if (due(*p.reboot.since() + EmptyReboot::kPatience)) {
    p.reboot.gave_up();
    return std::nullopt;
  }
  const Node* copy = p.copy_of_lost_data(now_, timings_);
  if (copy == nullptr) return std::nullopt;
  if (!p.reboot.announced) {
    p.reboot.announced = true;
    notify(Event::reboot_empty, p, fmt::format(" #{} keys at {}", copy->info.keys, address_text(shown(copy->address))));
  }
  return p.reboot.since();
}

// A link that worked and is refused now: the process is gone, not the way to it.
void Sentinel::Impl::note_refusal(Primary& p, Node& node, bool was_up, LinkEnd how) {
  if (how == LinkEnd::refused && node.was_up && !node.refused_since) {
    node.refused_since = now_;
    if (p.settings.fast_down && &node == p.node.get()) {
      for (auto& [address, replica] : p.replicas) want_info(*replica);
    }
  } else if (how == LinkEnd::lost) {
    node.was_up = was_up;
    node.refused_since.reset();
  }
}

void Sentinel::Impl::detect_peer(Primary& p, PeerView& view) {
  const bool down = due(view.peer->link.last_ok + p.settings.down_after);
  if (down == view.s_down) return;
  view.s_down = down;
  view.s_down_since = now_;
  notify(down ? Event::sdown : Event::sdown_end, p, *view.peer);
  again_ = true;
}

void Sentinel::Impl::detect_objectively(Primary& p) {
  const Nanos lifetime = kAnswerLifetimeInAskPeriods * timings_.ask_period;
  size_t seeing = 0;
  if (p.node->s_down) {
    seeing = p.sentinels_seeing_down(now_, lifetime);
    for (const auto& [id, view] : p.peers) {
      if (view.reports_down) due(view.reported_at + lifetime);
    }
  }
  const bool down = p.node->s_down && objectively_down(seeing, faults_.ignore_quorum ? 1 : p.settings.quorum);
  if (down == p.o_down) return;
  p.o_down = down;
  again_ = true;
  if (down) {
    p.o_down_since = now_;
    notify(Event::odown, p, fmt::format(" #quorum {}/{}", seeing, p.settings.quorum));
  } else {
    notify(Event::odown_end, p);
  }
}

void Sentinel::Impl::want_asks(Primary& p) {
  for (auto& [id, view] : p.peers) view.ask_wanted = true;
  again_ = true;
}

// Asks the peers what they see, and in a campaign for their vote: at once after a change, else each ask period.
void Sentinel::Impl::drive_asks(Primary& p) {
  const bool campaign = p.failover.state == FailoverState::wait_start;
  if (!p.node->s_down && !campaign) return;
  for (auto& [id, view] : p.peers) {
    if (!view.peer->link.up()) continue;
    if (!view.ask_wanted && !due(view.asked_at + (view.ask_back ? kAskBack : timings_.ask_period))) continue;
    view.ask_wanted = view.ask_back = false;
    view.asked_at = now_;
    due(now_ + timings_.ask_period);
    Request request{.kind = Request::Kind::ask_master_down,
                    .target = shown(p.node->address),
                    .epoch = campaign && !faults_.count_shared_epoch ? p.failover.epoch : current_epoch_};
    if (campaign) request.candidate = run_id_;
    // A vote request stands on our own vote, which must be on disk first.
    send(view.peer->link, std::move(request), p.id, campaign);
  }
}

}  // namespace holdfast::sentinel
