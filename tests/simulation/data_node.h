// A simulated data node: a role, a history and an offset in it, INFO, the role change by MULTI ... EXEC, FAILOVER, and
// pub/sub of hellos. Its role is in its configuration file (CONFIG REWRITE), so it survives a crash, as does its data;
// FAILOVER does not write it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/base/run_id.h"
#include "sentinel/core/actions.h"
#include "sentinel/core/reply.h"
#include "tests/simulation/process.h"

namespace holdfast::simulation {

// FAILOVER at the primary: it holds writes back until the target has everything, then steps down and asks it to take over.
struct HandingOver {
  enum class Phase : uint8_t { none, waiting, asking };
  Phase phase = Phase::none;
  uint64_t number = 0;  // which one: late answers belong to another
  Endpoint target;
  Instant give_up_at;
  unsigned asked = 0;
};

struct DataNode : Process {
  size_t group = 0;
  RunId run_id;
  bool is_primary = false;
  Endpoint follows;  // while a replica
  uint64_t offset = 1;
  // The history of its data (replication id), and the one before it, the same below `fork`.
  RunId history;
  RunId previous_history;
  uint64_t fork = 0;
  Instant history_since;
  bool foreign = false;  // data that never was this group's
  uint64_t keys = 0;
  bool emptied = false;              // the group's data was lost: it has at most what was written since
  bool logs_writes = false;          // as INFO tells (aof_enabled), from its last start
  uint64_t keys_loaded = 0;          // then
  Instant restarted_empty;           // the last time
  std::optional<Instant> full_sync;  // it waits for one since then
  bool link_up = false;
  Instant link_down_since;
  int priority = 100;
  bool saved_as_primary = false;  // in its configuration file
  Endpoint saved_follows;
  HandingOver handing_over;
  std::vector<uint64_t> log;  // the writes it has, by number; only where the world counts them
  std::vector<Endpoint> replicas_seen;  // of a primary: who replicates from it now

  std::string info(Instant now) const;
  bool takes_writes() const { return up && is_primary && handing_over.phase == HandingOver::Phase::none; }
  void save_role() {
    saved_as_primary = is_primary;
    saved_follows = follows;
  }
  void restore_role() {
    is_primary = saved_as_primary;
    follows = saved_follows;
    handing_over = HandingOver{.number = handing_over.number};
  }
  // Replies of a role change; the role is changed on return.
  std::vector<sentinel::Reply> change_role(const Endpoint& target, RandomSource& random, Instant now);
  // Its process starts; a primary's tells of the history before, or, as Redis with an append-only file, nothing of it.
  void restart(RandomSource& random, Instant now, bool from_log);
  void lose_data(RandomSource& random, Instant now);
  bool continues(const DataNode& source) const {
    return history == source.history || (history == source.previous_history && offset < source.fork);
  }
  // A primary that starts to write goes on under a new name.
  void begin_history(RandomSource& random, Instant now);
  // Continues the source's stream, or copies its data.
  void sync_from(const DataNode& source, Instant now);
  sentinel::Reply role() const;
};

// One moment of replication: links come and go with the network, offsets follow. `reaches(a, b)` is true if both ways
// are open. A replica that cannot continue keeps its own data until it has waited for a full sync.
template <class Reaches>
void replicate(std::span<DataNode> nodes, Instant now, uint64_t written, Nanos full_sync, const Reaches& reaches) {
  for (DataNode& node : nodes) node.replicas_seen.clear();
  for (DataNode& node : nodes) {
    if (!node.takes_writes() || node.stalled_until > now) continue;
    node.offset += written;
    if (node.emptied && written % 2 == 0) ++node.keys;
  }
  for (DataNode& node : nodes) {
    if (!node.up || node.is_primary) continue;
    DataNode* source = nullptr;
    for (DataNode& other : nodes) {
      if (&other != &node && other.address == node.follows) source = &other;
    }
    const bool connected = source != nullptr && source->up && (source->is_primary || source->link_up) &&
                           source->stalled_until <= now && node.stalled_until <= now &&
                           reaches(node.host, source->host);
    if (connected) source->replicas_seen.push_back(node.address);
    if (!connected || node.continues(*source)) {
      node.full_sync.reset();
    } else if (!node.full_sync) {
      node.full_sync = now;
    }
    if (connected && (!node.full_sync || now - *node.full_sync >= full_sync)) {
      node.link_up = true;
      node.sync_from(*source, now);
    } else if (node.link_up) {
      node.link_up = false;
      node.link_down_since = now;
    }
  }
}

}  // namespace holdfast::simulation
