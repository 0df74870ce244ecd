#include "node/io/settings.h"

namespace holdfast::node {

namespace {

EvictionPolicy eviction_policy(MaxmemoryPolicy policy) {
  switch (policy) {
    case MaxmemoryPolicy::volatile_lru: return EvictionPolicy::volatile_lru;
    case MaxmemoryPolicy::volatile_lfu: return EvictionPolicy::volatile_lfu;
    case MaxmemoryPolicy::volatile_random: return EvictionPolicy::volatile_random;
    case MaxmemoryPolicy::volatile_ttl: return EvictionPolicy::volatile_ttl;
    case MaxmemoryPolicy::allkeys_lru: return EvictionPolicy::allkeys_lru;
    case MaxmemoryPolicy::allkeys_lfu: return EvictionPolicy::allkeys_lfu;
    case MaxmemoryPolicy::allkeys_random: return EvictionPolicy::allkeys_random;
    case MaxmemoryPolicy::noeviction: break;
  }
  return EvictionPolicy::noeviction;
}

NodeConfig::Allow allow(config::Allow option) {
  switch (option) {
    case config::Allow::yes: return NodeConfig::Allow::yes;
    case config::Allow::local: return NodeConfig::Allow::local;
    case config::Allow::no: break;
  }
  return NodeConfig::Allow::no;
}

server::OutputLimit output_limit(const config::OutputBufferLimit& option) {
  return {option.hard_bytes, option.soft_bytes, option.soft_period};
}

EncodingLimits encoding_limits(const NodeOptions& options) {
  EncodingLimits limits;
  limits.hash_entries = options.hash_max_listpack_entries;
  limits.hash_value_bytes = options.hash_max_listpack_value;
  limits.list_node = options.list_max_listpack_size;
  limits.set_intset_entries = options.set_max_intset_entries;
  limits.zset_entries = options.zset_max_listpack_entries;
  limits.zset_value_bytes = options.zset_max_listpack_value;
  limits.hll_sparse_bytes = options.hll_sparse_max_bytes;
  limits.stream_node_bytes = options.stream_node_max_bytes;
  limits.stream_node_entries = static_cast<uint64_t>(options.stream_node_max_entries);
  return limits;
}

}  // namespace

CompactionConfig compaction_config(const NodeOptions& options) {
  return {.enabled = options.activedefrag,
          .ignore_bytes = options.active_defrag_ignore_bytes,
          .lower_percent = options.active_defrag_threshold_lower,
          .upper_percent = options.active_defrag_threshold_upper,
          .least_effort = options.active_defrag_cycle_min,
          .most_effort = options.active_defrag_cycle_max};
}

NodeConfig node_config(const NodeOptions& options) {
  NodeConfig config;
  config.max_bulk_bytes = static_cast<int64_t>(options.proto_max_bulk_len);
  config.rdb_compression = options.rdbcompression;
  config.lazyfree_expire = options.lazyfree_lazy_expire;
  config.lazyfree_server_del = options.lazyfree_lazy_server_del;
  config.lazyfree_user_del = options.lazyfree_lazy_user_del;
  config.lazyfree_user_flush = options.lazyfree_lazy_user_flush;
  config.lazyfree_replica_flush = options.replica_lazy_flush;
  config.expire_effort = options.active_expire_effort;
  config.hz = config.configured_hz = options.hz;
  config.debug = allow(options.enable_debug_command);
  config.serve_stale_data = options.replica_serve_stale_data;
  config.load_aside = options.repl_diskless_load == DisklessLoad::swapdb;
  config.panic_on_replicated_errors = options.propagation_error_behavior != PropagationErrors::ignore;
  config.panic_on_logged_errors = options.propagation_error_behavior == PropagationErrors::panic;
  config.replica_read_only = options.replica_read_only;
  config.notify_events = options.notify_keyspace_events;
  config.slowlog_slower_than_us = options.slowlog_log_slower_than.count();
  config.slowlog_max_length = static_cast<size_t>(options.slowlog_max_len);
  config.latency_threshold_ms = options.latency_monitor_threshold.count();
  config.latency_tracking = options.latency_tracking;
  config.latency_percentiles = options.latency_tracking_info_percentiles;
  config.max_memory_bytes = options.maxmemory;
  config.eviction_policy = eviction_policy(options.maxmemory_policy);
  config.eviction_samples = options.maxmemory_samples;
  config.eviction_tenacity = options.maxmemory_eviction_tenacity;
  config.access = {by_frequency(config.eviction_policy), options.lfu_log_factor, options.lfu_decay_time};
  config.replica_ignore_max_memory = options.replica_ignore_maxmemory;
  config.lazyfree_eviction = options.lazyfree_lazy_eviction;
  config.encodings = encoding_limits(options);
  return config;
}

ReplicationConfig replication_config(const NodeOptions& options) {
  ReplicationConfig config;
  const bool persistent = options.appendonly || !options.save.empty();
  if (options.repl_diskless_load == DisklessLoad::disabled && (persistent || !options.rdb_del_sync_files)) {
    config.kept_payload = options.dbfilename;
  }
  config.primary_user = options.masteruser;
  config.primary_password = options.masterauth;
  config.serve_stale_data = options.replica_serve_stale_data;
  config.read_only = options.replica_read_only;
  config.announced = options.replica_announced;
  config.guard_empty_primary = options.replica_guard_empty_primary;
  config.priority = options.replica_priority;
  config.announce_ip = options.replica_announce_ip;
  config.announce_port = options.replica_announce_port;
  config.port = options.port;
  config.bind_source = options.bind_source_addr;
  config.backlog_size_bytes = options.repl_backlog_size;
  config.spill_limit_bytes = options.repl_spill_limit;
  config.backlog_ttl = options.repl_backlog_ttl;
  config.ping_period = options.repl_ping_replica_period;
  config.diskless_sync = options.repl_diskless_sync;
  config.diskless_delay = options.repl_diskless_sync_delay;
  config.diskless_max_replicas = options.repl_diskless_sync_max_replicas;
  config.min_replicas_to_write = options.min_replicas_to_write;
  config.min_replicas_max_lag = options.min_replicas_max_lag;
  config.timeout = options.repl_timeout;
  config.disable_tcp_nodelay = options.repl_disable_tcp_nodelay;
  config.step_down_on_hello = options.step_down_on_hello;
  const auto& limit = options.output_buffer_limit(config::ClientClass::replica);
  config.output_hard_limit_bytes = limit.hard_bytes;
  config.output_soft_limit_bytes = limit.soft_bytes;
  config.output_soft_limit_period = limit.soft_period;
  return config;
}

void apply_server_settings(const NodeOptions& options, server::ServerSettings& settings) {
  settings.max_clients = options.maxclients;
  settings.idle_timeout = options.timeout;
  settings.tcp_keepalive_seconds = static_cast<int>(options.tcp_keepalive.count());
  settings.protected_mode = options.protected_mode;
  settings.max_bulk_bytes = static_cast<int64_t>(options.proto_max_bulk_len);
  settings.max_query_bytes = options.client_query_buffer_limit;
  settings.normal = output_limit(options.output_buffer_limit(config::ClientClass::normal));
  settings.replica = output_limit(options.output_buffer_limit(config::ClientClass::replica));
  settings.pubsub = output_limit(options.output_buffer_limit(config::ClientClass::pubsub));
}

uint64_t client_memory_limit(const NodeOptions& options) {
  const config::MemoryOrPercent& limit = options.maxmemory_clients;
  if (!limit.percent) return limit.value;
  return static_cast<uint64_t>(static_cast<double>(options.maxmemory) * static_cast<double>(limit.value) / 100);
}

FsyncPolicy fsync_policy(AppendFsync option) {
  switch (option) {
    case AppendFsync::always: return FsyncPolicy::always;
    case AppendFsync::no: return FsyncPolicy::no;
    case AppendFsync::everysec: break;
  }
  return FsyncPolicy::everysec;
}

}  // namespace holdfast::node
