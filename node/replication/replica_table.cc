#include "node/replication/replica_table.h"

#include <algorithm>

namespace holdfast::node {

namespace {

std::string_view phase_name(ReplicaPhase phase) {
  switch (phase) {
    case ReplicaPhase::announced:
    case ReplicaPhase::wait_snapshot_start:
    case ReplicaPhase::wait_snapshot_end: return "wait_bgsave";
    case ReplicaPhase::sending:
    case ReplicaPhase::wait_ack: return "send_bulk";
    case ReplicaPhase::online: return "online";
  }
  return "";
}

}  // namespace

AttachedReplica& ReplicaTable::enter(uint64_t id, std::string_view peer_ip) {
  auto [it, added] = replicas_.try_emplace(id);
  if (added) {
    it->second.id = id;
    it->second.peer_ip = peer_ip;
  }
  return it->second;
}

AttachedReplica* ReplicaTable::find(uint64_t id) {
  const auto it = replicas_.find(id);
  return it == replicas_.end() ? nullptr : &it->second;
}

const AttachedReplica* ReplicaTable::find(uint64_t id) const {
  const auto it = replicas_.find(id);
  return it == replicas_.end() ? nullptr : &it->second;
}

size_t ReplicaTable::attached() const {
  return static_cast<size_t>(std::ranges::count_if(replicas_, [](const auto& item) { return item.second.attached(); }));
}

size_t ReplicaTable::in_phase(ReplicaPhase phase) const {
  return static_cast<size_t>(
      std::ranges::count_if(replicas_, [phase](const auto& item) { return item.second.phase == phase; }));
}

size_t ReplicaTable::good(Instant now, Seconds max_lag) const {
  return static_cast<size_t>(std::ranges::count_if(replicas_, [&](const auto& item) {
    // Whole seconds, as Redis counts the lag.
    return item.second.phase == ReplicaPhase::online && now - item.second.last_sign < max_lag + Seconds(1);
  }));
}

size_t ReplicaTable::acked(int64_t offset) const {
  return static_cast<size_t>(std::ranges::count_if(replicas_, [offset](const auto& item) {
    return item.second.phase == ReplicaPhase::online && item.second.acked >= offset;
  }));
}

size_t ReplicaTable::acked_synced(int64_t offset) const {
  return static_cast<size_t>(std::ranges::count_if(replicas_, [offset](const auto& item) {
    return item.second.phase == ReplicaPhase::online && item.second.synced >= offset;
  }));
}

void ReplicaTable::acknowledge_synced(uint64_t id, int64_t offset) {
  if (AttachedReplica* replica = find(id)) replica->synced = std::max(replica->synced, offset);
}

bool ReplicaTable::acknowledge(uint64_t id, int64_t offset, Instant now) {
  AttachedReplica* replica = find(id);
  if (!replica) return false;
  replica->last_sign = now;
  if (offset <= replica->acked) return false;
  replica->acked = offset;
  return true;
}

std::vector<uint64_t> ReplicaTable::silent(Instant now, Seconds timeout) const {
  std::vector<uint64_t> ids;
  for (const auto& [id, replica] : replicas_) {
    const bool watched = replica.phase == ReplicaPhase::online || replica.phase == ReplicaPhase::sending;
    if (watched && now - replica.last_sign > timeout) ids.push_back(id);
  }
  return ids;
}

bool ReplicaTable::over_limit(uint64_t id, uint64_t pending, Instant now, const ReplicationConfig& config) {
  AttachedReplica* replica = find(id);
  if (!replica) return false;
  // A backlog larger than the limit is held anyway: reading from it costs the replica nothing.
  const auto limit = [&](uint64_t bytes) { return std::max(bytes, config.backlog_size_bytes); };
  if (config.output_hard_limit_bytes && pending >= limit(config.output_hard_limit_bytes)) return true;
  if (!config.output_soft_limit_bytes || pending < limit(config.output_soft_limit_bytes)) {
    replica->soft_limit_since.reset();
    return false;
  }
  if (!replica->soft_limit_since) replica->soft_limit_since = now;
  return now - *replica->soft_limit_since >= config.output_soft_limit_period;
}

std::vector<ReplicaRow> ReplicaTable::rows(Instant now) const {
  std::vector<ReplicaRow> rows;
  for (const auto& [id, replica] : replicas_) {
    if (!replica.attached()) continue;
    const bool online = replica.phase == ReplicaPhase::online;
    rows.push_back({.ip = replica.announced_ip.empty() ? replica.peer_ip : replica.announced_ip,
                    .port = replica.port,
                    .state = phase_name(replica.phase),
                    .offset = replica.acked,
                    .lag_s = online ? std::chrono::duration_cast<Seconds>(now - replica.last_sign).count() : 0});
  }
  return rows;
}

}  // namespace holdfast::node
