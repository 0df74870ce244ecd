// The redis_* metrics that redis_exporter makes from INFO, under the same names, types and labels, so that dashboards and
// alerts written for it work on ours. Pure; safe from any thread. A field that INFO lacks makes no sample.
#pragma once

#include "common/metrics/info_text.h"
#include "common/metrics/metric_set.h"

namespace holdfast::metrics {

// What both binaries have: redis_up, redis_instance_info and one metric for each plain INFO field.
void add_redis_info_metrics(MetricSet& set, const InfoText& info);

// The composite fields of a data node: keyspace (a series for each of `databases`, empty ones as 0), command, error and
// latency statistics, attached replicas, and the link to the primary on a replica.
void add_redis_keyspace_metrics(MetricSet& set, const InfoText& info, int databases);
void add_redis_command_metrics(MetricSet& set, const InfoText& info);
void add_redis_replication_metrics(MetricSet& set, const InfoText& info);

}  // namespace holdfast::metrics
