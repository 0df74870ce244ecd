// Votes given and asked for, and the failover up to the promotion.
#include <fmt/format.h>

#include <algorithm>

#include "sentinel/core/sentinel_impl.h"

namespace holdfast::sentinel {

namespace {

constexpr Millis kOrderRetry{1000};    // a refused promotion order is sent again
constexpr Millis kNoReplicaPause{1000};
// Primaries that fail within so long of each other fail together.
constexpr Millis kEpochIsShared{2000};

}  // namespace

BallotAnswer Sentinel::Impl::on_ballot(const Ballot& ballot) {
  BallotAnswer answer;
  Primary* p = nullptr;
  const Endpoint asked = names_.known_already(ballot.address, globals_);
  for (auto& [name, primary] : primaries_) {
    if (primary->node->address == asked) {
      p = primary.get();
      break;
    }
  }
  if (p == nullptr || ballot.epoch > kMaxEpoch) return answer;
  answer.down = p->node->s_down && !tilt_since_;
  // Who asks sees it down: if we do too, its answer may complete our quorum.
  if (p->node->s_down) {
    for (auto& [id, view] : p->peers) view.ask_back |= !view.reports_down;
    touch(*p);
  }
  if (!ballot.candidate) return answer;
  save_epoch(ballot.epoch, *p);
  // A leader at work keeps its vote: a second leader would only promote a second replica.
  const bool at_work = p->failover.leading() && p->failover.before_promotion() &&
                       now_ - p->failover.started < p->election_timeout(timings_);
  if (!at_work && may_grant(p->vote, p->config_epoch, ballot.epoch, faults_)) {
    if (p->failover.before_promotion() && *ballot.candidate != run_id_) {
      abort_failover(*p, Event::failover_abort_not_elected, Nanos(0));
    }
    p->vote = {ballot.candidate, ballot.epoch};
    if (!faults_.answer_before_save) dirty_ = true;
    notify_bare(Event::vote_for_leader, fmt::format("{} {}", ballot.candidate->view(), ballot.epoch.value), p);
    if (*ballot.candidate != run_id_) {
      p->next_attempt_at = now_ + p->election_timeout(timings_);
      p->held_for = ballot.candidate;
      p->candidate_at.reset();
    }
    touch(*p);
  }
  answer.leader = p->vote.leader;
  answer.leader_epoch = p->vote.epoch;
  answer_holds_vote_ = true;
  return answer;
}

size_t Sentinel::Impl::rank_among(const Primary& p, Epoch epoch, bool only_those_seeing_down) const {
  std::vector<RunId> others;
  for (const auto& [id, view] : p.peers) {
    if (view.s_down || !view.peer->link.up()) continue;
    if (only_those_seeing_down && !view.reports_down) continue;
    others.push_back(id);
  }
  return candidate_rank(run_id_, others, p.name, epoch);
}

// The sentinel that has our vote is gone itself: no reason to leave it more time.
void Sentinel::Impl::ease_hold(Primary& p) {
  if (!p.held_for || p.next_attempt_at <= now_) return;
  const auto view = p.peers.find(*p.held_for);
  if (view == p.peers.end() || !view->second.s_down) return;
  p.held_for.reset();
  p.next_attempt_at = now_;
}

void Sentinel::Impl::consider_failover(Primary& p) {
  if (p.forced_until && due(*p.forced_until)) p.forced_until.reset();
  if ((!p.o_down && !p.forced_until) || p.failover.before_promotion()) {
    p.candidate_at.reset();
    return;
  }
  ease_hold(p);
  if (!due(p.next_attempt_at)) {
    p.candidate_at.reset();
    return;
  }
  if (p.forced_until) return start_campaign(p, {.forced = true, .order_given = p.forced_order});
  if (!due(p.needs_replica_until) && p.best_replica(now_, timings_, faults_) == nullptr) {
    p.candidate_at.reset();
    return;
  }
  if (!p.candidate_at) {
    const auto rank = static_cast<int64_t>(rank_among(p, p.config_epoch, true));
    p.candidate_at = now_ + rank * timings_.candidate_step;
  }
  if (!due(*p.candidate_at)) return;
  start_campaign(p, {});
}

void Sentinel::Impl::enter(Primary& p, FailoverState state) {
  p.failover.state = state;
  p.failover.state_since = now_;
  again_ = true;
}

// The next epoch; or the current one, if it was taken a moment ago for another primary that failed. A vote is for one
// primary, so elections of several may share an epoch, and should: a real sentinel grants none below the newest that it
// has heard of, so that each new one would spoil the elections under way.
Epoch Sentinel::Impl::campaign_epoch(const Primary& p) const {
  const bool shared = epoch_heard_with_ != p.id && now_ - epoch_heard_at_ < kEpochIsShared;
  const bool free = (current_epoch_ > p.vote.epoch || faults_.share_spent_epoch) && current_epoch_ > p.config_epoch;
  return shared && free ? current_epoch_ : current_epoch_.next();
}

void Sentinel::Impl::start_campaign(Primary& p, Failover failover) {
  if (p.failover.state == FailoverState::reconf_slaves) end_reconf(p);
  save_epoch(failover.forced ? current_epoch_.next() : campaign_epoch(p), p);
  p.failover = std::move(failover);
  p.failover.epoch = current_epoch_;
  p.failover.started = now_;
  p.forced_until.reset();
  p.abdicated_at.reset();
  const bool forced = p.failover.forced;
  p.failover.fresh_after = forced ? now_ : p.node->s_down_since;
  p.candidate_at.reset();
  p.held_for.reset();
  p.vote = {run_id_, current_epoch_};
  dirty_ = true;
  notify(Event::try_failover, p);
  notify_bare(Event::vote_for_leader, fmt::format("{} {}", run_id_.view(), current_epoch_.value), &p);
  enter(p, FailoverState::wait_start);
  want_asks(p);
  if (forced) {
    want_info(*p.node);
    for (auto& [address, replica] : p.replicas) want_info(*replica);
  }
}

void Sentinel::Impl::drive_failover(Primary& p) {
  switch (p.failover.state) {
    case FailoverState::wait_start: drive_campaign(p); break;
    case FailoverState::select_slave: drive_selection(p); break;
    case FailoverState::send_failover: send_failover(p); break;
    case FailoverState::send_slaveof_noone: drive_order(p); break;
    case FailoverState::wait_promotion: drive_promotion(p); break;
    case FailoverState::none:
    case FailoverState::reconf_slaves:
    case FailoverState::update_config: break;
  }
}

void Sentinel::Impl::drive_campaign(Primary& p) {
  if (!p.failover.forced && !p.node->s_down) {  // it is back before anybody acted
    return abort_failover(p, Event::failover_abort_not_elected, Nanos(0));
  }
  const std::vector<PeerBallot> ballots = p.ballots();
  const Epoch counted = faults_.count_shared_epoch ? current_epoch_ : p.failover.epoch;
  const Tally tally = count_votes(run_id_, counted, ballots, p.failover.forced ? 0 : p.settings.quorum, faults_);
  if (tally.won || (p.failover.forced && faults_.force_without_votes)) {
    notify(Event::elected_leader, p);
    enter(p, FailoverState::select_slave);
    notify(Event::failover_state_select_slave, p);
  } else if (tally.lost) {
    lose_campaign(p, tally);
  } else if (due(p.failover.started + p.election_timeout(timings_))) {
    abort_failover(p, Event::failover_abort_not_elected, p.election_timeout(timings_));
  }
}

// No majority in this epoch any more. If another candidate has one, it gets the time to act; if nobody has (a split vote),
// the next try comes soon, in a new epoch and one candidate after the other.
void Sentinel::Impl::lose_campaign(Primary& p, const Tally& tally) {
  const bool ordered = p.failover.forced && !p.failover.adopting;
  const Instant started = p.failover.started;
  const FailoverOrder order = p.failover.order_given;
  if (tally.best_other >= tally.needed) {
    return abort_failover(p, Event::failover_abort_not_elected, p.election_timeout(timings_));
  }
  const auto rank = static_cast<int64_t>(rank_among(p, p.failover.epoch, false));
  const Nanos step = timings_.candidate_step;
  Nanos pause = step / 2 + rank * step + Nanos(random_.below(static_cast<uint64_t>(step.count() / 2) + 1));
  if (tally.newer_epoch) pause += 2 * step;
  abort_failover(p, Event::failover_abort_not_elected, pause);
  // An operator's order is not dropped for a split vote.
  if (ordered && now_ + pause < started + p.election_timeout(timings_)) {
    p.forced_until = started + p.election_timeout(timings_);
    p.forced_order = order;
  }
}

void Sentinel::Impl::abort_failover(Primary& p, Event why, Nanos retry_after, std::string text) {
  notify(why, p, std::move(text));
  p.failover = Failover{};
  p.candidate_at.reset();
  p.next_attempt_at = faults_.never_retry ? kNever : now_ + retry_after;
  again_ = true;
  touch(p);
}

// Waits a moment for the offsets that the replicas have now that the primary is silent, then chooses. The moment counts
// from when we are called again: until then the questions may have waited for our state to reach the disk.
void Sentinel::Impl::drive_selection(Primary& p) {
  std::optional<Instant>& asked = p.failover.replicas_asked;
  if (!asked && due(p.failover.state_since + Millis(1))) asked = now_;
  const bool out_of_time = asked && due(*asked + timings_.fresh_info_wait);
  const auto is_awaited = [&](const Node& node) {
    const bool answers = node.command.up() && !node.s_down && node.has_requests(Request::Kind::info);
    return answers && (!node.info_at || *node.info_at < p.failover.fresh_after);
  };
  if (!out_of_time) {
    if (p.failover.adopting && is_awaited(*p.node)) return;
    for (const auto& [address, replica] : p.replicas) {
      if (is_awaited(*replica)) return;
    }
  }
  if (nothing_left_to_save(p)) return abort_failover(p, Event::failover_abort_no_good_slave, Nanos(0));
  const Failover& failover = p.failover;
  if (Node* heir = p.successor(); heir != nullptr && heir->info.role == Role::primary && heir->command.up() &&
                                  std::min(*heir->info_at, *p.node->info_at) >= failover.fresh_after &&
                                  may_promote(p, *heir)) {
    return adopt(p, *heir);
  }
  if (failover.adopting) return abort_failover(p, Event::failover_abort_no_good_slave, Nanos(0));
  const auto& target = failover.order_given.target;
  Node* best = target ? p.suitable_replica(*target, now_, timings_) : p.best_replica(now_, timings_, faults_);
  if (best == nullptr) {
    abort_failover(p, Event::failover_abort_no_good_slave, kNoReplicaPause);
    p.needs_replica_until = now_ + std::max<Nanos>(p.election_timeout(timings_), 2 * p.settings.failover_timeout);
    return;
  }
  p.failover.promoted = best;
  notify(Event::selected_slave, p, *best);
  if (failover.forced && can_hand_over(p, *best) && !faults_.no_handover) {
    enter(p, FailoverState::send_failover);
    return notify(Event::failover_state_send_failover, p, *best);
  }
  if (failover.order_given.coordinated && !faults_.no_handover) {
    return abort_failover(p, Event::failover_abort_coordinated, Nanos(0), " the master cannot hand over");
  }
  enter(p, FailoverState::send_slaveof_noone);
  notify(Event::failover_state_send_slaveof_noone, p, *best);
}

void Sentinel::Impl::send_role(Primary& p, Node& node, const Endpoint& target) {
  p.failover.order =
      send(node.command, Request{.kind = Request::Kind::change_role, .target = target, .renames = p.settings.renames},
           p.id, true);
  p.failover.order_at = now_;
}

void Sentinel::Impl::drive_order(Primary& p) {
  Node& node = *p.failover.promoted;
  if (!node.command.up() || !node.info_current) {  // a new connection, perhaps to a new process: what does it hold?
    if (node.s_down || due(p.failover.state_since + p.settings.failover_timeout)) {
      abort_failover(p, Event::failover_abort_slave_timeout, timings_.candidate_step);
    }
    return;
  }
  if (nothing_left_to_save(p)) return abort_failover(p, Event::failover_abort_no_good_slave, Nanos(0));
  if (!may_promote(p, node)) return abort_failover(p, Event::failover_abort_slave_timeout, timings_.candidate_step);
  send_role(p, node, Endpoint{});
  enter(p, FailoverState::wait_promotion);
  notify(Event::failover_state_wait_promotion, p, node);
}

// The EXEC's result usually ends this state. Where it got lost with its connection, INFO tells, and the order is repeated:
// it changes nothing on a node that is a primary already.
void Sentinel::Impl::drive_promotion(Primary& p) {
  if (p.failover.handover.phase != Handover::Phase::none) return drive_handover(p);
  Node& node = *p.failover.promoted;
  if (node.info.role == Role::primary && node.info_at && *node.info_at >= p.failover.order_at) {
    return complete_promotion(p);
  }
  if (node.s_down || due(p.failover.state_since + p.settings.failover_timeout)) {
    return abort_failover(p, Event::failover_abort_slave_timeout, timings_.candidate_step);
  }
  const bool retry = p.failover.order == 0 && node.command.up() && due(p.failover.order_at + kOrderRetry);
  if (!retry || !node.info_current) return;
  if (!may_promote(p, node)) return abort_failover(p, Event::failover_abort_slave_timeout, timings_.candidate_step);
  send_role(p, node, Endpoint{});
}

// The primary lives, came back empty, and by now no replica holds more.
bool Sentinel::Impl::nothing_left_to_save(const Primary& p) {
  return p.reboot.announced && !p.failover.forced && !p.node->s_down;
}

// Asked again before each order: the chosen one may have been restarted with other data since.
bool Sentinel::Impl::may_promote(const Primary& p, const Node& node) const {
  return faults_.promote_foreign || p.lineage.place(node.info) != Place::foreign;
}

void Sentinel::Impl::complete_promotion(Primary& p) {
  const Endpoint promoted = p.failover.promoted->address;
  notify(Event::promoted_slave, p, *p.failover.promoted);
  p.config_epoch = p.failover.epoch;
  dirty_ = true;
  enter(p, FailoverState::reconf_slaves);
  notify(Event::failover_state_reconf_slaves, p);
  Node* former = p.node.get();
  switch_primary(p, promoted, SwitchedBy::us);
  former->former_primary = true;
}

}  // namespace holdfast::sentinel
