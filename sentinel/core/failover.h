// The progress of one failover. Plain data; the moves are in impl_failover.cc.
//
//   none -> wait_start (asking for votes) -> select_slave -> send_slaveof_noone -> wait_promotion
//        -> reconf_slaves (the new primary is in force and announced; the other replicas are moved behind it) -> none
//
// An operator's failover of a living primary passes send_failover in place of send_slaveof_noone: the primary hands over.
//
// From reconf_slaves on the failover is over for clients: the primary has the new address, and a new failure of it starts
// the next failover at once. update_config, the reference's last state, is passed in the moment of promotion.
#pragma once

#include <cstdint>
#include <string_view>

#include <optional>
#include <string>

#include "sentinel/core/instance.h"

namespace holdfast::sentinel {

enum class FailoverState : uint8_t {
  none,
  wait_start,
  select_slave,
  send_failover,
  send_slaveof_noone,
  wait_promotion,
  reconf_slaves,
  update_config,
};

std::string_view name_of(FailoverState state);

// The old primary hands over by its own FAILOVER command: part of wait_promotion. The moves are in impl_handover.cc.
struct Handover {
  enum class Phase : uint8_t {
    none,     // an ordinary promotion
    running,  // ordered: whether the target is the primary is asked every few milliseconds
    ending,   // given up: FAILOVER ABORT, and a last look at the target
  };
  Phase phase = Phase::none;
  RequestId order = 0;      // FAILOVER, or FAILOVER ABORT, without an answer yet
  RequestId last_look = 0;  // ROLE asked of the target as it was given up, without an answer yet
  Instant deadline;
  Instant looked_at;
  std::optional<Instant> primary_lost, target_lost;  // their command links are down since then
  bool refused = false;                              // given up because the primary answered an error
  bool without_target = false;                       // or because the target is gone
  std::string failure;                               // why it was given up
};

struct Failover {
  FailoverState state = FailoverState::none;
  Epoch epoch;          // its own: votes are asked and counted in it, the new configuration carries it
  bool forced = false;  // by an operator: the primary need not be down, the votes are needed all the same
  FailoverOrder order_given;  // if forced
  bool adopting = false;      // a hand-over was completed that nobody leads: its outcome becomes the configuration
  Handover handover;
  Instant started;
  Instant state_since;
  Instant fresh_after;        // an INFO after this has the replicas' final offsets
  std::optional<Instant> replicas_asked;  // in select_slave: the questions for these have left by then
  Node* promoted = nullptr;   // from send_slaveof_noone to wait_promotion; owned by the primary's replicas
  RequestId order = 0;        // the outstanding promotion order; 0: none
  Instant order_at;

  bool before_promotion() const {
    return state != FailoverState::none && state != FailoverState::reconf_slaves;
  }
  bool leading() const { return state >= FailoverState::select_slave; }
};

}  // namespace holdfast::sentinel
