// What the core wants done after an event, in the order in which it must be done. The order is in the type:
//
//   1. persist_first: make this state durable (null: nothing changed). If that fails: drop `after_persist` and the vote
//      of a BallotAnswer, and call Sentinel::persist_failed. The rest is still to be done.
//   2. sends: connect, close, send. Not dependent on durable state.
//   3. after_persist: the same kinds, which speak of a vote or a configuration that must not be forgotten: only if 1 went
//      well (or was null).
//   4. notices and records: log, publish, count.
//
// Values; the driver may keep or move them. It holds no policy: it performs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sentinel/core/event.h"
#include "sentinel/core/failover_record.h"
#include "sentinel/core/types.h"

namespace holdfast::sentinel {

// A connection as the core names it: a fresh number for each attempt, never used again, so an event of an abandoned
// connection cannot be mistaken for one of its successor.
using LinkId = uint64_t;
// One request on a link; the replies come back under it.
using RequestId = uint64_t;

enum class LinkKind : uint8_t { command, pubsub };

// How a link ended, or an attempt to connect: refused means that the host lives and nobody listens there
// (ECONNREFUSED).
enum class LinkEnd : uint8_t { lost, refused };

// Start connecting. On success the driver writes, without waiting for their replies (and drops these): AUTH [user] pass if
// there is a password, CLIENT SETNAME client_name, and for a pubsub link SUBSCRIBE __sentinel__:hello. Then it reports
// link_up, at once. A failure (refused, no route, resolve error) is link_down. It never gives up by itself on time.
struct ConnectLink {
  LinkId link;
  LinkKind kind;
  Endpoint address;  // the host may be a name if resolve-hostnames is on
  std::string auth_user;
  std::string auth_pass;
  std::string client_name;  // sentinel-<first 8 of the id>-cmd or -pubsub
  std::shared_ptr<const Renames> renames;
};

// Close it, whatever its state; no event is reported for it any more. Unknown links are ignored.
struct CloseLink {
  LinkId link;
};

struct Request {
  enum class Kind : uint8_t {
    ping,
    info,
    publish_hello,    // PUBLISH __sentinel__:hello text
    ask_master_down,  // SENTINEL IS-MASTER-DOWN-BY-ADDR target epoch candidate-or-*
    // What a peer knows of the primary named `text`: SENTINEL MASTER, GET-MASTER-ADDR-BY-NAME, and its newest vote, by
    // an IS-MASTER-DOWN-BY-ADDR of the candidate in epoch 0, in which nobody votes.
    ask_configuration,
    script_kill,  // SCRIPT KILL: the node answers -BUSY
    change_role,  // MULTI, SLAVEOF target (or NO ONE), CONFIG REWRITE, CLIENT KILL normal, pubsub, EXEC; then ROLE
    role,         // ROLE
    hand_over,    // FAILOVER TO target TIMEOUT time_limit: the primary is to make this replica its successor
    keep_role,    // FAILOVER ABORT
  };
  Kind kind = Kind::ping;
  Endpoint target;  // change_role: an empty host means NO ONE
  Epoch epoch;
  std::optional<RunId> candidate;
  std::string text;
  Millis time_limit{0};  // hand_over: how long writes may be held up for the replica to catch up
  std::shared_ptr<const Renames> renames;
};

// The commands of a request, to be written together. The driver collects one reply for each and reports them together.
std::vector<std::vector<std::string>> commands_of(const Request& request);

struct SendRequest {
  LinkId link;
  RequestId id;
  Request request;
};

using Effect = std::variant<ConnectLink, CloseLink, SendRequest>;

struct Actions {
  std::shared_ptr<const PersistentState> persist_first;
  std::vector<Effect> sends;
  std::vector<Effect> after_persist;
  std::vector<Notice> notices;
  std::vector<FailoverRecord> records;  // failovers that are over
  std::vector<std::string> resolves;    // host names to look up, without waiting; Sentinel::resolved tells what came of it
};

}  // namespace holdfast::sentinel
