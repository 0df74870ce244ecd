// A sentinel's /metrics: redis_sentinel_* as redis_exporter names them, holdfast_* for the rest. Pure.
//
// A dead node's own series are absent, so holdfast_instance_up is there for each process a sentinel watches.
#pragma once

#include "common/metrics/metric_set.h"
#include "sentinel/metrics/sentinel_facts.h"

namespace holdfast::sentinel {

metrics::MetricSet sentinel_metrics(const SentinelFacts& facts);

}  // namespace holdfast::sentinel
