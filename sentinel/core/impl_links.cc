// Connections, and what is sent on them by the clock: PING, INFO, hello.
#include <fmt/format.h>

#include <algorithm>

#include "sentinel/core/sentinel_impl.h"

namespace holdfast::sentinel {

namespace {

// A peer that takes connections but answers nothing must not pile up requests.
constexpr size_t kMaxPending = 100;
constexpr Millis kHelloRetry{50};  // one that had to wait for that
constexpr Millis kMinReconnect{100};
constexpr Millis kInfoWhileMoving{100};  // a replica on its way to the new primary

// While all is well the primary's channel carries our hellos to everybody; on the replicas' and to the other sentinels
// themselves one in so many is enough.
constexpr int kQuietHellos = 5;

// What is sent by long periods leaves at multiples of this, so that one waking serves many nodes.
constexpr Millis kGrid{50};
constexpr Millis kCoarsePeriod{500};

// When what was sent at `last` is sent again: after `period`, or up to kGrid sooner.
Instant next_send(Instant last, Millis period) {
  const Instant exact = last + period;
  return period < kCoarsePeriod ? exact : exact - exact.time_since_epoch() % kGrid;
}

// fast-down: a primary that refuses connections was closed by its kernel, and the replicas' ends of its links with it,
// at about the same moment. They are asked until they know, or for so long.
constexpr Millis kInfoOfCrash{5};
constexpr Millis kCrashLooks{1000};

constexpr Millis kReconnectToPrimary{100};  // it may come back empty, and must be seen before its replicas see it
constexpr Millis kReconnectFastDown{20};
constexpr Millis kReconnectToNode{250};

// Somebody asked for our vote although the primary lives: an operator's failover, whose end we may have to find out alone.
bool may_hand_over_now(const MonitoredPrimary& p, Instant now) { return p.held_for && now < p.next_attempt_at; }

Millis connect_timeout(Millis down_after) { return std::clamp(down_after / 2, Millis(200), Millis(2000)); }

// Of a request that stands for a PING: where a PING is due now, and this one would follow before the next, it goes now.
Instant next_beside_ping(const Link& link, Instant last, Millis period, Millis ping_period, Instant now) {
  const Instant next = next_send(last, period);
  const bool ping_due = next_send(link.last_ping_sent, ping_period) <= now;
  return ping_due && next < next_send(now, ping_period) ? std::min(next, now) : next;
}

}  // namespace

void Sentinel::Impl::on_link_up(LinkId id, std::string_view local_ip) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  const LinkOwner owner = found->second;
  Link& link = *owner.link;
  link.state = Link::State::up;
  link.local_ip = local_ip;
  link.last_activity = now_;
  link.last_ping_sent = kLongAgo;  // the first PING leaves at once
  if (owner.peer != nullptr) {
    owner.peer->deadline = now_;
    for (auto& [name, p] : primaries_) {
      const auto view = p->peers.find(owner.peer->id);
      if (view == p->peers.end()) continue;
      view->second.ask_wanted = true;
      view->second.hello_sent = kLongAgo;
      touch(*p);
    }
  } else if (Primary* p = primary_by_id(owner.primary)) {
    if (link.kind == LinkKind::command) {
      owner.node->was_up = true;
      owner.node->refused_since.reset();
      owner.node->info_wanted = true;
      owner.node->info_current = false;
      owner.node->hello_sent = kLongAgo;
    }
    touch(*p);
  }
}

void Sentinel::Impl::on_link_down(LinkId id, LinkEnd how) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  const LinkOwner owner = found->second;
  Link& link = *owner.link;
  Millis pause = std::max(kMinReconnect, owner.peer != nullptr ? owner.peer->ping_period
                                                               : primary_by_id(owner.primary)->ping_period(timings_));
  if (owner.node != nullptr) {
    pause = std::min(pause, kReconnectToNode);  // one that returns may be an old primary that takes writes
    const Primary& p = *primary_by_id(owner.primary);
    if (owner.node == p.node.get() && !p.node->s_down) {
      pause = p.settings.fast_down ? kReconnectFastDown : kReconnectToPrimary;
    }
  }
  // One that worked is tried again at once (CLIENT KILL, a restart); one that is refused, or dies young, is not hurried.
  const bool was_up = link.up();
  const bool worked = was_up && now_ - link.connect_started > pause;
  forget(link);
  link.retry_at = worked ? now_ : now_ + pause;
  if (owner.peer != nullptr) {
    owner.peer->deadline = now_;
    give_up_on(*owner.peer);
  } else if (Primary* p = primary_by_id(owner.primary)) {
    if (link.kind == LinkKind::command) {
      note_refusal(*p, *owner.node, was_up, how);
      owner.node->misplaced_since.reset();
      Failover& failover = p->failover;
      if (failover.promoted == owner.node) failover.order = failover.handover.last_look = 0;
      if (p->node.get() == owner.node) failover.handover.order = 0;
    }
    touch(*p);
  }
}

void Sentinel::Impl::close(Link& link) {
  if (link.state == Link::State::down) return;
  out_.sends.push_back(CloseLink{link.id});
  forget(link);
}

