// Who may lead a failover: the rules of voting, and of counting. Pure.
//
// A sentinel gives at most one vote per primary and epoch: the epochs that it votes in only grow, and the newest one is
// durable before the vote leaves. A candidate asks for, and counts, votes of its own failover's epoch only, whatever the
// shared current epoch has become. So two candidates cannot both hold a majority of one epoch, and each configuration
// (primary, epoch) has one author.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "sentinel/core/types.h"

namespace holdfast::sentinel {

// A vote: whom, in which epoch. The leader is unknown (nothing) for a vote given before a restart; it still counts as given.
struct Vote {
  std::optional<RunId> leader;
  Epoch epoch;
};

// May a sentinel whose newest vote for a primary is `mine` give one in `asked`? Not in an epoch it has voted in or passed,
// nor in one that a configuration already in force has used.
bool may_grant(const Vote& mine, Epoch config_epoch, Epoch asked, const Faults& faults);

// What a candidate knows of one peer.
struct PeerBallot {
  RunId id;
  Vote vote;             // its last answer
  Epoch answered_epoch;  // the election it answered, with or without a vote
  bool reachable = true;  // it may still answer
};

struct Tally {
  size_t for_me = 0;
  size_t needed = 0;
  size_t best_other = 0;  // the most votes that one other candidate is known to have in this epoch
  bool newer_epoch = false;  // somebody already voted in a later epoch
  bool won = false;
  bool lost = false;  // no answer still to come can win it, or another election can be won without waiting
};

// Counts the votes of `epoch`; this sentinel has voted for itself in it.
Tally count_votes(const RunId& me, Epoch epoch, std::span<const PeerBallot> peers, uint32_t quorum,
                  const Faults& faults);

// This sentinel's place among the candidates (0 is first): all compute the same order from the primary's name and an
// epoch that they agree on (of its configuration, or of the election that nobody won), so one starts at once and the
// others give it a little time.
size_t candidate_rank(const RunId& me, std::span<const RunId> others, std::string_view primary, Epoch epoch);

}  // namespace holdfast::sentinel
