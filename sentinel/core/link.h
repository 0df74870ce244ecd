// One connection to an instance, as the core follows it: state, outstanding requests, and when the peer last answered.
// Plain data with its small rules; the core owns one for each (instance, kind). `last_ok` outlives reconnects.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "sentinel/core/actions.h"
#include "sentinel/core/types.h"

namespace holdfast::sentinel {

struct PendingRequest {
  RequestId id = 0;
  Request::Kind kind = Request::Kind::ping;
  uint32_t primary = 0;  // whose business it is, on a link shared by several primaries
  Epoch epoch;           // of a vote request: the election; 0 where only the state was asked
  Instant sent;
};

struct Link {
  enum class State : uint8_t { down, connecting, up };

  LinkKind kind = LinkKind::command;
  State state = State::down;
  LinkId id = 0;
  Instant connect_started;
  Instant retry_at;  // not tried again before
  std::string local_ip;
  std::vector<PendingRequest> pending;

  std::optional<Instant> ping_pending_since;  // the oldest PING without an answer
  Instant last_ping_sent;  // a PING, or another request whose answer shows as well that the node lives
  Instant last_ok;         // last acceptable reply to one of these (see failure_detector.h)
  Instant last_reply;      // last reply to one of these; to a PING, of any kind
  Instant last_activity;  // of a pubsub link: the last message seen
  std::optional<Nanos> round_trip;

  bool up() const { return state == State::up; }

  void reset(Instant now) {  // a new instance: it has down-after from now to answer
    last_ok = last_reply = last_activity = now;
    last_ping_sent = Instant{};
    ping_pending_since = std::nullopt;
  }

  // Takes the request out of the list, and earlier ones of its kind about the same primary: their replies will not come
  // any more. (On one TCP connection none could be missing; the simulator is not so kind.) Those about others may: what
  // waits for a save leaves after what does not, so a vote's answer comes behind that of a later question.
  std::optional<PendingRequest> take(RequestId request) {
    const auto found = std::find_if(pending.begin(), pending.end(), [&](const auto& p) { return p.id == request; });
    if (found == pending.end()) return std::nullopt;
    const PendingRequest taken = *found;
    std::erase_if(pending, [&](const auto& p) {
      return p.id == request || (p.kind == taken.kind && p.primary == taken.primary && p.id < request);
    });
    return taken;
  }

  // This process was stalled for `by`: the peer's answers waited here, so its silence is not counted.
  void excuse(Nanos by, Instant now) {
    const auto later = [&](Instant t) { return std::min(t + by, now); };
    last_ok = later(last_ok);
    last_activity = later(last_activity);
    connect_started = later(connect_started);
    if (ping_pending_since) ping_pending_since = later(*ping_pending_since);
  }
};

}  // namespace holdfast::sentinel
