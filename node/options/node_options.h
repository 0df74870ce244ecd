// Every option of the data node: what redis.conf of Redis 7.0 knows, and our own.
//
// A plain struct, owned and read by the node's main thread; its initialisers are the defaults. Durations carry their
// unit, sizes are in bytes, an empty string is an option that is not set. add_node_rows() binds a registry to it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/endpoint.h"
#include "common/config/server_options.h"
#include "node/options/notify_events.h"

namespace holdfast::node {

struct SavePoint {
  std::chrono::seconds after{0};
  int64_t changes = 0;
  bool operator==(const SavePoint&) const = default;
};

enum class AppendFsync : uint8_t { no, always, everysec };
enum class DisklessLoad : uint8_t { disabled, on_empty_db, swapdb };
enum class SanitizePayload : uint8_t { no, yes, clients };
enum class PropagationErrors : uint8_t { ignore, panic, panic_on_replicas };
enum class EndpointType : uint8_t { ip, hostname, unknown };
enum class MaxmemoryPolicy : uint8_t {
  volatile_lru,
  volatile_lfu,
  volatile_random,
  volatile_ttl,
  allkeys_lru,
  allkeys_lfu,
  allkeys_random,
  noeviction,
};

struct NodeOptions : config::ServerOptions {
  int databases = 16;

  // Snapshots.
  std::vector<SavePoint> save = {
      {std::chrono::seconds(3600), 1}, {std::chrono::seconds(300), 100}, {std::chrono::seconds(60), 10000}};
  bool stop_writes_on_bgsave_error = true, rdbcompression = true, rdbchecksum = true;
  bool rdb_del_sync_files = false, rdb_save_incremental_fsync = true;
  std::string dbfilename = "dump.rdb";
  SanitizePayload sanitize_dump_payload = SanitizePayload::no;
  std::chrono::microseconds key_load_delay{0}, rdb_key_save_delay{0};  // for tests; negative: once in so many keys
  uint64_t loading_process_events_interval_bytes = 2ULL << 20;

  // Append-only file.
  bool appendonly = false;
  std::string appendfilename = "appendonly.aof", appenddirname = "appendonlydir";
  AppendFsync appendfsync = AppendFsync::everysec;
  bool no_appendfsync_on_rewrite = false;
  int auto_aof_rewrite_percentage = 100;
  uint64_t auto_aof_rewrite_min_size = 64ULL << 20;
  bool aof_load_truncated = true, aof_use_rdb_preamble = true, aof_timestamp_enabled = false;
  bool aof_rewrite_incremental_fsync = true, aof_disable_auto_gc = false;
  std::chrono::seconds shutdown_timeout{10};

  // Replication.
  std::optional<Endpoint> replicaof;  // none: a primary
  std::string masterauth, masteruser;
  bool replica_serve_stale_data = true, replica_read_only = true, replica_announced = true,
       replica_guard_empty_primary = false;
  bool step_down_on_hello = true;
  bool repl_diskless_sync = true, repl_disable_tcp_nodelay = false;
  std::chrono::seconds repl_diskless_sync_delay{5};
  int repl_diskless_sync_max_replicas = 0;
  DisklessLoad repl_diskless_load = DisklessLoad::disabled;
  std::chrono::seconds repl_ping_replica_period{10}, repl_timeout{60}, repl_backlog_ttl{3600};
  uint64_t repl_backlog_size = 1ULL << 20;
  uint64_t repl_spill_limit = 16ULL << 30;
  int replica_priority = 100;
  std::string replica_announce_ip;
  uint16_t replica_announce_port = 0;
  int min_replicas_to_write = 0;
  std::chrono::seconds min_replicas_max_lag{10};
  bool replica_ignore_maxmemory = true, replica_lazy_flush = false, replica_ignore_disk_write_errors = false;
  PropagationErrors propagation_error_behavior = PropagationErrors::ignore;

  // Memory and the keyspace.
  uint64_t maxmemory = 0;
  MaxmemoryPolicy maxmemory_policy = MaxmemoryPolicy::noeviction;
  int maxmemory_samples = 5, maxmemory_eviction_tenacity = 10;
  int active_expire_effort = 1;
  int lfu_log_factor = 10, lfu_decay_time = 1;
  bool lazyfree_lazy_eviction = false, lazyfree_lazy_expire = false, lazyfree_lazy_server_del = false;
  bool lazyfree_lazy_user_del = false, lazyfree_lazy_user_flush = false;
  uint32_t notify_keyspace_events = 0;  // bits of NotifyEvents
  uint64_t tracking_table_max_keys = 1000000;
  std::chrono::milliseconds busy_reply_threshold{5000};
  bool activerehashing = true;
  bool activedefrag = true;
  uint64_t active_defrag_ignore_bytes = 100ULL << 20;
  int active_defrag_threshold_lower = 10, active_defrag_threshold_upper = 100;
  int active_defrag_cycle_min = 1, active_defrag_cycle_max = 25;
  uint64_t active_defrag_max_scan_fields = 1000;

  // Packed encodings.
  uint64_t hash_max_listpack_entries = 512, hash_max_listpack_value = 64;
  int list_max_listpack_size = -2, list_compress_depth = 0;
  uint64_t set_max_intset_entries = 512;
  uint64_t zset_max_listpack_entries = 128, zset_max_listpack_value = 64;
  uint64_t hll_sparse_max_bytes = 3000;
  uint64_t stream_node_max_bytes = 4096;
  int64_t stream_node_max_entries = 100;

  // Cluster.
  bool cluster_enabled = false;
  std::string cluster_config_file = "nodes.conf";
  std::chrono::milliseconds cluster_node_timeout{15000};
  uint16_t cluster_port = 0;
  int cluster_replica_validity_factor = 10, cluster_migration_barrier = 1;
  bool cluster_allow_replica_migration = true, cluster_require_full_coverage = true;
  bool cluster_replica_no_failover = false, cluster_allow_reads_when_down = false;
  bool cluster_allow_pubsubshard_when_down = true;
  uint64_t cluster_link_sendbuf_limit = 0;
  std::string cluster_announce_ip, cluster_announce_hostname;
  uint16_t cluster_announce_port = 0, cluster_announce_tls_port = 0, cluster_announce_bus_port = 0;
  EndpointType cluster_preferred_endpoint_type = EndpointType::ip;
};

// Adds all rows of the node, the common ones among them. `options` must hold the defaults and outlive the registry.
void add_node_rows(config::Registry& registry, NodeOptions& options);

}  // namespace holdfast::node
