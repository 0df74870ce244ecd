// The replicas attached to this node, as a primary (or a replica with replicas of its own) knows them. Pure.
//
// The key is the id of the replica's client connection. A connection is entered by its first REPLCONF and counts as
// attached from PSYNC on. Executor thread only; pointers are valid until the entry is erased.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/time/clock.h"
#include "node/replication/config.h"
#include "node/replication/replication.h"

namespace holdfast::node {

enum class ReplicaPhase : uint8_t {
  announced,            // REPLCONF only
  wait_snapshot_start,  // needs a full resync; no snapshot serves it yet
  wait_snapshot_end,    // a snapshot for it is being made (into a file)
  sending,              // the payload is on its way
  wait_ack,             // a streamed payload is sent; the stream follows its first acknowledgement
  online,
};

struct AttachedReplica {
  uint64_t id = 0;
  std::string peer_ip;
  std::string announced_ip;  // "" = peer_ip
  uint16_t port = 0;
  bool eof = false;     // understands a streamed payload
  bool psync2 = false;  // understands +CONTINUE with an id
  bool payload_only = false;  // wants a full resync's payload and no stream (redis-cli --rdb)
  ReplicaPhase phase = ReplicaPhase::announced;
  int64_t acked = 0;
  int64_t synced = -1;  // of that, in its append-only file and on its disk; -1: it has not said
  Instant last_sign{};        // its last acknowledgement, or progress of its payload
  Instant waiting_since{};    // wait_snapshot_start
  std::optional<Instant> soft_limit_since;

  bool attached() const { return phase != ReplicaPhase::announced; }
};

class ReplicaTable {
 public:
  AttachedReplica& enter(uint64_t id, std::string_view peer_ip);  // finds or adds
  AttachedReplica* find(uint64_t id);
  const AttachedReplica* find(uint64_t id) const;
  void erase(uint64_t id) { replicas_.erase(id); }
  const std::map<uint64_t, AttachedReplica>& all() const { return replicas_; }

  size_t attached() const;
  size_t in_phase(ReplicaPhase phase) const;
  // Online replicas that were heard of within `max_lag`.
  size_t good(Instant now, Seconds max_lag) const;
  // Online replicas that acknowledged at least this offset.
  size_t acked(int64_t offset) const;
  size_t acked_synced(int64_t offset) const;
  // True when it is news: an offset beyond the last.
  bool acknowledge(uint64_t id, int64_t offset, Instant now);
  void acknowledge_synced(uint64_t id, int64_t offset);
  std::vector<uint64_t> silent(Instant now, Seconds timeout) const;
  // client-output-buffer-limit replica, for `pending` bytes not yet taken by this replica.
  bool over_limit(uint64_t id, uint64_t pending, Instant now, const ReplicationConfig& config);
  std::vector<ReplicaRow> rows(Instant now) const;  // attached ones, by age

 private:
  std::map<uint64_t, AttachedReplica> replicas_;
};

}  // namespace holdfast::node
