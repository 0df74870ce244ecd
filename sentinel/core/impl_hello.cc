// Other sentinels: how they are found, and how their configuration becomes ours.
#include <fmt/format.h>

#include <algorithm>

#include "sentinel/core/sentinel_impl.h"

namespace holdfast::sentinel {

std::unique_ptr<Node> Sentinel::Impl::make_node(const Endpoint& address) {
  auto node = std::make_unique<Node>();
  node->address = address;
  node->pubsub.kind = LinkKind::pubsub;
  node->command.reset(now_);
  node->pubsub.reset(now_);
  node->command.retry_at = node->pubsub.retry_at = now_;
  node->info_sent = node->hello_sent = kLongAgo;
  node->role_reported_since = now_;
  return node;
}

Node& Sentinel::Impl::add_replica(Primary& p, const Endpoint& address) {
  auto& place = p.replicas[address];
  if (!place) place = make_node(address);
  again_ = true;
  return *place;
}

void Sentinel::Impl::refresh_peer_periods() {
  for (auto& [id, peer] : peers_) peer->ping_period = timings_.ping_period;
  for (auto& [name, p] : primaries_) {
    for (auto& [id, view] : p->peers) {
      view.peer->ping_period = std::min(view.peer->ping_period, p->ping_period(timings_));
    }
  }
}

PeerView& Sentinel::Impl::learn_peer(Primary& p, const RunId& id, const Endpoint& address, bool announce) {
  auto& peer = peers_[id];
  if (!peer) {
    peer = std::make_unique<Peer>();
    peer->id = id;
    peer->address = address;
    peer->link.reset(now_);
    peer->link.retry_at = now_;
    peer->deadline = now_;
    peer->ping_period = timings_.ping_period;
  }
  const auto [found, added] = p.peers.try_emplace(id);
  if (added) {
    PeerView& view = found->second;
    view.peer = peer.get();
    view.asked_at = view.hello_sent = view.last_hello = view.configuration_asked = kLongAgo;
    if (!announce) view.last_hello = now_;
    peer->ping_period = std::min(peer->ping_period, p.ping_period(timings_));
    if (announce) {
      notify(Event::sentinel, p, *peer);
      save_soon();
    }
    touch(p);
  }
  return found->second;
}

void Sentinel::Impl::drop_peer(Primary& p, RunId id) {
  p.peers.erase(id);
  const bool used = std::any_of(primaries_.begin(), primaries_.end(),
                                [&](const auto& entry) { return entry.second->peers.contains(id); });
  if (!used) {
    if (const auto peer = peers_.find(id); peer != peers_.end()) {
      close(peer->second->link);
      peers_.erase(peer);
    }
  }
  save_soon();
  touch(p);
}

bool Sentinel::Impl::on_pubsub_activity(LinkId id) {
  const auto found = links_.find(id);
  if (found == links_.end()) return false;
  found->second.link->last_activity = now_;
  const Node* node = found->second.node;
  const Primary* p = primary_by_id(found->second.primary);
  if (node == nullptr || p == nullptr || node == p->node.get()) return true;
  return node->info_current && !node->of_others;
}

void Sentinel::Impl::on_hello_text(std::string_view text) {
  auto hello = parse_hello(text);
  if (!hello || hello->run_id == run_id_ || hello->run_id.is_zero()) return;
  if (Epoch{hello->current_epoch} > kMaxEpoch || Epoch{hello->config_epoch} > kMaxEpoch) return;
  const auto found = primaries_.find(hello->primary_name);
  if (found == primaries_.end()) return;
  if (!is_usable(hello->sentinel, globals_)) return;
  hello->sentinel = names_.known(hello->sentinel, globals_);
  if (is_usable(hello->primary, globals_)) hello->primary = names_.known(hello->primary, globals_);
  on_hello(*found->second, *hello);
}

void Sentinel::Impl::on_hello(Primary& p, const Hello& hello) {
  // The address now belongs to this id: whoever had it before is gone (a sentinel that lost its state and came back).
  std::vector<RunId> replaced;
  for (const auto& [id, view] : p.peers) {
    if (id != hello.run_id && view.peer->address == hello.sentinel) replaced.push_back(id);
  }
  for (const RunId& id : replaced) {
    notify(Event::sentinel_invalid_addr, p, *p.peers.at(id).peer);
    drop_peer(p, id);
  }
  PeerView& view = learn_peer(p, hello.run_id, hello.sentinel, true);
  if (view.peer->address != hello.sentinel) {
    notify(Event::sentinel_address_switch, p,
           fmt::format(" ip {} port {} for {}", hello.sentinel.host, hello.sentinel.port, hello.run_id.view()));
    close(view.peer->link);
    view.peer->address = hello.sentinel;
    view.peer->deadline = now_;
    dirty_ = true;
  }
  save_epoch(Epoch{hello.current_epoch}, p);
  view.last_hello = now_;
  view.hello_config_epoch = Epoch{hello.config_epoch};
  view.hello_primary = hello.primary;
  const bool older = faults_.adopt_older && Epoch{hello.config_epoch} < p.config_epoch;
  const bool newer = Epoch{hello.config_epoch} > p.config_epoch;
  if ((older || newer) && is_usable(hello.primary, globals_)) adopt_configuration(p, *view.peer, hello);
}

void Sentinel::Impl::adopt_configuration(Primary& p, const Peer& from, const Hello& hello) {
  p.config_epoch = Epoch{hello.config_epoch};
  dirty_ = true;
  touch(p);
  // Also where they moved it away and back: what we lead in an older epoch must not come after that.
  const bool superseded = p.failover.before_promotion() && p.failover.epoch <= p.config_epoch;
  if (hello.primary == p.node->address && !superseded) return;
  notify(Event::config_update_from, p, from);
  p.failover = Failover{};
  p.forced_until.reset();
  p.candidate_at.reset();
  switch_primary(p, hello.primary, SwitchedBy::peer);
}

}  // namespace holdfast::sentinel
