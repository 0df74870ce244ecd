// The options that the commands obey, as plain values. The owner of the option registry fills this at start and after
// each CONFIG SET; nothing in this folder knows where it came from.
#pragma once

#include <cstdint>
#include <vector>

#include "common/time/clock.h"
#include "node/collections/limits.h"
#include "node/eviction/policy.h"

namespace holdfast::node {

struct NodeConfig {
  int64_t max_bulk_bytes = 512 * 1024 * 1024;  // proto-max-bulk-len

  bool rdb_compression = true;  // rdbcompression: of DUMP's payloads too

  bool lazyfree_expire = false;      // lazyfree-lazy-expire: expired keys are told as UNLINK instead of DEL
  bool lazyfree_server_del = false;  // lazyfree-lazy-server-del: overwritten values
  bool lazyfree_user_del = false;    // lazyfree-lazy-user-del
  bool lazyfree_user_flush = false;  // lazyfree-lazy-user-flush
  bool lazyfree_replica_flush = false;  // replica-lazy-flush: the old data set before a full sync's

  int expire_effort = 1;  // active-expire-effort, 1 to 10
  int hz = 10;

  // enable-debug-command. DEBUG SLEEP is allowed from loopback whatever this says.
  enum class Allow : uint8_t { no, local, yes };
  Allow debug = Allow::no;

  // Roles: see ReplicationConfig for the rest.
  bool serve_stale_data = true;  // replica-serve-stale-data
  bool load_aside = false;       // repl-diskless-load swapdb
  bool panic_on_replicated_errors = false, panic_on_logged_errors = false;  // propagation-error-behavior
  bool replica_read_only = true;

  uint32_t notify_events = 0;  // notify-keyspace-events: bits of NotifyEvents

  int64_t slowlog_slower_than_us = 10000;  // -1: off
  size_t slowlog_max_length = 128;
  int64_t latency_threshold_ms = 0;  // latency-monitor-threshold; 0: off
  bool latency_tracking = true;
  std::vector<double> latency_percentiles = {50, 99, 99.9};  // latency-tracking-info-percentiles

  uint64_t max_memory_bytes = 0;  // maxmemory; 0: no limit
  EvictionPolicy eviction_policy = EvictionPolicy::noeviction;
  int eviction_samples = 5;     // maxmemory-samples
  int eviction_tenacity = 10;   // maxmemory-eviction-tenacity
  AccessRules access;           // lfu-log-factor, lfu-decay-time; whether uses are counted follows from the policy
  bool replica_ignore_max_memory = true;
  bool lazyfree_eviction = false;  // lazyfree-lazy-eviction: evicted keys are told as UNLINK instead of DEL

  int configured_hz = 10;

  EncodingLimits encodings;
};

}  // namespace holdfast::node
