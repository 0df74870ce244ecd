// When one sentinel, by itself, takes an instance to be down (SDOWN). Pure.
//
// Silence counts from the last acceptable reply: +PONG, -LOADING or -MASTERDOWN (the process is alive and will serve
// again). A closed connection is not silence by itself, and a refused one does not restart the count.
#pragma once

#include <optional>

#include "sentinel/core/reply.h"
#include "sentinel/core/types.h"

namespace holdfast::sentinel {

bool acceptable_ping_reply(const Reply& reply);

struct DownEvidence {
  Instant last_ok;
  Millis down_after{0};
  // Only of an instance that should be the primary:
  std::optional<Instant> reports_replica_since;
  std::optional<Instant> rebooted_since;
  Millis reboot_down_after{0};
  // fast-down: since then it refuses connections, and its replicas have lost their links to it.
  std::optional<Instant> crashed_since;
  // It came back without its data, and a replica still holds it.
  std::optional<Instant> empty_since;
};

// How long a primary may call itself a replica, beyond down-after: a newer configuration, if there is one, reaches this
// sentinel by a hello well within it.
inline constexpr Millis kWrongRoleGrace{4000};

// The first moment at which this evidence means "down": in the past or now if it is down.
Instant down_from(const DownEvidence& evidence);

}  // namespace holdfast::sentinel
