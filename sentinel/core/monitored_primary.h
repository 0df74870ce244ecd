// A primary that this sentinel watches, with its replicas and what its other sentinels say. Plain data and questions; what
// is done about it is in the impl_*.cc files.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sentinel/core/empty_reboot.h"
#include "sentinel/core/failover.h"
#include "sentinel/core/instance.h"
#include "sentinel/core/lineage.h"
#include "sentinel/core/replica_selection.h"

namespace holdfast::sentinel {

struct MonitoredPrimary {
  uint32_t id = 0;  // names it in link and request bookkeeping
  std::string name;
  Settings settings;
  std::unique_ptr<Node> node;
  std::map<Endpoint, std::unique_ptr<Node>> replicas;
  std::map<RunId, PeerView> peers;

  Lineage lineage;
  EmptyReboot reboot;
  Epoch config_epoch;
  Vote vote;  // the newest this sentinel gave for this primary
  bool o_down = false;
  Instant o_down_since;

  Failover failover;
  Instant next_attempt_at;              // no failover of our own before
  std::optional<Instant> candidate_at;  // ODOWN, allowed, waiting for our turn
  std::optional<Instant> forced_until;  // an operator's failover lost a split vote, and is tried again until then
  FailoverOrder forced_order;           // what was ordered then
  std::optional<Instant> abdicated_at;  // the primary follows one of its replicas, and nobody has told us why
  std::optional<RunId> held_for;        // we gave our vote to this one and leave it the time to act
  Instant needs_replica_until;          // after "no good slave": not tried again before, unless one turns up

  Instant configurations_asked;  // of all peers
  Instant catch_up_until;        // after a start: the peers' configurations are waited for no longer

  Instant deadline;  // the earliest moment at which something is due here

  Millis ping_period(const Timings& timings) const { return ping_period_of(settings.down_after, timings); }
  // How long a failed or foreign attempt keeps us from trying: min(election timeout, failover-timeout).
  Millis election_timeout(const Timings& timings) const {
    return std::min(timings.election_timeout, settings.failover_timeout);
  }

  bool catching_up(Instant now) const;

  size_t voters() const { return peers.size() + 1; }
  size_t usable_sentinels() const;
  size_t usable_replicas() const;
  // Sentinels that see it down, this one included, by answers that have not expired.
  size_t sentinels_seeing_down(Instant now, Nanos answer_lifetime) const;
  std::vector<PeerBallot> ballots() const;

  SelectionLimits selection_limits(Instant now, const Timings& timings) const;
  ReplicaCandidate candidate(const Node& replica) const;
  // The replica that would be promoted now; null if none is suitable.
  Node* best_replica(Instant now, const Timings& timings, const Faults& faults = {}) const;

  // This replica, if it is fit to be promoted; else null.
  Node* suitable_replica(const Endpoint& address, Instant now, const Timings& timings) const;
  // The replica that the primary itself says it follows; null where it says nothing of that kind.
  Node* successor() const;

  // The primary came back empty: the replica to promote instead, which holds the data of before; else null.
  const Node* copy_of_lost_data(Instant now, const Timings& timings) const;

  // fast-down: all reachable replicas, one at least, have said since the primary refuses connections that they lost it.
  bool replicas_lost_it() const;

  // Addresses are used again: what answers at a replica's may be another group's by now. It is where it has data of no
  // history of this group, and follows, or is followed by, nodes that are not of this group. Known once, it holds until
  // it is seen with data of ours again.
  bool has_joined_others(const Node& replica) const;

  // All is well: its channel is open to us, it is where the configuration has it, and no failover is under way.
  bool quiet() const;

  // It is up, calls itself a primary, and has said so lately: fit to send replicas to.
  bool looks_sane(Instant now, const Timings& timings) const;
};

// "127.0.0.1:6380", "[::1]:6380": a replica's name.
std::string address_text(const Endpoint& address);

}  // namespace holdfast::sentinel
