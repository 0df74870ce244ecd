// The frame of every event: time, stalls, the steps of due primaries, what must be saved first.
#include <fmt/format.h>

#include <algorithm>

#include "sentinel/core/sentinel_impl.h"

namespace holdfast::sentinel {

namespace {

constexpr Millis kSaveRetry{1000};
// A step that keeps finding work is cut here, and continues a moment later: a driver must get to its sockets.
constexpr int kMaxRounds = 16;
constexpr Millis kStepPause{1};
// What is found (replicas, other sentinels) is saved together with what else is found within so long for each primary
// that is watched: a save takes the longer the more there are.
constexpr Micros kGatherForEachPrimary{500};
constexpr Millis kGatherAtMost{500};

}  // namespace

Sentinel::Impl::Impl(Options options, Instant now)
    : run_id_(options.state.run_id),
      current_epoch_(options.state.current_epoch),
      globals_(std::move(options.state.globals)),
      timings_(options.timings),
      listen_port_(options.listen_port),
      faults_(options.faults),
      random_(options.seed),
      now_(now) {
  if (run_id_.is_zero()) {
    run_id_ = RunId::random(random_);
    dirty_ = true;
  }
  for (const PersistentPrimary& saved : options.state.primaries) add_primary(saved);
  refresh_peer_periods();
}

void Sentinel::Impl::add_primary(const PersistentPrimary& saved) {
  auto primary = std::make_unique<Primary>();
  primary->id = ++last_primary_;
  primary->name = saved.name;
  primary->settings = saved.settings;
  primary->config_epoch = saved.config_epoch;
  primary->vote.epoch = saved.leader_epoch;
  const Endpoint address = names_.known(saved.address, globals_);
  primary->node = make_node(address);
  primary->deadline = now_;
  primary->next_attempt_at = primary->needs_replica_until = primary->catch_up_until = now_;
  Primary& p = *primary;
  primaries_by_id_[p.id] = &p;
  agenda_.add(p.id, p.deadline);
  primaries_[saved.name] = std::move(primary);
  for (const Endpoint& given : saved.replicas) {
    if (!is_usable(given, globals_)) continue;
    const Endpoint replica = names_.known(given, globals_);
    if (replica != address) p.replicas.try_emplace(replica, make_node(replica));
  }
  for (const KnownSentinel& sentinel : saved.sentinels) {
    if (sentinel.run_id != run_id_ && is_usable(sentinel.address, globals_)) learn_peer(p, sentinel.run_id, names_.known(sentinel.address, globals_), false);
  }
  // A newer election or configuration than the shared counter (an edited file): the counter follows.
  current_epoch_ = std::max({current_epoch_, saved.config_epoch, saved.leader_epoch});
}

void Sentinel::Impl::on_start() {
  for (auto& [name, p] : primaries_) {
    notify(Event::monitor, *p, fmt::format(" quorum {}", p->settings.quorum));
    start_catching_up(*p);
  }
}

PersistentState Sentinel::Impl::snapshot() const {
  PersistentState state{.run_id = run_id_, .current_epoch = current_epoch_, .globals = globals_, .primaries = {}};
  state.primaries.reserve(primaries_.size());
  for (const auto& [name, p] : primaries_) {
    PersistentPrimary& saved = state.primaries.emplace_back();
    saved.name = name;
    saved.address = shown(p->node->address);
    saved.settings = p->settings;
    saved.config_epoch = p->config_epoch;
    saved.leader_epoch = p->vote.epoch;
    for (const auto& [address, replica] : p->replicas) {
      if (is_usable(address, globals_)) saved.replicas.push_back(shown(address));
    }
    for (const auto& [id, view] : p->peers) {
      if (is_usable(view.peer->address, globals_)) saved.sentinels.push_back({shown(view.peer->address), id});
    }
  }
  return state;
}

void Sentinel::Impl::begin(Instant now) {
  out_ = Actions{};
  answer_holds_vote_ = false;
  now_ = std::max(now_, now);
  if (next_deadline_ != kNever && now_ - next_deadline_ > timings_.stall_threshold) notice_stall(now_ - next_deadline_);
  if (tilt_since_ && now_ - *tilt_since_ >= timings_.tilt_period) {
    tilt_since_.reset();
    notify_bare(Event::tilt_end, "#tilt mode exited");
    for (auto& [name, p] : primaries_) touch(*p);
  }
}

// The timer came late: this process, not its peers, was silent. What they answered meanwhile waits in our sockets.
void Sentinel::Impl::notice_stall(Nanos late) {
  for (auto& [name, p] : primaries_) {
    const auto excuse = [&](Node& node) {
      node.command.excuse(late, now_);
      node.pubsub.excuse(late, now_);
    };
    excuse(*p->node);
    for (auto& [address, replica] : p->replicas) excuse(*replica);
  }
  for (auto& [id, peer] : peers_) peer->link.excuse(late, now_);
  if (late > timings_.tilt_trigger) {
    if (!tilt_since_) notify_bare(Event::tilt, "#tilt mode entered");
    tilt_since_ = now_;
  }
}

Actions Sentinel::Impl::finish() {
  if (unsaved_ && now_ >= save_retry_at_) dirty_ = true;
  for (auto& [id, peer] : peers_) {
    if (peer->deadline <= now_) drive_peer(*peer);
  }
  // Primaries that touch one another do not keep us here: what is still due then is so at the next call.
  for (size_t most = 2 * primaries_.size(); most > 0; --most) {
    const auto due = agenda_.due(now_);
    if (!due) break;
    step(*primaries_by_id_.at(*due));
  }
  const bool gathered = save_discoveries_at_ && (now_ >= *save_discoveries_at_ || speaks_for_us());
  if (dirty_ || gathered || (unsaved_ && (!out_.after_persist.empty() || answer_holds_vote_))) {
    out_.persist_first = std::make_shared<const PersistentState>(snapshot());
    dirty_ = unsaved_ = false;
    save_discoveries_at_.reset();
  }
  next_deadline_ = unsaved_ ? save_retry_at_ : kNever;
  if (save_discoveries_at_) next_deadline_ = std::min(next_deadline_, *save_discoveries_at_);
  if (tilt_since_) next_deadline_ = std::min(next_deadline_, *tilt_since_ + timings_.tilt_period);
  next_deadline_ = std::min(next_deadline_, agenda_.next());
  for (const auto& [id, peer] : peers_) next_deadline_ = std::min(next_deadline_, peer->deadline);
  out_.resolves = names_.take_due(now_);
  next_deadline_ = std::min(next_deadline_, names_.next_due());
  return std::move(out_);
}

// Votes, and orders that stand on them: a majority is one of the sentinels that are known, so these are on disk first.
// A hello tells of epochs and the configuration only.
bool Sentinel::Impl::speaks_for_us() const {
  return answer_holds_vote_ || std::ranges::any_of(out_.after_persist, [](const Effect& effect) {
           const auto* send = std::get_if<SendRequest>(&effect);
           return send != nullptr && send->request.kind != Request::Kind::publish_hello;
         });
}

void Sentinel::Impl::save_soon() {
  if (save_discoveries_at_) return;
  save_discoveries_at_ = now_ + std::min<Nanos>(primaries_.size() * kGatherForEachPrimary, kGatherAtMost);
}

void Sentinel::Impl::save_discoveries() {
  if (save_discoveries_at_) dirty_ = true;
}

// What depended on the save did not leave: no reply to it will come, and a vote that is not on disk may not be counted.
void Sentinel::Impl::on_persist_failed() {
  unsaved_ = true;
  save_retry_at_ = now_ + kSaveRetry;
  for (auto& [name, p] : primaries_) {
    if (p->failover.state == FailoverState::none || p->failover.state == FailoverState::reconf_slaves) {
      continue;
    }
    abort_failover(*p, Event::failover_abort_not_elected, kSaveRetry);
  }
}

void Sentinel::Impl::plan(Primary& p, Instant when) {
  agenda_.move(p.id, p.deadline, when);
  p.deadline = when;
}

bool Sentinel::Impl::due(Instant when) {
  if (when <= now_) return true;
  next_ = std::min(next_, when);
  return false;
}

void Sentinel::Impl::step(Primary& p) {
  for (int round = 0; round < kMaxRounds; ++round) {
    next_ = kNever;
    again_ = false;
    drive_node(p, *p.node);
    for (auto& [address, replica] : p.replicas) drive_node(p, *replica);
    if (!tilt_since_) {
      detect(p);
      consider_adoption(p);
      consider_failover(p);
      drive_failover(p);
      drive_asks(p);
      drive_reconf(p);
      fix_roles(p);
    }
    drive_configurations(p);
    drive_hellos(p);
    drive_pings(p);
    plan(p, next_);
    if (!again_) return;
  }
  plan(p, now_ + kStepPause);
}

MonitoredPrimary* Sentinel::Impl::primary_by_id(uint32_t id) {
  const auto found = primaries_by_id_.find(id);
  return found == primaries_by_id_.end() ? nullptr : found->second;
}

void Sentinel::Impl::save_epoch(Epoch seen, const Primary& heard_with) {
  if (seen <= current_epoch_ || seen > kMaxEpoch) return;
  current_epoch_ = seen;
  epoch_heard_with_ = heard_with.id;
  epoch_heard_at_ = now_;
  dirty_ = true;
  notify_bare(Event::new_epoch, fmt::format("{}", seen.value), &heard_with);
}

void Sentinel::Impl::notify(Event event, const Primary& p, std::string text) {
  const Endpoint at = shown(p.node->address);
  tell(event, p, fmt::format("master {} {} {}{}", p.name, at.host, at.port, text));
}

void Sentinel::Impl::notify(Event event, const Primary& p, const Node& node, std::string text) {
  if (&node == p.node.get()) return notify(event, p, std::move(text));
  const Endpoint own = shown(node.address);
  const Endpoint at = shown(p.node->address);
  tell(event, p,
       fmt::format("slave {} {} {} @ {} {} {}{}", address_text(own), own.host, own.port, p.name, at.host, at.port, text));
}

void Sentinel::Impl::notify(Event event, const Primary& p, const Peer& peer, std::string text) {
  const Endpoint own = shown(peer.address);
  const Endpoint at = shown(p.node->address);
  tell(event, p,
       fmt::format("sentinel {} {} {} @ {} {} {}{}", peer.id.view(), own.host, own.port, p.name, at.host, at.port, text));
}

void Sentinel::Impl::record(Event event, const Primary& p) {
  if (auto done = recorder_.observe(event, p, now_, timings_)) out_.records.push_back(std::move(*done));
}

void Sentinel::Impl::tell(Event event, const Primary& p, std::string payload) {
  record(event, p);
  out_.notices.push_back({.event = event,
                          .payload = std::move(payload),
                          .primary = p.name,
                          .epoch = p.failover.epoch.value,
                          .notification_script = p.settings.notification_script});
}

void Sentinel::Impl::notify_bare(Event event, std::string payload, const Primary* p) {
  out_.notices.push_back({.event = event, .payload = std::move(payload)});
  if (p == nullptr) return;
  out_.notices.back().primary = p->name;
  out_.notices.back().notification_script = p->settings.notification_script;
}

}  // namespace holdfast::sentinel
