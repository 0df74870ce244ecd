#include "tests/simulation/world.h"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast::simulation {

namespace {

constexpr uint64_t kKeys = 1000;

}  // namespace

World::World(uint64_t seed, const sentinel::Faults& faults, bool traced)
    : faults_(faults), traced_(traced), random_(seed) {
  timings_.tilt_period = chance(0.1) ? Millis(30000) : Millis(4000);
  build(draw_shape());
}

World::World(uint64_t seed, const Shape& shape) : faults_(), traced_(false), random_(seed) { build(shape); }

World::~World() = default;

Shape World::draw_shape() {
  Shape shape;
  shape.groups = chance(0.2) ? 2 : 1;
  shape.nodes_in_group = 3 + random_.below(2);
  shape.sentinels = 3 + random_.below(3);
  shape.quorum = static_cast<uint32_t>(chance(0.7) ? shape.sentinels / 2 + 1 : 2);
  shape.down_after = between(1000, 4000);
  shape.failover_timeout = between(3000, 12000);
  shape.fast_down = chance(0.3);
  shape.full_sync = chance(0.5) ? between(0, 6000) : Millis(0);
  return shape;
}

void World::build(const Shape& shape) {
  groups_ = shape.groups;
  shape_ = shape;
  const size_t nodes_in_group = shape.nodes_in_group;
  const size_t sentinel_count = shape.sentinels;
  network_ = std::make_unique<Network>(events_, random_, groups_ * nodes_in_group + sentinel_count);
  nodes_.resize(groups_ * nodes_in_group);
  size_t host = 0;
  for (DataNode& node : nodes_) {
    node.group = host / nodes_in_group;
    node.host = host++;
    node.address = {fmt::format("10.0.0.{}", host), 6379};
    node.run_id = RunId::random(random_);
    if (host % nodes_in_group == 1) node.begin_history(random_, events_.now());
    if (host % nodes_in_group != 1) node.history = nodes_[node.group * nodes_in_group].history;
    node.is_primary = (node.host % nodes_in_group) == 0;
    if (!node.is_primary) node.follows = nodes_[node.group * nodes_in_group].address;
    node.keys = kKeys;
    node.save_role();
    node.link_down_since = events_.now();
    if (chance(0.05)) node.priority = 10;
    by_address_[node.address] = &node;
  }
  invariants_.emplace(
      sentinel_count, shape.quorum,
      [this](const Endpoint& address) { return static_cast<const DataNode*>(process_at(address)); },
      [this](const std::string& text) { fail(text); });
  for (size_t i = 0; i < sentinel_count; ++i) {
    auto& process = sentinels_.emplace_back(std::make_unique<SentinelProcess>(*this, i));
    process->host = host++;
    process->address = {fmt::format("10.0.1.{}", i + 1), 26379};
    by_address_[process->address] = process.get();
  }
  for (auto& process : sentinels_) {
    std::string config = "# written by an operator\nport 26379\n";
    for (size_t group = 0; group < groups_; ++group) {
      config += fmt::format(
          "sentinel monitor g{0} {1} 6379 {2}\nsentinel down-after-milliseconds g{0} {3}\n"
          "sentinel failover-timeout g{0} {4}\nsentinel parallel-syncs g{0} {5}\n",
          group, nodes_[group * nodes_in_group].address.host, shape.quorum, shape.down_after.count(),
          shape.failover_timeout.count(), 1 + random_.below(2));
      if (shape.fast_down) config += fmt::format("sentinel fast-down g{} yes\n", group);
    }
    events_.after(between(0, 300), [&process = *process, config] { process.boot(config); });
  }
  tick_replication();
}

Process* World::process_at(const Endpoint& address) {
  const auto found = by_address_.find(address);
  return found == by_address_.end() ? nullptr : found->second;
}

void World::fail(const std::string& text) {
  if (!outcome_.failure) outcome_.failure = text;
  note("FAILURE " + text);
}

