#include "node/replication/ack_waits.h"

#include <algorithm>

namespace holdfast::node {

uint64_t AckWaits::add(int64_t offset, size_t replicas, std::optional<Instant> deadline) {
  waits_.emplace(next_, Wait{offset, replicas, deadline.value_or(Instant::max())});
  return next_++;
}

std::vector<AckWaits::Over> AckWaits::satisfied(const ReplicaTable& table) {
  std::vector<Over> over;
  std::erase_if(waits_, [&](const auto& item) {
    const size_t acked = table.acked(item.second.offset);
    if (acked < item.second.replicas) return false;
    over.push_back({item.first, acked});
    return true;
  });
  return over;
}

std::vector<AckWaits::Over> AckWaits::expired(const ReplicaTable& table, Instant now) {
  std::vector<Over> over;
  std::erase_if(waits_, [&](const auto& item) {
    if (now < item.second.deadline) return false;
    over.push_back({item.first, table.acked(item.second.offset)});
    return true;
  });
  return over;
}

std::vector<uint64_t> AckWaits::drain() {
  std::vector<uint64_t> tokens;
  for (const auto& [token, wait] : waits_) tokens.push_back(token);
  waits_.clear();
  return tokens;
}

Instant AckWaits::deadline() const {
  Instant first = Instant::max();
  for (const auto& [token, wait] : waits_) first = std::min(first, wait.deadline);
  return first;
}

}  // namespace holdfast::node
