// A node's /metrics: redis_* as redis_exporter names them, holdfast_* for what Redis has no word for. Pure.
#pragma once

#include "common/metrics/metric_set.h"
#include "node/metrics/node_facts.h"

namespace holdfast::node {

metrics::MetricSet node_metrics(const NodeFacts& facts);

}  // namespace holdfast::node
