#include "sentinel/core/election.h"

#include <algorithm>

#include "sentinel/core/quorum.h"

namespace holdfast::sentinel {

bool may_grant(const Vote& mine, Epoch config_epoch, Epoch asked, const Faults& faults) {
  if (faults.vote_twice) return asked > config_epoch;
  return asked > mine.epoch && asked > config_epoch;
}

Tally count_votes(const RunId& me, Epoch epoch, std::span<const PeerBallot> peers, uint32_t quorum,
                  const Faults& faults) {
  Tally tally;
  const size_t voters = peers.size() + 1;
  tally.needed = votes_needed(voters, quorum);
  if (faults.majority_off_by_one) tally.needed = std::max<size_t>(1, tally.needed - 1);
  tally.for_me = 1;
  size_t refused = 0;
  size_t willing = 1,
         awaited = 0;  // of those who can be reached: all but who refused without a vote; who has not answered
  for (const PeerBallot& peer : peers) {
    const bool answered = peer.answered_epoch == epoch || peer.vote.epoch >= epoch;
    if (peer.vote.epoch > epoch) tally.newer_epoch = true;
    if (peer.reachable && (!answered || peer.vote.epoch >= epoch)) ++willing;
    if (peer.reachable && !answered) ++awaited;
    if (peer.vote.epoch == epoch && peer.vote.leader == me) {
      ++tally.for_me;
    } else if (answered) {
      ++refused;
    }
    if (peer.vote.epoch != epoch || !peer.vote.leader || *peer.vote.leader == me) continue;
    const auto same = std::count_if(peers.begin(), peers.end(), [&](const PeerBallot& other) {
      return other.vote.epoch == epoch && other.vote.leader == peer.vote.leader;
    });
    tally.best_other = std::max(tally.best_other, static_cast<size_t>(same));
  }
  tally.won = tally.for_me >= tally.needed;
  // A split vote does not wait for those who are gone, if a new election can be won without them.
  const bool hopeless = willing >= tally.needed && tally.for_me + awaited < tally.needed;
  tally.lost = !tally.won && (voters - refused < tally.needed || hopeless);
  return tally;
}

namespace {

uint64_t candidate_hash(const RunId& id, std::string_view primary, Epoch epoch) {
  // FNV-1a, then a finisher so that near-equal inputs spread.
  uint64_t hash = 0xcbf29ce484222325ULL;
  const auto mix = [&](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  };
  mix(primary);
  mix(id.view());
  hash ^= epoch.value * 0x9e3779b97f4a7c15ULL;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ULL;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebULL;
  return hash ^ (hash >> 31);
}

}  // namespace

size_t candidate_rank(const RunId& me, std::span<const RunId> others, std::string_view primary, Epoch epoch) {
  const auto mine = std::pair(candidate_hash(me, primary, epoch), me);
  return static_cast<size_t>(std::count_if(others.begin(), others.end(), [&](const RunId& other) {
    return std::pair(candidate_hash(other, primary, epoch), other) < mine;
  }));
}

}  // namespace holdfast::sentinel
