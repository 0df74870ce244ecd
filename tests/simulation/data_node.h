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
  // A primary that starts to write goes on under a new name.
  void begin_history(RandomSource& random, Instant now);
  // Continues the source's stream, or copies its data.
  void sync_from(const DataNode& source, Instant now);
  sentinel::Reply role() const;
};

// One moment of replication: links come and go with the network, offsets follow. `reaches(a, b)` is true if both ways are
// open.
template <class Reaches>
void replicate(std::span<DataNode> nodes, Instant now, uint64_t written, const Reaches& reaches) {
  for (DataNode& node : nodes) node.replicas_seen.clear();
  for (DataNode& node : nodes) {
    if (node.takes_writes() && node.stalled_until <= now) node.offset += written;
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
    if (connected) {
      node.link_up = true;
      node.sync_from(*source, now);
      source->replicas_seen.push_back(node.address);
    } else if (node.link_up) {
      node.link_up = false;
      node.link_down_since = now;
    }
  }
}

}  // namespace holdfast::simulation