void Sentinel::Impl::forget(Link& link) {
  links_.erase(link.id);
  link.state = Link::State::down;
  link.id = 0;
  link.pending.clear();
  link.ping_pending_since.reset();
  link.retry_at = now_;
}

void Sentinel::Impl::close(Node& node) {
  close(node.command);
  close(node.pubsub);
}

// Keeps a link connected. True while it is up.
bool Sentinel::Impl::drive_connection(Link& link, const LinkOwner& owner, const ConnectLink& target, Millis timeout) {
  if (link.state == Link::State::connecting && due(link.connect_started + timeout)) close(link);
  if (link.state == Link::State::down && due(link.retry_at)) {
    link.id = ++last_link_;
    link.kind = target.kind;
    link.state = Link::State::connecting;
    link.connect_started = now_;
    LinkOwner& entry = links_[link.id] = owner;
    entry.link = &link;
    ConnectLink connect = target;
    connect.link = link.id;
    out_.sends.push_back(std::move(connect));
    due(now_ + timeout);
  }
  return link.up();
}

ConnectLink Sentinel::Impl::connect_node(const Primary& p, const Node& node, LinkKind kind) const {
  const char* suffix = kind == LinkKind::command ? "cmd" : "pubsub";
  return {.link = 0,
          .kind = kind,
          .address = node.address,
          .auth_user = p.settings.auth_user,
          .auth_pass = p.settings.auth_pass,
          .client_name = fmt::format("sentinel-{}-{}", run_id_.view().substr(0, 8), suffix),
          .renames = p.settings.renames};
}

// Pings at the period, unless another request has left since whose answer shows the same; gives up a connection on
// which a PING has been without an answer for long. False if it closed.
bool Sentinel::Impl::drive_ping(Link& link, Millis period, Millis down_after,
                                const std::shared_ptr<const Renames>& renames) {
  if (link.ping_pending_since) {
    const Instant hung = std::max(*link.ping_pending_since + down_after / 2,
                                  link.connect_started + timings_.min_link_reconnect_period);
    if (due(hung)) {
      close(link);
      again_ = true;
      return false;
    }
  }
  if (due(next_send(link.last_ping_sent, period))) {
    if (link.pending.size() < kMaxPending) {
      send(link, Request{.kind = Request::Kind::ping, .renames = renames}, 0, false);
      if (!link.ping_pending_since) link.ping_pending_since = now_;
    }
    link.last_ping_sent = now_;
    due(next_send(now_, period));
  }
  return true;
}

Millis Sentinel::Impl::info_period(const Primary& p, const Node& node) const {
  if (&node == p.node.get()) {
    const bool trouble = node.role_reported == Role::replica || may_hand_over_now(p, now_);
    return trouble ? timings_.info_period_in_trouble : timings_.info_period;
  }
  if (p.failover.state == FailoverState::reconf_slaves &&
      (node.reconf == Reconf::sent || node.reconf == Reconf::inprog)) {
    return kInfoWhileMoving;
  }
  if (p.settings.fast_down && !p.node->s_down && p.node->refused_since && now_ - *p.node->refused_since < kCrashLooks) {
    return kInfoOfCrash;
  }
  const bool trouble = p.node->s_down || p.failover.state != FailoverState::none || node.misplaced_since ||
                       p.abdicated_at || may_hand_over_now(p, now_) ||
                       (node.info.role == Role::replica && !node.info.link_up);
  return trouble ? timings_.info_period_in_trouble : timings_.info_period;
}

void Sentinel::Impl::drive_info(Primary& p, Node& node) {
  const Millis period = std::min(info_period(p, node), timings_.info_period);
  if (period == kInfoOfCrash && node.has_requests(Request::Kind::info)) return;  // its answer brings us back here
  const Instant next = next_beside_ping(node.command, node.info_sent, period, p.ping_period(timings_), now_);
  if (!node.info_wanted && !due(next)) return;
  if (node.command.pending.size() < kMaxPending) {
    send(node.command, Request{.kind = Request::Kind::info, .renames = p.settings.renames}, p.id, false);
    stands_for_ping(node);
  }
  node.info_wanted = false;
  node.info_sent = now_;
  due(next_send(now_, period));
}

void Sentinel::Impl::drive_node(Primary& p, Node& node) {
  const Millis timeout = connect_timeout(p.settings.down_after);
  const LinkOwner owner{.primary = p.id, .node = &node};
  const auto connected = [&](Link& link, LinkKind kind) {
    if (link.up()) return true;
    // Building the target costs allocations: only where a connection may start.
    if (link.state == Link::State::down && !due(link.retry_at)) return false;
    if (link.state == Link::State::connecting && !due(link.connect_started + timeout)) return false;
    return drive_connection(link, owner, connect_node(p, node, kind), timeout);
  };
  if (connected(node.command, LinkKind::command)) drive_info(p, node);
  // We hear our own hello on each pubsub link, so silence of three periods means that the link is dead.
  const Millis hellos = (&node == p.node.get() ? 1 : kQuietHellos) * timings_.publish_period;
  if (connected(node.pubsub, LinkKind::pubsub) && due(node.pubsub.last_activity + 3 * hellos)) {
    close(node.pubsub);
    again_ = true;
  }
}

