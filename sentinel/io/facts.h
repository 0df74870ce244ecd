// The facts that metrics and health checks are made from, out of the core's views. Executor thread only.
#pragma once

#include "sentinel/core/sentinel.h"
#include "sentinel/metrics/sentinel_facts.h"

namespace holdfast::sentinel {

// Everything that the core knows; the process's own counters are the caller's.
SentinelFacts collect_facts(const Sentinel& core, Instant now);

}  // namespace holdfast::sentinel
