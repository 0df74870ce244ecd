// Which replica to promote. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "common/base/endpoint.h"
#include "sentinel/core/lineage.h"
#include "sentinel/core/types.h"

namespace holdfast::sentinel {

struct ReplicaCandidate {
  Endpoint address;
  std::optional<RunId> run_id;
  bool down = false;       // s_down or o_down
  bool connected = false;  // the command link is up
  Instant last_ok;         // last acceptable PING reply
  std::optional<Instant> info_at;  // on this connection: another one may reach another process, with other data
  int32_t priority = 100;
  uint64_t offset = 0;
  Place place = Place::current;
  std::optional<Nanos> link_down_for;  // its link to the primary, as it says; nothing: up or unknown
};

struct SelectionLimits {
  Nanos max_ping_age;
  Nanos max_info_age;
  Nanos max_link_down;  // 10 x down-after, plus the time that the primary has been down
};

enum class Unsuitable : uint8_t {
  none,
  down,
  disconnected,
  stale_ping,
  stale_info,
  priority_zero,
  link_down_too_long,
  foreign_lineage,
};

Unsuitable why_unsuitable(const ReplicaCandidate& replica, const SelectionLimits& limits, Instant now);

// Why a replica is not the one, in a word for operators: its own fault, else what `best` (null: none) has before it.
std::string_view verdict_of(const ReplicaCandidate& replica, const ReplicaCandidate* best, const SelectionLimits& limits,
                            Instant now);

// The best suitable one: data of the primary's own history before that of an older one, both before none at all (a
// replica that has not synced yet), then the lowest priority number,
// then the highest replication offset, then the lowest run id (a known one before an unknown). Its index in `replicas`,
// or nothing.
std::optional<size_t> select_replica(std::span<const ReplicaCandidate> replicas, const SelectionLimits& limits,
                                     Instant now);

}  // namespace holdfast::sentinel
