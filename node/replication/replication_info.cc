#include "node/replication/replication_info.h"

#include <fmt/format.h>

#include <iterator>

namespace holdfast::node {

namespace {

void add_replica(std::string& out, const ReplicationLog& log, const ReplicationConfig& config, const ReplicaFacts& facts) {
  auto line = std::back_inserter(out);
  fmt::format_to(line, "master_host:{}\r\nmaster_port:{}\r\n", facts.primary.host, facts.primary.port);
  fmt::format_to(line, "master_link_status:{}\r\n", facts.link_up ? "up" : "down");
  fmt::format_to(line, "master_last_io_seconds_ago:{}\r\n", facts.last_io_s);
  fmt::format_to(line, "master_sync_in_progress:{}\r\n", facts.sync_in_progress ? 1 : 0);
  fmt::format_to(line, "slave_read_repl_offset:{}\r\nslave_repl_offset:{}\r\n", facts.read_offset, log.offset());
  if (facts.sync_in_progress) {
    const double share = facts.sync_total_bytes
                             ? 100.0 * static_cast<double>(facts.sync_read_bytes) / static_cast<double>(facts.sync_total_bytes)
                             : 0.0;
    const int64_t left = static_cast<int64_t>(facts.sync_total_bytes) - static_cast<int64_t>(facts.sync_read_bytes);
    fmt::format_to(line, "master_sync_total_bytes:{}\r\nmaster_sync_read_bytes:{}\r\nmaster_sync_left_bytes:{}\r\n",
                   facts.sync_total_bytes, facts.sync_read_bytes, left);
    fmt::format_to(line, "master_sync_perc:{:.2f}\r\nmaster_sync_last_io_seconds_ago:{}\r\n", share, facts.sync_last_io_s);
  }
  if (!facts.link_up) fmt::format_to(line, "master_link_down_since_seconds:{}\r\n", facts.down_since_s.value_or(-1));
  fmt::format_to(line, "slave_priority:{}\r\nslave_read_only:{}\r\nreplica_announced:{}\r\n", config.priority,
                 config.read_only ? 1 : 0, config.announced ? 1 : 0);
}

}  // namespace

std::string replication_info(const ReplicationLog& log, const ReplicationConfig& config,
                             const std::optional<ReplicaFacts>& replica, const std::vector<ReplicaRow>& rows,
                             size_t good_replicas, FailoverState failover) {
  std::string out;
  auto line = std::back_inserter(out);
  fmt::format_to(line, "role:{}\r\n", replica ? "slave" : "master");
  if (replica) add_replica(out, log, config, *replica);
  fmt::format_to(line, "connected_slaves:{}\r\n", rows.size());
  if (config.min_replicas_to_write > 0 && config.min_replicas_max_lag.count() > 0) {
    fmt::format_to(line, "min_slaves_good_slaves:{}\r\n", good_replicas);
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    fmt::format_to(line, "slave{}:ip={},port={},state={},offset={},lag={}\r\n", i, rows[i].ip, rows[i].port, rows[i].state,
                   rows[i].offset, rows[i].lag_s);
  }
  fmt::format_to(line, "master_failover_state:{}\r\nmaster_replid:{}\r\nmaster_replid2:{}\r\n", failover_state_name(failover),
                 log.id().view(), log.id2().view());
  fmt::format_to(line, "master_repl_offset:{}\r\nsecond_repl_offset:{}\r\n", log.offset(), log.second_offset());
  fmt::format_to(line, "repl_backlog_active:{}\r\nrepl_backlog_size:{}\r\n", log.active() ? 1 : 0,
                 config.backlog_size_bytes);
  fmt::format_to(line, "repl_backlog_first_byte_offset:{}\r\nrepl_backlog_histlen:{}\r\n",
                 log.active() ? log.stream().begin() + 1 : 0, log.active() ? log.stream().size() : 0);
  fmt::format_to(line, "repl_spill_bytes:{}\r\nrepl_spill_last_status:{}\r\n",
                 log.active() ? log.stream().spilled_bytes() : 0, log.stream().spill_failed() ? "err" : "ok");
  return out;
}

}  // namespace holdfast::node
