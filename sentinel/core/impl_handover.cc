// A planned failover without loss: the primary hands over to the chosen replica by its own FAILOVER command. It holds
// writes back, waits until the replica has everything, makes it the primary and follows it. All that the elected
// sentinel adds: it orders that, sees at once that it has happened, and puts the new configuration in force.
//
// Once ordered it goes on without us. So a sentinel that sees a primary follow one of its replicas, which is a primary,
// and is not told of a new configuration, makes that the configuration itself (consider_adoption).
#include <fmt/format.h>

#include <algorithm>

#include "sentinel/core/sentinel_impl.h"

namespace holdfast::sentinel {

namespace {

constexpr Millis kLookInterval{2};
constexpr Millis kLostPatience{300};    // a link that came down is connected again within this, or its node is gone
constexpr Millis kTakeoverLimit{1000};  // from the replica being in step to its being the primary
constexpr Millis kEndingLimit{500};
constexpr Millis kAdoptionPause{500};  // the leader of the failover is left so long to tell us of it

// Writes wait so long at most. Not much longer than down-after: what others asked of the primary may wait behind a
// PUBLISH. No shorter than the second in which Redis's replicas tell how far they are.
Millis pause_limit(const Settings& settings) {
  return std::min(std::clamp(settings.down_after / 2, Millis(2000), Millis(5000)), settings.failover_timeout);
}

}  // namespace

bool Sentinel::Impl::can_hand_over(const Primary& p, const Node& target) {
  return !p.node->s_down && p.node->command.up() && p.node->info.can_hand_over && p.node->info.role == Role::primary &&
         target.info.can_hand_over && target.info.role == Role::replica && target.info.link_up;
}

void Sentinel::Impl::send_failover(Primary& p) {
  Failover& failover = p.failover;
  const Millis limit = pause_limit(p.settings);
  const RequestId order = send(p.node->command,
                               Request{.kind = Request::Kind::hand_over,
                                       .target = failover.promoted->address,
                                       .time_limit = limit,
                                       .renames = p.settings.renames},
                               p.id, true);
  failover.handover = Handover{
      .phase = Handover::Phase::running, .order = order, .deadline = now_ + limit + kTakeoverLimit, .looked_at = now_};
  enter(p, FailoverState::wait_promotion);
  notify(Event::failover_state_wait_promotion, p, *failover.promoted);
}

void Sentinel::Impl::drive_handover(Primary& p) {
  Handover& handover = p.failover.handover;
  const Node& target = *p.failover.promoted;
  if (handover.phase == Handover::Phase::ending) return end_handover(p);
  if (target.s_down || lost(target, handover.target_lost)) {
    handover.without_target = true;
    return give_up_handover(p, "the replica cannot be reached");
  }
  if (lost(*p.node, handover.primary_lost)) return give_up_handover(p, "the master cannot be reached");
  if (due(handover.deadline)) return give_up_handover(p, "timeout");
  look_at_target(p);
}

bool Sentinel::Impl::lost(const Node& node, std::optional<Instant>& since) {
  if (node.command.up()) {
    since.reset();
    return false;
  }
  if (!since) since = now_;
  return due(*since + kLostPatience);
}

void Sentinel::Impl::look_at_target(Primary& p) {
  Node& target = *p.failover.promoted;
  Handover& handover = p.failover.handover;
  if (!target.command.up() || target.has_requests(Request::Kind::role) || !due(handover.looked_at + kLookInterval))
    return;
  handover.looked_at = now_;
  send(target.command, Request{.kind = Request::Kind::role, .renames = p.settings.renames}, p.id, false);
}

void Sentinel::Impl::on_handover_answer(Primary& p, const Reply& reply) {
  Handover& handover = p.failover.handover;
  handover.order = 0;
  touch(p);
  if (handover.phase == Handover::Phase::running && reply.is_error()) {
    handover.refused = true;
    give_up_handover(p, reply.text);
  }
}

// The primary is told to stay one before anything else is done: it may still be at it, or hold writes back. (Where it
// refused and nothing else will be done, what it may be at is another's work.)
void Sentinel::Impl::give_up_handover(Primary& p, std::string why) {
  Failover& failover = p.failover;
  Handover& handover = failover.handover;
  handover.phase = Handover::Phase::ending;
  handover.failure = std::move(why);
  handover.deadline = now_ + kEndingLimit;
  handover.order = handover.last_look = 0;
  const bool needless = handover.refused && failover.order_given.coordinated;
  if (p.node->command.up() && !needless) {
    handover.order =
        send(p.node->command, Request{.kind = Request::Kind::keep_role, .renames = p.settings.renames}, p.id, false);
  }
  if (failover.promoted->command.up()) {
    handover.last_look = send(failover.promoted->command,
                              Request{.kind = Request::Kind::role, .renames = p.settings.renames}, p.id, false);
  }
  again_ = true;
}

void Sentinel::Impl::end_handover(Primary& p) {
  const Handover& handover = p.failover.handover;
  if ((handover.order != 0 || handover.last_look != 0) && !due(handover.deadline)) return;
  const std::string text = fmt::format(" {}", handover.failure);
  const Node& target = *p.failover.promoted;
  if (p.failover.order_given.coordinated) {
    return abort_failover(p, Event::failover_abort_coordinated, timings_.candidate_step, text);
  }
  notify(Event::failover_state_send_failover_end, p, target, text);
  if (handover.without_target) return abort_failover(p, Event::failover_abort_slave_timeout, timings_.candidate_step);
  // Only this replica: should the primary have handed over in spite of all, it is the primary.
  p.failover.handover = Handover{};
  enter(p, FailoverState::send_slaveof_noone);
  notify(Event::failover_state_send_slaveof_noone, p, target);
}

// The order of an ordinary promotion changes no role any more, but writes it to the node's conf file and disconnects
// those who took the node for a replica.
void Sentinel::Impl::complete_handover(Primary& p) {
  p.failover.handover = Handover{};
  if (p.failover.promoted->command.up()) send_role(p, *p.failover.promoted, Endpoint{});
  complete_promotion(p);
}

void Sentinel::Impl::consider_adoption(Primary& p) {
  Node* heir = p.failover.before_promotion() ? nullptr : p.successor();
  if (heir == nullptr) {
    p.abdicated_at.reset();
    return;
  }
  if (!p.abdicated_at) {
    p.abdicated_at = now_;
    want_info(*heir);
    want_info(*p.node);
  }
  const auto rank = static_cast<int64_t>(rank_among(p, current_epoch_.next(), false));
  if (!due(*p.abdicated_at + kAdoptionPause + rank * timings_.candidate_step)) return;
  if (heir->info.role != Role::primary || !heir->command.up() || heir->s_down || !may_promote(p, *heir)) return;
  if (std::min(*heir->info_at, *p.node->info_at) < *p.abdicated_at) return;
  start_campaign(p, {.forced = true, .adopting = true});
}

void Sentinel::Impl::adopt(Primary& p, Node& successor) {
  p.failover.promoted = &successor;
  notify(Event::selected_slave, p, successor);
  complete_handover(p);
}

}  // namespace holdfast::sentinel
