// What the core knows of one data node, and of one peer sentinel. Plain data.
#pragma once

#include <cstdint>
#include <optional>

#include "sentinel/core/election.h"
#include "sentinel/core/info_parser.h"
#include "sentinel/core/link.h"

namespace holdfast::sentinel {

// How far a replica's move to the new primary has come.
enum class Reconf : uint8_t { none, sent, inprog, done };

// A primary or a replica. A failover moves the object between the two places, so its links stay open.
struct Node {
  Endpoint address;
  std::optional<RunId> run_id;
  Link command;
  Link pubsub;

  bool s_down = false;
  Instant s_down_since;

  NodeInfo info;
  std::optional<Instant> info_at;  // the last INFO received
  bool info_current = false;       // received on the connection that is up now
  Instant info_sent;
  bool info_wanted = true;  // at once, not at the next period
  std::optional<Role> role_reported;
  Instant role_reported_since;
  Instant hello_sent;

  // The command link was up, was closed, and has been refused (ECONNREFUSED) since then.
  std::optional<Instant> refused_since;
  bool was_up = false;  // the command link has been, since the last other end of an attempt

  std::optional<Instant> rebooted_since;
  bool script_kill_sent = false;

  // Replica only.
  bool of_others = false;  // its address has gone to a node of another group (MonitoredPrimary::has_joined_others)
  std::optional<Instant> misplaced_since;  // has reported the wrong role or the wrong primary since then, on this link
  Reconf reconf = Reconf::none;
  Instant reconf_at;
  bool former_primary = false;  // of the failover that this sentinel led: demoted first

  bool has_requests(Request::Kind kind) const {
    for (const PendingRequest& request : command.pending) {
      if (request.kind == kind) return true;
    }
    return false;
  }
};

// Another sentinel: one command link, shared by all the primaries that both watch.
struct Peer {
  RunId id;
  Endpoint address;
  Link link;
  Millis ping_period{1000};  // the shortest that its primaries ask for
  Instant deadline;
};

// What a peer says and thinks about one primary.
struct PeerView {
  Peer* peer = nullptr;
  bool s_down = false;
  Instant s_down_since;
  bool reports_down = false;
  Instant reported_at;
  Vote vote;
  Epoch answered_epoch;  // the last election in which it answered our request
  Instant asked_at;
  bool ask_wanted = false;  // at once, not at the next period
  bool ask_back = false;    // it asked us, so its answer may have changed: soon
  // Its answer to our question for its configuration (impl_catch_up.cc).
  bool configuration_wanted = false;
  bool catching_up = false;     // since our start it has neither answered nor failed to
  Instant configuration_asked;  // when the question that it answered last was sent
  Epoch answered_config_epoch;
  Endpoint answered_primary;
  Epoch answered_vote;            // the newest epoch in which it voted for this primary
  bool answered_at_work = false;  // it leads a failover itself
  Instant last_hello;
  Epoch hello_config_epoch;
  Endpoint hello_primary;
  Instant hello_sent;
};

}  // namespace holdfast::sentinel
