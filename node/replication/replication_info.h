// INFO's replication section from plain facts. Field names and their order are Redis 7.0's. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/endpoint.h"
#include "node/replication/failover.h"
#include "node/replication/replication.h"
#include "node/replication/replication_log.h"

namespace holdfast::node {

struct ReplicaFacts {  // of this node as a replica
  Endpoint primary;
  bool link_up = false;
  int64_t last_io_s = -1;
  bool sync_in_progress = false;
  uint64_t sync_total_bytes = 0;  // 0: not known
  uint64_t sync_read_bytes = 0;
  int64_t sync_last_io_s = -1;
  std::optional<int64_t> down_since_s;  // -1: never was up
  int64_t read_offset = 0;
};

std::string replication_info(const ReplicationLog& log, const ReplicationConfig& config,
                             const std::optional<ReplicaFacts>& replica, const std::vector<ReplicaRow>& rows,
                             size_t good_replicas, FailoverState failover = FailoverState::none);

}  // namespace holdfast::node
