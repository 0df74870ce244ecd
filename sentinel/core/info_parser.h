// What a sentinel reads in the INFO of a data node. Pure; unknown lines and bad values are passed over (a field keeps its
// default), so any text is accepted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/run_id.h"
#include "common/time/clock.h"

namespace holdfast::sentinel {

enum class Role : uint8_t { primary, replica };

struct NodeInfo {
  std::optional<RunId> run_id;
  std::optional<Role> role;
  std::vector<Endpoint> replicas;  // slaveN: lines of a primary (both the "ip=,port=" and the old "ip,port" form)
  // Of a replica:
  Endpoint primary;
  bool link_up = false;
  std::optional<Seconds> link_down_for;  // master_link_down_since_seconds; -1 (never up) is nothing
  int32_t priority = 100;                // slave_priority, replica_priority
  uint64_t offset = 0;                   // slave_repl_offset
  bool announced = true;
  // Of both: the history its data belongs to, and the one before, which is the same below fork_offset.
  std::optional<RunId> replication_id;
  std::optional<RunId> previous_id;  // master_replid2; zeros are nothing
  uint64_t fork_offset = 0;          // second_repl_offset; 0: none
  uint64_t primary_offset = 0;  // master_repl_offset
  bool can_hand_over = false;   // knows FAILOVER: Redis since 6.2, Holdfast always
  bool loading = false;
  bool logs_writes = false;             // aof_enabled
  uint64_t keys = 0;                    // of all databases
  std::optional<uint64_t> keys_loaded;  // rdb_last_load_keys_loaded, since Redis 7.0
};

NodeInfo parse_info(std::string_view text);

}  // namespace holdfast::sentinel
