// FAILOVER: a primary hands its role to one of its replicas, without losing a write. Pure.
//
//   waiting_for_sync  writes are paused; until the target (or, without one, any replica) has everything
//   in_progress       this node follows the target and asks it, by PSYNC ... FAILOVER, to become the primary
//
// Whether a replica has everything is seen by its acknowledgement of a request for one (GETACK). Two are sent: a replica
// answers with the offset before the request, so the answer to the second says that it has the first, and the second is
// right behind it. So the target ends at the offset at which this node stands, and both histories go on from there.
//
// A target that was asked may have become the primary although its answer was lost: it is asked again, and if it is a
// primary then, it is followed as one. As long as it was not asked nothing was handed over, and a target that cannot be
// reached for repl-timeout is given up.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/result.h"
#include "common/time/clock.h"
#include "node/replication/replication.h"

namespace holdfast::node {

enum class FailoverState : uint8_t { none, waiting_for_sync, in_progress };
std::string_view failover_state_name(FailoverState state);  // as in INFO

struct FailoverRequest {
  bool abort = false;
  std::optional<Endpoint> target;
  bool force = false;  // after the timeout, whether the target has everything or not
  std::optional<Millis> timeout;
};

// The arguments behind the command's name.
Result<FailoverRequest> parse_failover(std::span<const std::string_view> arguments);

class Failover {
 public:
  struct Step {
    enum class Act : uint8_t {
      none,
      ask,        // feed two GETACK, then asked()
      hand_over,  // follow `target`
      give_up,    // be the primary that this node was, or still is (`demoted`)
    };
    Act act = Act::none;
    Endpoint target;
    bool demoted = false;
    std::string reason;
  };

  FailoverState state() const { return state_; }
  Result<> start(const FailoverRequest& request, bool is_replica, const std::vector<ReplicaRow>& replicas, Instant now);
  // After acknowledgements, and at deadline().
  Step poll(Instant now, Millis patience, int64_t offset, const std::vector<ReplicaRow>& replicas);
  // The end of the first request for acknowledgement, and of the second.
  void asked(int64_t first, int64_t second);
  Instant deadline() const { return deadline_; }  // Instant::max(): time changes nothing

  // in_progress: what the link's handshake is to ask, and what came of it.
  bool wants_takeover() const { return state_ == FailoverState::in_progress && !followed_; }
  void takeover_asked() {
    ++requests_;
    deadline_ = Instant::max();
  }
  Step refused(std::string_view answer);

  // FAILOVER ABORT; an error when there is nothing to abort.
  Result<Step> abort();
  void end();  // back to none, whatever happened

 private:
  Step give_up(std::string reason);

  FailoverState state_ = FailoverState::none;
  FailoverRequest request_;
  Endpoint target_;
  std::optional<int64_t> wanted_;  // acknowledged: the replica has everything
  int64_t asked_end_ = 0;
  Instant deadline_ = Instant::max();
  unsigned requests_ = 0;  // PSYNC ... FAILOVER sent
  bool followed_ = false;  // the target is a primary already: it is only followed
};

}  // namespace holdfast::node
