// A node's health endpoints: 200 or 503 with a JSON body that says why. Pure functions of facts and request.
//
//   /primary         it is the primary and takes requests
//   /replica         it is a replica in step with its primary; ?lag=10mb: and at most that far behind (units as in redis.conf)
//   /read-only       it serves reads: a primary, or a replica in step
//   /health          it serves clients, whatever its role, and takes writes if it is the primary
//   /livez           it need not be restarted: also while loading
//   /readyz          traffic may be sent to it
//   /startupz        the load at start-up is over
//
// Facts older than kSilent mean that the main loop is busy: then it serves nobody, and only /livez and /startupz hold on.
#pragma once

#include <chrono>
#include <memory>

#include "common/http/snapshot.h"
#include "node/metrics/node_facts.h"

namespace holdfast::node {

inline constexpr std::chrono::seconds kSilent{5};
inline constexpr std::chrono::seconds kHung{120};  // /livez fails past this when not loading

enum class HealthCheck : uint8_t { primary, replica, read_only, health, live, ready, startup };

http::Response node_health(HealthCheck check, const NodeHealth& facts, const http::Request& request);

// All paths of a node: the checks above and /metrics, which is rendered when asked for.
std::shared_ptr<const http::Snapshot> node_snapshot(std::shared_ptr<const NodeFacts> facts);

}  // namespace holdfast::node
