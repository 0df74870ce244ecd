#include "node/commands/blocked_clients.h"

#include <climits>

namespace holdfast::node {

const BlockedClients::Waiter* BlockedClients::find(uint64_t client) const {
  const auto found = waiters_.find(client);
  return found == waiters_.end() ? nullptr : &found->second;
}

void BlockedClients::add(uint64_t client, Waiter waiter) {
  remove(client);
  waiter.ticket = next_ticket_++;
  for (const Key& key : waiter.keys) keys_[key].clients.emplace(waiter.ticket, client);
  if (waiter.deadline != Instant::max()) deadlines_.emplace(waiter.deadline, client);
  waiters_.emplace(client, std::move(waiter));
}

bool BlockedClients::remove(uint64_t client) {
  const auto found = waiters_.find(client);
  if (found == waiters_.end()) return false;
  const Waiter& waiter = found->second;
  for (const Key& key : waiter.keys) {
    const auto queue = keys_.find(key);
    if (queue == keys_.end()) continue;  // named twice
    queue->second.clients.erase(waiter.ticket);
    if (queue->second.clients.empty()) keys_.erase(queue);
  }
  deadlines_.erase({waiter.deadline, client});
  waiters_.erase(found);
  return true;
}

void BlockedClients::note(int db, std::string_view key) {
  const auto found = keys_.find(std::pair(db, key));
  if (found == keys_.end() || found->second.ready) return;
  found->second.ready = true;
  ready_.push_back(found->first);
}

void BlockedClients::touched_all(int db) {
  for (auto queue = keys_.lower_bound(std::pair(db, std::string_view())); queue != keys_.end() && queue->first.first == db; ++queue) {
    if (queue->second.ready) continue;
    queue->second.ready = true;
    ready_.push_back(queue->first);
  }
}

std::optional<BlockedClients::Key> BlockedClients::next_ready() {
  if (ready_.empty()) return std::nullopt;
  Key key = std::move(ready_.front());
  ready_.erase(ready_.begin());
  if (const auto found = keys_.find(key); found != keys_.end()) found->second.ready = false;
  return key;
}

std::vector<uint64_t> BlockedClients::waiting_for(const Key& key) const {
  std::vector<uint64_t> clients;
  const auto found = keys_.find(key);
  if (found == keys_.end()) return clients;
  clients.reserve(found->second.clients.size());
  for (const auto& [ticket, client] : found->second.clients) clients.push_back(client);
  return clients;
}

std::vector<uint64_t> BlockedClients::overdue(Instant now) const {
  std::vector<uint64_t> clients;
  for (auto at = deadlines_.begin(); at != deadlines_.end() && at->first <= now; ++at) clients.push_back(at->second);
  return clients;
}

std::vector<uint64_t> BlockedClients::all() const {
  std::vector<uint64_t> clients;
  for (const auto& [client, waiter] : waiters_) clients.push_back(client);
  return clients;
}

}  // namespace holdfast::node
