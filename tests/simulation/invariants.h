// What must hold in every history, checked as it happens:
//   - a sentinel votes once per primary and epoch, across its restarts, and only after it has saved that it did;
//   - no two sentinels are elected for one primary and epoch;
//   - a promotion is ordered only by a leader that a majority of all sentinels (and the quorum) has voted for in the
//   epoch
//     of that failover; unless an operator wanted it, the quorum has seen the primary down;
//   - what is promoted is of the group's lineage where the leader could know it, and the best by priority and offset of
//     what the leader sees;
//   - no node is told to follow itself;
//   - only a primary that has come back without its data is said to be empty;
//   - a configuration epoch names one address, a sentinel's only grows, and no hello tells of one that is not saved.
// That a healed history ends with one primary that all follow is World::agreed.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "common/hello/hello.h"
#include "sentinel/core/sentinel.h"
#include "tests/simulation/data_node.h"

namespace holdfast::simulation {

class SentinelProcess;

class Invariants {
 public:
  using Fail = std::function<void(const std::string&)>;
  using FindNode = std::function<const DataNode*(const Endpoint&)>;
  Invariants(size_t sentinels, uint32_t quorum, FindNode find_node, Fail fail)
      : sentinels_(sentinels), quorum_(quorum), find_node_(std::move(find_node)), fail_(std::move(fail)) {}

  // A vote leaves: in an answer, or as the candidate's own with its request.
  void voted(size_t sentinel, const std::string& primary, const RunId& leader, sentinel::Epoch epoch);
  void saved(size_t sentinel, const sentinel::PersistentState& state);
  void announced(size_t sentinel, const Hello& hello);
  void noticed(const SentinelProcess& process, const sentinel::Notice& notice, Instant now);
  void crashed(size_t sentinel, Instant now);
  // A role change leaves for `node`; or (no target) the order to its primary to hand over to it.
  void ordered(const SentinelProcess& process, const std::string& primary, const DataNode& node,
               const Endpoint& target);
  // The order to be the primary arrives: only on the connection that it was sent on, so to the process and data meant.
  void promoted(size_t sentinel, const std::string& primary, const DataNode& node);

 private:
  using OfSentinel = std::pair<size_t, std::string>;  // sentinel, primary
  using OfEpoch = std::pair<std::string, uint64_t>;   // primary, epoch

  struct View {
    bool down = false;
    Instant down_last;  // seen down until then; while `down`, until now
    bool started_by_odown = false;
    bool o_down = false;
  };

  void elected(size_t sentinel, const sentinel::Notice& notice);
  void objectively_down(size_t sentinel, const sentinel::Notice& notice, Instant now);
  void called_empty(const sentinel::Notice& notice, Instant now);
  void selected(const SentinelProcess& process, const sentinel::Notice& notice, Instant now);

  const size_t sentinels_;
  const uint32_t quorum_;
  const FindNode find_node_;
  const Fail fail_;
  std::map<std::tuple<size_t, std::string, uint64_t>, RunId> votes_;  // sentinel, primary, epoch -> leader
  std::map<OfEpoch, size_t> leaders_;
  std::map<OfEpoch, Endpoint> configurations_;
  std::map<OfSentinel, std::pair<uint64_t, uint64_t>> saved_;  // config epoch, leader epoch
  std::map<OfSentinel, View> views_;
  std::map<OfSentinel, bool> knew_lineage_;  // when it ordered the last promotion
};

}  // namespace holdfast::simulation
