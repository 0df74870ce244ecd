#include "node/replication/ack_waits.h"

#include <algorithm>

namespace holdfast::node {

namespace {

size_t count(const ReplicaTable& table, const AckTarget& target) {
  return target.synced ? table.acked_synced(target.offset) : table.acked(target.offset);
}

}  // namespace

uint64_t AckWaits::add(const AckTarget& target, std::optional<Instant> deadline) {
  waits_.emplace(next_, Wait{target, deadline.value_or(Instant::max())});
  return next_++;
}

std::vector<AckWaits::Over> AckWaits::satisfied(const ReplicaTable& table, std::optional<uint64_t> log) {
  std::vector<Over> over;
  std::erase_if(waits_, [&](const auto& item) {
    const AckTarget& target = item.second.target;
    const size_t acked = count(table, target);
    const bool no_log = target.log_offset > 0 && !log;
    if (!no_log && (acked < target.replicas || log.value_or(0) < target.log_offset)) return false;
    over.push_back({item.first, acked});
    return true;
  });
  return over;
}

std::vector<AckWaits::Over> AckWaits::expired(const ReplicaTable& table, Instant now) {
  std::vector<Over> over;
  std::erase_if(waits_, [&](const auto& item) {
    if (now < item.second.deadline) return false;
    over.push_back({item.first, count(table, item.second.target)});
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
