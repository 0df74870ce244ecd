#include "node/options/node_options.h"

#include <limits>

#include "node/options/node_codecs.h"

namespace holdfast::node {

using config::kHidden;
using config::kImmutable;
using config::kMultiArgument;
using config::kMutable;
using config::kNoEffect;
using config::kNotWhileLoading;
using config::kOwn;
using config::kProtected;
using config::kSensitive;
using config::Registry;

namespace {

constexpr int64_t kIntMax = std::numeric_limits<int32_t>::max();
constexpr int64_t kIntMin = std::numeric_limits<int32_t>::min();
constexpr int64_t kLongMax = std::numeric_limits<int64_t>::max();
constexpr uint64_t kMemoryMax = std::numeric_limits<int64_t>::max();
constexpr uint64_t kUnsignedMax = std::numeric_limits<uint64_t>::max();

void add_snapshot_rows(Registry& r, NodeOptions& o) {
  r.integer("databases", o.databases, 1, kIntMax, kImmutable, "Number of databases.");
  r.custom<std::vector<SavePoint>>("save", o.save, save_codec(), kMultiArgument,
                                   "Save after so many seconds with so many changes; lines add up; \"\" is never.");
  r.boolean("stop-writes-on-bgsave-error", o.stop_writes_on_bgsave_error, kMutable,
            "Refuse writes after a failed save.");
  r.boolean("rdbcompression", o.rdbcompression, kMutable, "Compress strings in snapshots.");
  r.boolean("rdbchecksum", o.rdbchecksum, kImmutable, "End snapshots with a checksum.");
  r.boolean("rdb-del-sync-files", o.rdb_del_sync_files, kMutable, "Without persistence, remove the file of a full synchronisation once it is loaded (no: it becomes dbfilename).");
  r.boolean("rdb-save-incremental-fsync", o.rdb_save_incremental_fsync, kMutable,
            "Sync a snapshot piece by piece while writing it.");
  r.text("dbfilename", o.dbfilename, kProtected, "File name of the snapshot.",
         config::plain_name("dbfilename", "filename"));
  r.enumeration<SanitizePayload>(
      "sanitize-dump-payload", o.sanitize_dump_payload,
      {{"no", SanitizePayload::no}, {"yes", SanitizePayload::yes}, {"clients", SanitizePayload::clients}}, kMutable,
      "Check packed values deeply when they are loaded or restored.");
  r.integer("key-load-delay", o.key_load_delay, kIntMin, kIntMax, kHidden, "Microseconds to wait for each key loaded.");
  r.memory("loading-process-events-interval-bytes", o.loading_process_events_interval_bytes, 1024, kIntMax, kHidden,
           "Bytes loaded between two looks at the clients.");
  r.integer("rdb-key-save-delay", o.rdb_key_save_delay, kIntMin, kIntMax, kHidden,
            "Microseconds to wait for each key saved.");
}

void add_append_only_rows(Registry& r, NodeOptions& o) {
  r.boolean("appendonly", o.appendonly, kNotWhileLoading, "Log every write to the append-only file.");
  r.text("appendfilename", o.appendfilename, kImmutable, "Base name of the append-only files.",
         config::plain_name("appendfilename", "filename"));
  r.text("appenddirname", o.appenddirname, kImmutable, "Folder of the append-only files, inside dir.",
         config::plain_name("appenddirname", "dirname"));
  r.enumeration<AppendFsync>(
      "appendfsync", o.appendfsync,
      {{"everysec", AppendFsync::everysec}, {"always", AppendFsync::always}, {"no", AppendFsync::no}}, kMutable,
      "When the append-only file is synced to disk.");
  r.boolean("no-appendfsync-on-rewrite", o.no_appendfsync_on_rewrite, kMutable,
            "Do not sync while a snapshot or a rewrite is being written.");
  r.integer("auto-aof-rewrite-percentage", o.auto_aof_rewrite_percentage, 0, kIntMax, kMutable,
            "Rewrite when the file has grown by this much; 0 never.");
  r.memory("auto-aof-rewrite-min-size", o.auto_aof_rewrite_min_size, 0, kMemoryMax, kMutable,
           "Do not rewrite files smaller than this.");
  r.boolean("aof-load-truncated", o.aof_load_truncated, kMutable, "Load a file whose last record is torn.");
  r.boolean("aof-use-rdb-preamble", o.aof_use_rdb_preamble, kMutable, "Write the base file as a snapshot.");
  r.boolean("aof-timestamp-enabled", o.aof_timestamp_enabled, kMutable, "Record times in the file.");
  r.boolean("aof-rewrite-incremental-fsync", o.aof_rewrite_incremental_fsync, kMutable,
            "Sync a rewrite piece by piece while writing it.");
  r.boolean("aof-disable-auto-gc", o.aof_disable_auto_gc, kMutable, "Keep files that a rewrite made obsolete.");
  r.integer("shutdown-timeout", o.shutdown_timeout, 0, kIntMax, kMutable,
            "Seconds to wait for lagging replicas at shutdown.");
}

void add_replication_link_rows(Registry& r, NodeOptions& o) {
  r.custom<std::optional<Endpoint>>("replicaof", o.replicaof, replicaof_codec(), kImmutable | kMultiArgument,
                                    "Host and port of the primary to copy; \"no one\" for a primary.")
      .alias("slaveof");
  r.text("masterauth", o.masterauth, kSensitive, "Password to give to the primary.");
  r.text("masteruser", o.masteruser, kMutable, "User to log in as at the primary.");
  r.boolean("repl-diskless-sync", o.repl_diskless_sync, kMutable, "Send a full copy without a file on disk.");
  r.integer("repl-diskless-sync-delay", o.repl_diskless_sync_delay, 0, kIntMax, kMutable,
            "Seconds to wait for more replicas before a diskless full copy.");
  r.integer("repl-diskless-sync-max-replicas", o.repl_diskless_sync_max_replicas, 0, kIntMax, kMutable,
            "Start the copy at once when so many replicas wait; 0 is off.");
  r.enumeration<DisklessLoad>("repl-diskless-load", o.repl_diskless_load,
                              {{"disabled", DisklessLoad::disabled},
                               {"on-empty-db", DisklessLoad::on_empty_db},
                               {"swapdb", DisklessLoad::swapdb}},
                              kNotWhileLoading, "Load a full copy without a file on disk.");
  r.boolean("repl-disable-tcp-nodelay", o.repl_disable_tcp_nodelay, kMutable, "Send fewer, larger packets.");
  r.integer("repl-ping-replica-period", o.repl_ping_replica_period, 1, kIntMax, kMutable,
            "Seconds between pings to replicas.")
      .alias("repl-ping-slave-period");
  r.integer("repl-timeout", o.repl_timeout, 1, kIntMax, kMutable, "Seconds of silence that end a replication link.");
  r.memory("repl-backlog-size", o.repl_backlog_size, 1, kMemoryMax, kMutable,
           "History kept for replicas that come back.");
  r.memory("repl-spill-limit", o.repl_spill_limit, 0, kMemoryMax, kMutable | kOwn,
           "Disk for what slow replicas have not taken yet; 0 keeps it in memory, as Redis.");
  r.integer("repl-backlog-ttl", o.repl_backlog_ttl, 0, kLongMax, kMutable,
            "Seconds without replicas after which the history is freed; 0 never.");
}

void add_replica_rows(Registry& r, NodeOptions& o) {
  r.boolean("replica-serve-stale-data", o.replica_serve_stale_data, kMutable,
            "A replica without its primary still answers.")
      .alias("slave-serve-stale-data");
  r.boolean("replica-read-only", o.replica_read_only, kMutable, "Replicas refuse writes.").alias("slave-read-only");
  r.boolean("replica-announced", o.replica_announced, kMutable, "Sentinels report this replica.");
  r.boolean("replica-guard-empty-primary", o.replica_guard_empty_primary, kMutable | config::kOwn,
            "A replica keeps its data from a primary that came back without any.");
  r.boolean("step-down-on-hello", o.step_down_on_hello, kMutable | config::kOwn,
            "A primary follows the successor that sentinels announce, once that confirms it.");
  r.integer("replica-priority", o.replica_priority, 0, kIntMax, kMutable,
            "Lower is promoted sooner; 0 is never promoted.")
      .alias("slave-priority");
  r.text("replica-announce-ip", o.replica_announce_ip, kMutable, "Address to announce to the primary.")
      .alias("slave-announce-ip");
  r.integer("replica-announce-port", o.replica_announce_port, 0, 65535, kMutable, "Port to announce to the primary.")
      .alias("slave-announce-port");
  r.integer("min-replicas-to-write", o.min_replicas_to_write, 0, kIntMax, kMutable,
            "Refuse writes with fewer good replicas than this.")
      .alias("min-slaves-to-write");
  r.integer("min-replicas-max-lag", o.min_replicas_max_lag, 0, kIntMax, kMutable,
            "Seconds since its last word within which a replica is good.")
      .alias("min-slaves-max-lag");
  r.boolean("replica-ignore-maxmemory", o.replica_ignore_maxmemory, kMutable, "Replicas leave eviction to the primary.")
      .alias("slave-ignore-maxmemory");
  r.boolean("replica-lazy-flush", o.replica_lazy_flush, kMutable, "Free the old data set in the background.")
      .alias("slave-lazy-flush");
  r.boolean("replica-ignore-disk-write-errors", o.replica_ignore_disk_write_errors, kMutable,
            "A replica that cannot save still follows.");
  r.enumeration<PropagationErrors>("propagation-error-behavior", o.propagation_error_behavior,
                                   {{"ignore", PropagationErrors::ignore},
                                    {"panic", PropagationErrors::panic},
                                    {"panic-on-replicas", PropagationErrors::panic_on_replicas}},
                                   kMutable, "What to do when a replicated command fails.");
}

void add_memory_rows(Registry& r, NodeOptions& o) {
  r.memory("maxmemory", o.maxmemory, 0, kUnsignedMax, kMutable, "Memory for the data set at most; 0 is no limit.");
  r.enumeration<MaxmemoryPolicy>("maxmemory-policy", o.maxmemory_policy,
                                 {{"volatile-lru", MaxmemoryPolicy::volatile_lru},
                                  {"volatile-lfu", MaxmemoryPolicy::volatile_lfu},
                                  {"volatile-random", MaxmemoryPolicy::volatile_random},
                                  {"volatile-ttl", MaxmemoryPolicy::volatile_ttl},
                                  {"allkeys-lru", MaxmemoryPolicy::allkeys_lru},
                                  {"allkeys-lfu", MaxmemoryPolicy::allkeys_lfu},
                                  {"allkeys-random", MaxmemoryPolicy::allkeys_random},
                                  {"noeviction", MaxmemoryPolicy::noeviction}},
                                 kMutable, "Which keys go when memory is full.");
  r.integer("maxmemory-samples", o.maxmemory_samples, 1, kIntMax, kMutable, "Keys looked at for each eviction.");
  r.integer("maxmemory-eviction-tenacity", o.maxmemory_eviction_tenacity, 0, 100, kMutable,
            "How long eviction may hold up clients.");
  r.integer("active-expire-effort", o.active_expire_effort, 1, 10, kMutable, "Effort spent on finding expired keys.");
  r.integer("lfu-log-factor", o.lfu_log_factor, 0, kIntMax, kMutable, "How slowly the frequency counter grows.");
  r.integer("lfu-decay-time", o.lfu_decay_time, 0, kIntMax, kMutable, "Minutes after which the counter decays.");
  r.boolean("lazyfree-lazy-eviction", o.lazyfree_lazy_eviction, kMutable, "Free evicted values in the background.");
  r.boolean("lazyfree-lazy-expire", o.lazyfree_lazy_expire, kMutable, "Free expired values in the background.");
  r.boolean("lazyfree-lazy-server-del", o.lazyfree_lazy_server_del, kMutable,
            "Free overwritten values in the background.");
  r.boolean("lazyfree-lazy-user-del", o.lazyfree_lazy_user_del, kMutable, "DEL behaves as UNLINK.");
  r.boolean("lazyfree-lazy-user-flush", o.lazyfree_lazy_user_flush, kMutable, "FLUSHALL behaves as FLUSHALL ASYNC.");
  r.custom<uint32_t>("notify-keyspace-events", o.notify_keyspace_events, notify_codec(), kMutable,
                     "Classes of keyspace events to publish.");
  r.integer("tracking-table-max-keys", o.tracking_table_max_keys, 0, kLongMax, kMutable,
            "Keys remembered for client-side caching; 0 is no limit.");
  r.integer("busy-reply-threshold", o.busy_reply_threshold, 0, kLongMax, kMutable,
            "Milliseconds after which a running script makes us answer BUSY.")
      .alias("lua-time-limit");
  r.boolean("activerehashing", o.activerehashing, kMutable, "Spend idle time on growing tables.");
  r.boolean("activedefrag", o.activedefrag, kMutable, "Move keys out of sparsely used memory, which then is freed.");
  r.memory("active-defrag-ignore-bytes", o.active_defrag_ignore_bytes, 1, kMemoryMax, kMutable,
           "Waste below which nothing is defragmented.");
  r.integer("active-defrag-threshold-lower", o.active_defrag_threshold_lower, 0, 1000, kMutable,
            "Percentage of waste at which defragmentation starts.");
  r.integer("active-defrag-threshold-upper", o.active_defrag_threshold_upper, 0, 1000, kMutable,
            "Percentage of waste at which it works hardest.");
  r.integer("active-defrag-cycle-min", o.active_defrag_cycle_min, 1, 99, kMutable,
            "Least effort of defragmentation in percent of a CPU.");
  r.integer("active-defrag-cycle-max", o.active_defrag_cycle_max, 1, 99, kMutable,
            "Most effort of defragmentation in percent of a CPU.");
  r.integer("active-defrag-max-scan-fields", o.active_defrag_max_scan_fields, 1, kLongMax, kMutable | kNoEffect,
            "Members of one value defragmented at a time.");
}

void add_encoding_rows(Registry& r, NodeOptions& o) {
  r.integer("hash-max-listpack-entries", o.hash_max_listpack_entries, 0, kLongMax, kMutable,
            "Fields of a hash that is stored packed, at most.")
      .alias("hash-max-ziplist-entries");
  r.memory("hash-max-listpack-value", o.hash_max_listpack_value, 0, kMemoryMax, kMutable,
           "Length of a field or value in a packed hash, at most.")
      .alias("hash-max-ziplist-value");
  r.integer("list-max-listpack-size", o.list_max_listpack_size, kIntMin, kIntMax, kMutable,
            "Elements in one piece of a list, or -1 to -5 for 4, 8, 16, 32 or 64 kb.")
      .alias("list-max-ziplist-size");
  r.integer("list-compress-depth", o.list_compress_depth, 0, kIntMax, kMutable,
            "Pieces at both ends of a list that are not compressed; 0 compresses none.");
  r.integer("set-max-intset-entries", o.set_max_intset_entries, 0, kLongMax, kMutable,
            "Members of a set of integers that is stored packed, at most.");
  r.integer("zset-max-listpack-entries", o.zset_max_listpack_entries, 0, kLongMax, kMutable,
            "Members of a sorted set that is stored packed, at most.")
      .alias("zset-max-ziplist-entries");
  r.memory("zset-max-listpack-value", o.zset_max_listpack_value, 0, kMemoryMax, kMutable,
           "Length of a member of a packed sorted set, at most.")
      .alias("zset-max-ziplist-value");
  r.memory("hll-sparse-max-bytes", o.hll_sparse_max_bytes, 0, kMemoryMax, kMutable,
           "Size of a HyperLogLog in sparse form, at most.");
  r.memory("stream-node-max-bytes", o.stream_node_max_bytes, 0, kMemoryMax, kMutable,
           "Size of one piece of a stream, at most; 0 is no limit.");
  r.integer("stream-node-max-entries", o.stream_node_max_entries, 0, kLongMax, kMutable,
            "Entries in one piece of a stream, at most; 0 is no limit.");
}

void add_cluster_rows(Registry& r, NodeOptions& o) {
  r.boolean("cluster-enabled", o.cluster_enabled, kImmutable, "Run as a node of a cluster.");
  r.text("cluster-config-file", o.cluster_config_file, kImmutable, "File for the cluster's state.");
  r.integer("cluster-node-timeout", o.cluster_node_timeout, 0, kLongMax, kMutable,
            "Milliseconds of silence after which a node is failing.");
  r.integer("cluster-port", o.cluster_port, 0, 65535, kImmutable, "Port of the bus; 0 is port + 10000.");
  r.integer("cluster-replica-validity-factor", o.cluster_replica_validity_factor, 0, kIntMax, kMutable,
            "How old a replica's data may be for it to stand for election.")
      .alias("cluster-slave-validity-factor");
  r.integer("cluster-migration-barrier", o.cluster_migration_barrier, 0, kIntMax, kMutable,
            "Replicas a primary must keep before one moves to another.");
  r.boolean("cluster-allow-replica-migration", o.cluster_allow_replica_migration, kMutable,
            "Replicas move to primaries that have none.");
  r.boolean("cluster-require-full-coverage", o.cluster_require_full_coverage, kMutable,
            "Refuse queries while a slot has no owner.");
  r.boolean("cluster-replica-no-failover", o.cluster_replica_no_failover, kMutable,
            "This replica does not stand for election.")
      .alias("cluster-slave-no-failover");
  r.boolean("cluster-allow-reads-when-down", o.cluster_allow_reads_when_down, kMutable,
            "Answer reads while the cluster is down.");
  r.boolean("cluster-allow-pubsubshard-when-down", o.cluster_allow_pubsubshard_when_down, kMutable,
            "Carry sharded pub/sub while the cluster is down.");
  r.memory("cluster-link-sendbuf-limit", o.cluster_link_sendbuf_limit, 0, kMemoryMax, kMutable,
           "Output waiting on a bus link, at most; 0 is no limit.");
  r.text("cluster-announce-ip", o.cluster_announce_ip, kMutable, "Address to announce.");
  r.text("cluster-announce-hostname", o.cluster_announce_hostname, kMutable, "Host name to announce.", check_hostname);
  r.integer("cluster-announce-port", o.cluster_announce_port, 0, 65535, kMutable, "Port to announce.");
  r.integer("cluster-announce-tls-port", o.cluster_announce_tls_port, 0, 65535, kMutable, "TLS port to announce.");
  r.integer("cluster-announce-bus-port", o.cluster_announce_bus_port, 0, 65535, kMutable, "Bus port to announce.");
  r.enumeration<EndpointType>(
      "cluster-preferred-endpoint-type", o.cluster_preferred_endpoint_type,
      {{"ip", EndpointType::ip}, {"hostname", EndpointType::hostname}, {"unknown-endpoint", EndpointType::unknown}},
      kMutable, "What clients are told to connect to.");
}

}  // namespace

void add_node_rows(Registry& registry, NodeOptions& options) {
  config::add_server_rows(registry, options);
  add_snapshot_rows(registry, options);
  add_append_only_rows(registry, options);
  add_replication_link_rows(registry, options);
  add_replica_rows(registry, options);
  add_memory_rows(registry, options);
  add_encoding_rows(registry, options);
  add_cluster_rows(registry, options);
  // Old names that Redis 7.0 still accepts without effect.
  registry.accept("list-max-ziplist-entries", kNoEffect, "Replaced by list-max-listpack-size.");
  registry.accept("list-max-ziplist-value", kNoEffect, "Replaced by list-max-listpack-size.");
  registry.refuse("sentinel", "sentinel directive while not in sentinel mode");
  registry.check_rows();
}

}  // namespace holdfast::node