void World::note(std::string line) {
  if (!traced_) return;
  outcome_.trace.push_back(
      fmt::format("{:>9.3f}s {}", static_cast<double>(count_ms(events_.now().time_since_epoch()) - 3600000) / 1000, line));
}

// --- Connections and requests -----------------------------------------------------------------------------------------

void World::client_closed(SentinelProcess& client, Process& server, sentinel::LinkId link) {
  network_->send(client.host, server.host, [&server, sentinel = client.index(), link, incarnation = client.incarnation] {
    std::erase_if(server.clients, [&](const ClientLink& known) {
      return known.sentinel == sentinel && known.link == link && known.incarnation <= incarnation;
    });
  });
}

void World::drop_client(Process& server, const ClientLink& client) {
  SentinelProcess& sentinel = *sentinels_[client.sentinel];
  network_->send(server.host, sentinel.host, [this, &sentinel, client] {
    sentinel.execute(events_, client.incarnation, [&sentinel, client] { sentinel.link_down(client.link); });
  });
}

void World::server_vanished(Process& server) {
  for (const ClientLink& client : server.clients) drop_client(server, client);
  server.clients.clear();
}

void World::reply(Process& server, const ClientLink& client, sentinel::RequestId id,
                  std::vector<sentinel::Reply> replies) {
  SentinelProcess& sentinel = *sentinels_[client.sentinel];
  network_->send(server.host, sentinel.host, [this, &sentinel, client, id, replies = std::move(replies)] {
    sentinel.execute(events_, client.incarnation,
                     [&sentinel, client, id, replies] { sentinel.replied(client.link, id, replies); });
  });
}

void World::serve(Process& server, const ClientLink& client, const sentinel::SendRequest& request) {
  if (server.is_sentinel) {
    static_cast<SentinelProcess&>(server).serve(client, request);
  } else {
    serve_node(static_cast<DataNode&>(server), client, request);
  }
}

void World::serve_node(DataNode& node, const ClientLink& client, const sentinel::SendRequest& request) {
  using sentinel::Reply;
  using Kind = sentinel::Request::Kind;
  switch (request.request.kind) {
    case Kind::ping: return reply(node, client, request.id, {Reply::status("PONG")});
    case Kind::info: return reply(node, client, request.id, {Reply::bulk(node.info(events_.now()))});
    case Kind::publish_hello:
      for (const ClientLink& subscriber : node.clients) {
        if (subscriber.kind != sentinel::LinkKind::pubsub) continue;
        SentinelProcess& sentinel = *sentinels_[subscriber.sentinel];
        network_->send(node.host, sentinel.host, [this, &sentinel, subscriber, text = request.request.text] {
          sentinel.execute(events_, subscriber.incarnation,
                           [&sentinel, subscriber, text] { sentinel.hello(subscriber.link, text); });
        });
      }
      return reply(node, client, request.id, {Reply::number(1)});
    case Kind::change_role: {
      note(fmt::format("{} is told by s{} to follow {}", node.address.host, client.sentinel,
                       request.request.target.host.empty() ? "no one" : request.request.target.host));
      if (request.request.target.host.empty()) {
        invariants_->promoted(client.sentinel, group_name(node.address), node);
        node.foreign = false;  // by one that cannot know better: it is the group's now
      }
      auto replies = node.change_role(request.request.target, random_, events_.now());
      for (const ClientLink& other : node.clients) {
        if (other.link != client.link || other.sentinel != client.sentinel) drop_client(node, other);
      }
      std::erase_if(node.clients, [&](const ClientLink& other) {
        return other.link != client.link || other.sentinel != client.sentinel;
      });
      return reply(node, client, request.id, std::move(replies));
    }
    case Kind::role: return reply(node, client, request.id, {node.role()});
    case Kind::hand_over: return hand_over(node, client, request);
    case Kind::keep_role: return keep_role(node, client, request);
    default: return reply(node, client, request.id, {Reply::error("ERR unknown command")});
  }
}

