#include "common/metrics/redis_metrics.h"

#include <array>
#include <cmath>

#include "common/base/text.h"

namespace holdfast::metrics {
namespace {

// One plain INFO field and the metric it becomes; `scale` converts the unit. Statuses ("ok", "err") become 1 and 0.
struct FieldRow {
  std::string_view field;
  std::string_view metric;
  bool is_counter = false;
  double scale = 1;
};

constexpr FieldRow kFields[] = {
    // Server, clients
    {"uptime_in_seconds", "redis_uptime_in_seconds"},
    {"process_id", "redis_process_id"},
    {"io_threads_active", "redis_io_threads_active"},
    {"connected_clients", "redis_connected_clients"},
    {"cluster_connections", "redis_cluster_connections"},
    {"maxclients", "redis_config_maxclients"},
    {"client_recent_max_input_buffer", "redis_client_recent_max_input_buffer_bytes"},
    {"client_recent_max_output_buffer", "redis_client_recent_max_output_buffer_bytes"},
    {"blocked_clients", "redis_blocked_clients"},
    {"tracking_clients", "redis_tracking_clients"},
    {"clients_in_timeout_table", "redis_clients_in_timeout_table"},
    {"cluster_enabled", "redis_cluster_enabled"},
    // Memory
    {"used_memory", "redis_memory_used_bytes"},
    {"used_memory_rss", "redis_memory_used_rss_bytes"},
    {"used_memory_peak", "redis_memory_used_peak_bytes"},
    {"used_memory_overhead", "redis_memory_used_overhead_bytes"},
    {"used_memory_startup", "redis_memory_used_startup_bytes"},
    {"used_memory_dataset", "redis_memory_used_dataset_bytes"},
    {"used_memory_lua", "redis_memory_used_lua_bytes"},
    {"used_memory_scripts", "redis_memory_used_scripts_bytes"},
    {"maxmemory", "redis_memory_max_bytes"},
    {"allocator_allocated", "redis_allocator_allocated_bytes"},
    {"allocator_active", "redis_allocator_active_bytes"},
    {"allocator_resident", "redis_allocator_resident_bytes"},
    {"allocator_frag_ratio", "redis_allocator_frag_ratio"},
    {"allocator_frag_bytes", "redis_allocator_frag_bytes"},
    {"allocator_rss_ratio", "redis_allocator_rss_ratio"},
    {"allocator_rss_bytes", "redis_allocator_rss_bytes"},
    {"mem_fragmentation_ratio", "redis_mem_fragmentation_ratio"},
    {"mem_fragmentation_bytes", "redis_mem_fragmentation_bytes"},
    {"mem_not_counted_for_evict", "redis_mem_not_counted_for_eviction_bytes"},
    {"mem_clients_slaves", "redis_mem_clients_slaves"},
    {"mem_clients_normal", "redis_mem_clients_normal"},
    {"active_defrag_running", "redis_active_defrag_running"},
    {"lazyfree_pending_objects", "redis_lazyfree_pending_objects"},
    {"number_of_cached_scripts", "redis_number_of_cached_scripts"},
    // Persistence
    {"loading", "redis_loading_dump_file"},
    {"rdb_changes_since_last_save", "redis_rdb_changes_since_last_save"},
    {"rdb_bgsave_in_progress", "redis_rdb_bgsave_in_progress"},
    {"rdb_last_save_time", "redis_rdb_last_save_timestamp_seconds"},
    {"rdb_last_bgsave_status", "redis_rdb_last_bgsave_status"},
    {"rdb_last_bgsave_time_sec", "redis_rdb_last_bgsave_duration_sec"},
    {"rdb_current_bgsave_time_sec", "redis_rdb_current_bgsave_duration_sec"},
    {"rdb_last_cow_size", "redis_rdb_last_cow_size_bytes"},
    {"aof_enabled", "redis_aof_enabled"},
    {"aof_rewrite_in_progress", "redis_aof_rewrite_in_progress"},
    {"aof_rewrite_scheduled", "redis_aof_rewrite_scheduled"},
    {"aof_last_rewrite_time_sec", "redis_aof_last_rewrite_duration_sec"},
    {"aof_current_rewrite_time_sec", "redis_aof_current_rewrite_duration_sec"},
    {"aof_last_bgrewrite_status", "redis_aof_last_bgrewrite_status"},
    {"aof_last_write_status", "redis_aof_last_write_status"},
    {"aof_last_cow_size", "redis_aof_last_cow_size_bytes"},
    {"aof_current_size", "redis_aof_current_size_bytes"},
    {"aof_base_size", "redis_aof_base_size_bytes"},
    {"aof_pending_rewrite", "redis_aof_pending_rewrite"},
    {"aof_buffer_length", "redis_aof_buffer_length"},
    {"aof_rewrite_buffer_length", "redis_aof_rewrite_buffer_length"},
    {"aof_pending_bio_fsync", "redis_aof_pending_bio_fsync"},
    {"aof_delayed_fsync", "redis_aof_delayed_fsync"},
    {"module_fork_in_progress", "redis_module_fork_in_progress"},
    {"module_fork_last_cow_size", "redis_module_fork_last_cow_size"},
    // Statistics
    {"total_connections_received", "redis_connections_received_total", true},
    {"total_commands_processed", "redis_commands_processed_total", true},
    {"rejected_connections", "redis_rejected_connections_total", true},
    {"total_net_input_bytes", "redis_net_input_bytes_total", true},
    {"total_net_output_bytes", "redis_net_output_bytes_total", true},
    {"sync_full", "redis_replica_resyncs_full"},
    {"sync_partial_ok", "redis_replica_partial_resync_accepted"},
    {"sync_partial_err", "redis_replica_partial_resync_denied"},
    {"expired_keys", "redis_expired_keys_total", true},
    {"expired_stale_perc", "redis_expired_stale_percentage"},
    {"expired_time_cap_reached_count", "redis_expired_time_cap_reached_total"},
    {"evicted_keys", "redis_evicted_keys_total", true},
    {"keyspace_hits", "redis_keyspace_hits_total", true},
    {"keyspace_misses", "redis_keyspace_misses_total", true},
    {"pubsub_channels", "redis_pubsub_channels"},
    {"pubsub_patterns", "redis_pubsub_patterns"},
    {"latest_fork_usec", "redis_latest_fork_seconds", false, 1e-6},
    {"migrate_cached_sockets", "redis_migrate_cached_sockets_total"},
    {"slave_expires_tracked_keys", "redis_slave_expires_tracked_keys"},
    {"active_defrag_hits", "redis_defrag_hits"},
    {"active_defrag_misses", "redis_defrag_misses"},
    {"active_defrag_key_hits", "redis_defrag_key_hits"},
    {"active_defrag_key_misses", "redis_defrag_key_misses"},
    {"tracking_total_keys", "redis_tracking_total_keys"},
    {"tracking_total_items", "redis_tracking_total_items"},
    {"tracking_total_prefixes", "redis_tracking_total_prefixes"},
    {"unexpected_error_replies", "redis_unexpected_error_replies", true},
    {"total_error_replies", "redis_total_error_replies", true},
    {"dump_payload_sanitizations", "redis_dump_payload_sanitizations", true},
    {"total_reads_processed", "redis_total_reads_processed", true},
    {"total_writes_processed", "redis_total_writes_processed", true},
    {"io_threaded_reads_processed", "redis_io_threaded_reads_processed", true},
    {"io_threaded_writes_processed", "redis_io_threaded_writes_processed", true},
    // Processor
    {"used_cpu_sys", "redis_cpu_sys_seconds_total", true},
    {"used_cpu_user", "redis_cpu_user_seconds_total", true},
    {"used_cpu_sys_children", "redis_cpu_sys_children_seconds_total", true},
    {"used_cpu_user_children", "redis_cpu_user_children_seconds_total", true},
    {"used_cpu_sys_main_thread", "redis_cpu_sys_main_thread_seconds_total", true},
    {"used_cpu_user_main_thread", "redis_cpu_user_main_thread_seconds_total", true},
    // Replication
    {"connected_slaves", "redis_connected_slaves"},
    {"repl_backlog_size", "redis_replication_backlog_bytes"},
    {"repl_backlog_active", "redis_repl_backlog_is_active"},
    {"repl_backlog_first_byte_offset", "redis_repl_backlog_first_byte_offset"},
    {"repl_backlog_histlen", "redis_repl_backlog_history_bytes"},
    {"repl_spill_bytes", "redis_repl_spill_bytes"},
    {"repl_spill_last_status", "redis_repl_spill_last_status"},
    {"master_repl_offset", "redis_master_repl_offset"},
    {"second_repl_offset", "redis_second_repl_offset"},
    {"slave_priority", "redis_slave_priority"},
};

std::optional<double> field_value(const InfoText& info, std::string_view field) {
  const auto text = info.find(field);
  if (!text) return std::nullopt;
  if (*text == "ok" || *text == "up") return 1;
  if (*text == "err" || *text == "fail" || *text == "down") return 0;
  const auto value = parse_double(*text);
  if (!value || !std::isfinite(*value)) return std::nullopt;
  return value;
}

}  // namespace

void add_redis_info_metrics(MetricSet& set, const InfoText& info) {
  set.gauge("redis_up", "Information about the Redis instance", 1);
  set.gauge("redis_instance_info", "Information about the Redis instance", 1,
            {{"maxmemory_policy", info.text("maxmemory_policy")},
             {"os", info.text("os")},
             {"process_id", info.text("process_id")},
             {"redis_build_id", info.text("redis_build_id")},
             {"redis_mode", info.text("redis_mode")},
             {"redis_version", info.text("redis_version")},
             {"role", info.text("role")},
             {"run_id", info.text("run_id")},
             {"tcp_port", info.text("tcp_port")}});
  for (const FieldRow& row : kFields) {
    const auto value = field_value(info, row.field);
    if (!value) continue;
    const std::string help = std::string(row.metric.substr(sizeof("redis_") - 1)) + " metric";
    if (row.is_counter) {
      set.counter(row.metric, help, *value * row.scale);
    } else {
      set.gauge(row.metric, help, *value * row.scale);
    }
  }
  if (const auto limit = field_value(info, "maxmemory")) {
    set.gauge("redis_config_maxmemory", "config_maxmemory metric", *limit);
  }
  const auto now_usec = info.number("server_time_usec"), uptime = info.number("uptime_in_seconds");
  if (now_usec && uptime) {
    set.gauge("redis_start_time_seconds", "Start time of the Redis instance since unix epoch in seconds.",
              std::floor(*now_usec / 1e6) - *uptime);
  }
}

void add_redis_keyspace_metrics(MetricSet& set, const InfoText& info, int databases) {
  for (int i = 0; i < databases; ++i) {
    const std::string db = "db" + std::to_string(i);
    const std::string value = info.text(db);
    set.gauge("redis_db_keys", "Total number of keys by DB", InfoText::part_number(value, "keys").value_or(0), {{"db", db}});
    set.gauge("redis_db_keys_expiring", "Total number of expiring keys by DB",
              InfoText::part_number(value, "expires").value_or(0), {{"db", db}});
    const double avg_ttl_ms = InfoText::part_number(value, "avg_ttl").value_or(0);
    if (avg_ttl_ms > 0) set.gauge("redis_db_avg_ttl_seconds", "Avg TTL in seconds", avg_ttl_ms / 1e3, {{"db", db}});
  }
}

void add_redis_command_metrics(MetricSet& set, const InfoText& info) {
  info.each_with_prefix("cmdstat_", [&](std::string_view command, std::string_view value) {
    const Labels labels = {{"cmd", std::string(command)}};
    const auto number = [&](std::string_view part) { return InfoText::part_number(value, part).value_or(0); };
    set.counter("redis_commands_total", "Total number of calls per command", number("calls"), labels);
    set.counter("redis_commands_duration_seconds_total", "Total amount of time in seconds spent per command",
                number("usec") / 1e6, labels);
    set.counter("redis_commands_rejected_calls_total", "Total number of errors prior to execution per command",
                number("rejected_calls"), labels);
    set.counter("redis_commands_failed_calls_total", "Total number of errors within execution per command",
                number("failed_calls"), labels);
  });
  info.each_with_prefix("errorstat_", [&](std::string_view error, std::string_view value) {
    set.counter("redis_errors_total", "Total number of errors per error type",
                InfoText::part_number(value, "count").value_or(0), {{"err", std::string(error)}});
  });
  info.each_with_prefix("latency_percentiles_usec_", [&](std::string_view command, std::string_view value) {
    std::vector<Quantile> quantiles;
    for (std::string_view item : split(value, ',')) {
      const size_t equals = item.find('=');
      if (!item.starts_with('p') || equals == std::string_view::npos) continue;
      const auto rank = parse_double(item.substr(1, equals - 1)), at = parse_double(item.substr(equals + 1));
      if (rank && at) quantiles.push_back({*rank, *at});
    }
    const std::string stats = info.text("cmdstat_" + std::string(command));
    set.summary("redis_latency_percentiles_usec", "A summary of latency percentile distribution per command",
                std::move(quantiles), static_cast<uint64_t>(InfoText::part_number(stats, "calls").value_or(0)),
                InfoText::part_number(stats, "usec").value_or(0), {{"cmd", std::string(command)}});
  });
}

void add_redis_replication_metrics(MetricSet& set, const InfoText& info) {
  info.each_with_prefix("slave", [&](std::string_view index, std::string_view value) {
    if (!parse_uint64(index)) return;  // slave_priority and its like, not slave0
    const auto text = [&](std::string_view part) { return std::string(InfoText::part(value, part).value_or("")); };
    const Labels labels = {{"slave_ip", text("ip")}, {"slave_port", text("port")}, {"slave_state", text("state")}};
    set.gauge("redis_connected_slave_offset_bytes", "Offset of connected slave",
              InfoText::part_number(value, "offset").value_or(0), labels);
    set.gauge("redis_connected_slave_lag_seconds", "Lag of connected slave",
              InfoText::part_number(value, "lag").value_or(0), labels);
  });
  if (info.text("role") != "slave") return;
  const Labels primary = {{"master_host", info.text("master_host")}, {"master_port", info.text("master_port")}};
  constexpr std::array<FieldRow, 4> kLink = {{{"master_link_status", "redis_master_link_up"},
                                              {"master_last_io_seconds_ago", "redis_master_last_io_seconds_ago"},
                                              {"master_sync_in_progress", "redis_master_sync_in_progress"},
                                              {"slave_repl_offset", "redis_slave_repl_offset"}}};
  for (const FieldRow& row : kLink) {
    const auto value = field_value(info, row.field);
    if (value) set.gauge(row.metric, std::string(row.metric.substr(6)) + " metric", *value, primary);
  }
  Labels labels = primary;
  labels.emplace_back("read_only", info.text("slave_read_only"));
  set.gauge("redis_slave_info", "Information about the Redis slave", 1, std::move(labels));
}

}  // namespace holdfast::metrics
