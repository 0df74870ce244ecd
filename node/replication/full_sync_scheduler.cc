#include "node/replication/full_sync_scheduler.h"

#include <algorithm>

namespace holdfast::node {

bool FullSyncScheduler::diskless(const ReplicationConfig& config) const {
  return config.diskless_sync &&
         std::ranges::all_of(waiting_, [](const auto& item) { return item.second.eof_capable; });
}

Instant FullSyncScheduler::due(const ReplicationConfig& config) const {
  Instant first = Instant::max();
  for (const auto& [id, waiting] : waiting_) first = std::min(first, waiting.since);
  const bool enough = config.diskless_max_replicas > 0 &&
                      waiting_.size() >= static_cast<size_t>(config.diskless_max_replicas);
  return diskless(config) && !enough ? first + config.diskless_delay : first;
}

std::optional<FullSyncScheduler::Start> FullSyncScheduler::poll(Instant now, const ReplicationConfig& config,
                                                                bool save_running) {
  if (waiting_.empty() || save_running || now < due(config)) return std::nullopt;
  Start start{.diskless = diskless(config)};
  for (const auto& [id, waiting] : waiting_) start.members.push_back(id);
  waiting_.clear();
  return start;
}

Instant FullSyncScheduler::deadline(const ReplicationConfig& config) const {
  return waiting_.empty() ? Instant::max() : due(config);
}

}  // namespace holdfast::node
