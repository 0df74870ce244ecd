// Names that were looked up: instances get, or change, their address.
#include "sentinel/core/sentinel_impl.h"

namespace holdfast::sentinel {

namespace {

// Connections to where it was are given up.
void settle(Node& node, const Endpoint& address) {
  node.address = address;
  node.misplaced_since.reset();
  node.info_wanted = true;
}

}  // namespace

void Sentinel::Impl::on_resolved(const std::string& name, const std::vector<std::string>& addresses) {
  std::vector<Node*> nodes;
  std::vector<Peer*> peers;
  for (auto& [primary_name, p] : primaries_) {
    if (names_.named(p->node->address, name)) nodes.push_back(p->node.get());
    for (auto& [address, replica] : p->replicas) {
      if (names_.named(address, name)) nodes.push_back(replica.get());
    }
  }
  for (auto& [id, peer] : peers_) {
    if (names_.named(peer->address, name)) peers.push_back(peer.get());
  }
  const bool wanted = globals_.resolve_hostnames;  // else it was turned off meanwhile: the last answer is kept
  const std::string host = names_.answered(name, wanted ? addresses : std::vector<std::string>(), now_);
  if (host.empty()) return;
  for (Peer* peer : peers) {
    close(peer->link);
    peer->address = names_.known({name, peer->address.port}, globals_);
    peer->deadline = now_;
  }
  for (Node* node : nodes) {
    close(*node);
    settle(*node, names_.known({name, node->address.port}, globals_));
  }
  for (auto& [primary_name, p] : primaries_) replace_replicas(*p);
  dirty_ = true;
}

// Their keys are their addresses. Two that turn out to be one, or the primary, are one from now on.
void Sentinel::Impl::replace_replicas(Primary& p) {
  std::vector<std::unique_ptr<Node>> moved;
  for (auto replica = p.replicas.begin(); replica != p.replicas.end();) {
    if (replica->second->address == replica->first) {
      ++replica;
      continue;
    }
    moved.push_back(std::move(replica->second));
    replica = p.replicas.erase(replica);
  }
  for (std::unique_ptr<Node>& node : moved) {
    const Endpoint address = node->address;
    const bool in_use = p.failover.promoted == node.get();
    if (!in_use && (address == p.node->address || p.replicas.contains(address))) {
      close(*node);
      continue;
    }
    auto& place = p.replicas[address];
    if (place) close(*place);
    place = std::move(node);
  }
  touch(p);
}

Endpoint Sentinel::Impl::shown(const Endpoint& instance) const { return names_.shown(instance, globals_); }

}  // namespace holdfast::sentinel
