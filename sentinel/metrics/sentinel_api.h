// A sentinel's JSON API, read-only. Pure functions of facts and request.
//
//   /api/v1/topology         this sentinel, and each primary with its replicas and other sentinels as seen from here
//   /api/v1/masters/{name}   one primary; who would be promoted now, and why each other replica not; the failover under
//   way /api/v1/history          the last failovers, newest first; ?master=name those of one /api/v1/events the last
//   events as server-sent events. The answer ends; the client comes back by itself and
//                            says what it has seen (Last-Event-ID), as EventSource does
#pragma once

#include <memory>

#include "common/http/snapshot.h"
#include "sentinel/metrics/sentinel_facts.h"

namespace holdfast::sentinel {

void add_api(http::Snapshot& snapshot, const std::shared_ptr<const SentinelFacts>& facts);

}  // namespace holdfast::sentinel