void World::tick_replication() {
  if (counts_writes_) tick_clients();
  replicate(std::span(nodes_), events_.now(), 1 + random_.below(100), shape_.full_sync,
            [this](size_t a, size_t b) { return network_->reaches(a, b) && network_->reaches(b, a); });
  for (const DataNode& node : nodes_) {  // what others copied, as their conf files told them, is the group's now
    if (!node.foreign || !node.link_up) continue;
    for (DataNode& other : nodes_) {
      if (other.group == node.group) other.foreign = false;
    }
  }
  events_.after(counts_writes_ ? Millis(3) : Millis(100), [this] { tick_replication(); });
}

// --- What must hold ---------------------------------------------------------------------------------------------------

std::string World::group_name(const Endpoint& node) {
  return fmt::format("g{}", static_cast<DataNode*>(process_at(node))->group);
}

void World::voted(SentinelProcess& process, const RunId& leader, sentinel::Epoch epoch, const Endpoint& primary) {
  invariants_->voted(process.index(), group_name(primary), leader, epoch);
}

void World::saved(SentinelProcess& process, const sentinel::PersistentState& state) {
  invariants_->saved(process.index(), state);
}

void World::noticed(SentinelProcess& process, const sentinel::Notice& notice) {
  if (traced_) note(fmt::format("s{} {}", process.index(), notice.log_line()));
  if (notice.event == sentinel::Event::switch_master) ++outcome_.switches;
  if (notice.event == sentinel::Event::elected_leader) ++outcome_.elections;
  invariants_->noticed(process, notice, events_.now());
}

void World::sending(SentinelProcess& process, Process& server, const sentinel::Request& request) {
  using Kind = sentinel::Request::Kind;
  if (request.candidate && request.epoch.value > 0) voted(process, *request.candidate, request.epoch, request.target);
  if (request.kind == Kind::publish_hello) {
    if (const auto hello = parse_hello(request.text)) invariants_->announced(process.index(), *hello);
  }
  if (request.kind == Kind::change_role) {
    auto& node = static_cast<DataNode&>(server);
    invariants_->ordered(process, group_name(node.address), node, request.target);
  }
  if (request.kind == Kind::hand_over) {
    auto& target = static_cast<DataNode&>(*process_at(request.target));
    invariants_->ordered(process, group_name(request.target), target, Endpoint{});
  }
}

void World::sentinel_crashed(SentinelProcess& process) { invariants_->crashed(process.index(), events_.now()); }

bool World::agreed(std::string* why) const {
  const auto no = [&](std::string text) {
    if (why != nullptr) *why = std::move(text);
    return false;
  };
  for (size_t group = 0; group < groups_; ++group) {
    const std::string name = fmt::format("g{}", group);
    std::optional<Endpoint> address;
    std::optional<sentinel::Epoch> epoch;
    for (const auto& process : sentinels_) {
      const auto summaries = process->core().summaries();
      const auto& mine = summaries[group];
      if (mine.s_down || mine.failover_state != "none") {
        return no(fmt::format("s{}: {} s_down={} state={}", process->index(), name, mine.s_down, mine.failover_state));
      }
      if (mine.sentinels != sentinels_.size()) return no(fmt::format("s{} misses a peer", process->index()));
      if (address.value_or(mine.address) != mine.address || epoch.value_or(mine.config_epoch) != mine.config_epoch) {
        return no(fmt::format("s{} names {}, another names {}", process->index(), mine.address.host, address->host));
      }
      address = mine.address;
      epoch = mine.config_epoch;
    }
    for (const DataNode& node : nodes_) {
      if (node.group != group) continue;
      const bool right = node.address == *address ? node.is_primary
                                                  : !node.is_primary && node.follows == *address && node.link_up;
      if (!node.up || !right) {
        return no(fmt::format("{}: primary={} follows={} link={}, expected {}", node.address.host, node.is_primary,
                              node.follows.host, node.link_up, address->host));
      }
    }
  }
  return true;
}

}  // namespace holdfast::simulation
