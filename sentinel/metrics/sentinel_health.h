// A sentinel's health endpoints: 200, 503 or 404 with a JSON body. Pure functions of facts and request.
//
//   /livez             it need not be restarted
//   /readyz            it answers clients and watches something
//   /quorum/{master}   enough sentinels can be reached to fail this primary over (CKQUORUM)
//   /primary/{master}  the primary's address; 503 while it is objectively down or being failed over
#pragma once

#include <chrono>
#include <memory>

#include "common/http/snapshot.h"
#include "sentinel/metrics/sentinel_facts.h"

namespace holdfast::sentinel {

inline constexpr std::chrono::seconds kSilent{5};  // older facts: the main loop answers nobody
inline constexpr std::chrono::seconds kHung{60};   // /livez fails past this

http::Response live_response(const SentinelFacts& facts, const http::Request& request);
http::Response ready_response(const SentinelFacts& facts, const http::Request& request);
http::Response quorum_response(const SentinelFacts& facts, const http::Request& request);
http::Response primary_response(const SentinelFacts& facts, const http::Request& request);

// All paths of a sentinel: the checks above, the JSON API (sentinel_api.h) and /metrics, which is rendered when asked for.
std::shared_ptr<const http::Snapshot> sentinel_snapshot(std::shared_ptr<const SentinelFacts> facts);

}  // namespace holdfast::sentinel
