// A primary that was replaced and did not notice (it stood still, or was cut off) steps down by what sentinels publish
// on it, instead of taking writes until one of them tells it. Pure.
//
// Hellos that name this node as a primary tell the name of its group and its config epoch. One of the same group with a
// higher config epoch names a successor. Anybody may publish a hello, so it proves nothing and only has us look:
//   - only at a node that is, or lately was, one of our own replicas (sentinels promote no others): nobody can have us
//     connect, and give our password, to a place of his choice;
//   - it must say itself that it is a primary (ROLE), of a history that was ours up to an offset that we have reached
//     (master_replid2 and second_repl_offset of INFO): it was promoted while we were its primary.
// One look at a time, kPause after one that failed, kMostLooks for one announcement. Without knowledge nothing happens:
// the sentinels demote us as they would any other node.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/endpoint.h"
#include "common/base/result.h"
#include "common/hello/hello.h"
#include "common/resp/reply.h"
#include "common/time/clock.h"
#include "node/replication/replication_log.h"

namespace holdfast::node {

class StepDown {
 public:
  static constexpr Seconds kPause{1};
  static constexpr unsigned kMostLooks = 10;
  static constexpr size_t kMostGroups = 16;     // remembered, the newest ones
  static constexpr size_t kMostReplicas = 256;  // likewise

  // A hello was published on this node, which is a primary. `names_us`: its primary has our address. `replicas` are
  // those attached now. The successor to look at, if there is reason to: then failed() or, after confirm(), forget()
  // ends it.
  std::optional<Endpoint> heard(const Hello& hello, bool names_us, std::span<const Endpoint> replicas, Instant now);

  // The successor's answers to ROLE and INFO replication; `own` is the history that this node writes. An error says why
  // it is not followed.
  static Result<> confirm(std::span<const resp::Reply> answers, const HistoryPosition& own);

  void failed(Instant now);      // it could not be asked, or did not confirm
  void forget() { *this = {}; }  // this node is a replica now

 private:
  struct Group {
    std::string name;
    uint64_t epoch = 0;
  };
  struct Announcement {
    std::string group;
    uint64_t epoch = 0;
    Endpoint successor;
    bool operator==(const Announcement&) const = default;
  };
  Group* group_of(std::string_view name);
  void note_ours(const Hello& hello);
  void note_replicas(std::span<const Endpoint> replicas);

  std::deque<Group> groups_;       // that have this node as their primary, the newest last
  std::deque<Endpoint> replicas_;  // attached when a hello was heard, the newest last
  Announcement looked_at_;
  unsigned looks_ = 0;  // at that one
  bool looking_ = false;
  Instant not_before_{};
};

}  // namespace holdfast::node