// What has just left shows as well, by its answer, that the node lives. Not where a PING is due at once, on a new
// connection and after a refusal; nor after a restart, since a node that loads answers these too.
void Sentinel::Impl::stands_for_ping(Node& node) {
  if (node.command.last_ping_sent != kLongAgo && !node.rebooted_since) node.command.last_ping_sent = now_;
}

// Last in a step: an INFO or a hello that has just left stands for the PING.
void Sentinel::Impl::drive_pings(Primary& p) {
  const auto drive = [&](Node& node) {
    if (node.command.up()) {
      drive_ping(node.command, p.ping_period(timings_), p.settings.down_after, p.settings.renames);
    }
  };
  drive(*p.node);
  for (auto& [address, replica] : p.replicas) drive(*replica);
}

void Sentinel::Impl::drive_peer(Peer& peer) {
  next_ = kNever;
  const Millis down_after = peer.ping_period * 10;
  const ConnectLink target{.link = 0,
                           .kind = LinkKind::command,
                           .address = peer.address,
                           .auth_user = globals_.sentinel_user,
                           .auth_pass = globals_.sentinel_pass,
                           .client_name = fmt::format("sentinel-{}-cmd", run_id_.view().substr(0, 8)),
                           .renames = nullptr};
  if (drive_connection(peer.link, LinkOwner{.peer = &peer}, target, connect_timeout(down_after))) {
    if (!drive_ping(peer.link, peer.ping_period, down_after, nullptr)) next_ = now_ + Millis(1);
  }
  peer.deadline = next_;
}

RequestId Sentinel::Impl::send(Link& link, Request request, uint32_t primary, bool after_persist) {
  const RequestId id = ++last_request_;
  link.pending.push_back({id, request.kind, primary, request.candidate ? request.epoch : Epoch{}, now_});
  (after_persist ? out_.after_persist : out_.sends).push_back(SendRequest{link.id, id, std::move(request)});
  return id;
}

// False where the link takes none now: too much waits on it, or it has no address of its own.
bool Sentinel::Impl::publish_hello(Primary& p, Link& link, const std::shared_ptr<const Renames>& renames) {
  const std::string& ip = globals_.announce_ip.empty() ? link.local_ip : globals_.announce_ip;
  if (ip.empty() || link.pending.size() >= kMaxPending) return false;
  const Hello hello{.sentinel = {ip, globals_.announce_port != 0 ? globals_.announce_port : listen_port_},
                    .run_id = run_id_,
                    .current_epoch = current_epoch_.value,
                    .primary_name = p.name,
                    .primary = shown(p.node->address),
                    .config_epoch = p.config_epoch.value};
  send(link, Request{.kind = Request::Kind::publish_hello, .text = format_hello(hello), .renames = renames}, p.id,
       !faults_.announce_unsaved);
  return true;
}

void Sentinel::Impl::drive_hellos(Primary& p) {
  const Millis usual = timings_.publish_period;
  const Millis rare = p.quiet() ? kQuietHellos * usual : usual;
  const auto drive = [&](Link& link, Instant& sent, Instant next, Millis period, const auto& renames) {
    if (!link.up() || !due(next)) return false;
    const bool left = publish_hello(p, link, renames);
    if (left) sent = now_;
    due(left ? next_send(now_, period) : now_ + kHelloRetry);
    return left;
  };
  const auto drive_node = [&](Node& node, Millis period) {
    const Instant next = next_beside_ping(node.command, node.hello_sent, period, p.ping_period(timings_), now_);
    if (drive(node.command, node.hello_sent, next, period, p.settings.renames)) stands_for_ping(node);
  };
  // While a primary holds writes back, PUBLISH waits too, and what we ask it waits behind.
  if (p.failover.handover.phase == Handover::Phase::none) drive_node(*p.node, usual);
  // The sentinels of another group, which a node may belong to by now, must not learn of us.
  for (auto& [address, replica] : p.replicas) {
    if (replica->info_current && !replica->of_others) drive_node(*replica, replica->misplaced_since ? usual : rare);
  }
  for (auto& [id, view] : p.peers) {
    // One that is behind has missed what we said when the configuration changed.
    const Millis period = view.hello_config_epoch < p.config_epoch ? usual : rare;
    drive(view.peer->link, view.hello_sent, next_send(view.hello_sent, period), period, std::shared_ptr<const Renames>());
  }
}

void Sentinel::Impl::want_info(Node& node) {
  node.info_wanted = true;
  again_ = true;
}

void Sentinel::Impl::want_hello(Primary& p) {
  p.node->hello_sent = kLongAgo;
  for (auto& [address, replica] : p.replicas) replica->hello_sent = kLongAgo;
  for (auto& [id, view] : p.peers) view.hello_sent = kLongAgo;
  again_ = true;
}

}  // namespace holdfast::sentinel
