// INFO: sections and field names as in Redis 7.0, and holdfast_* fields of our own.

#include <algorithm>
#include <array>
#include <cmath>

#include "common/base/text.h"
#include "common/base/version.h"
#include "node/commands/handlers.h"
#include "node/commands/memory_report.h"
#include "node/commands/node.h"

namespace holdfast::node {
namespace {

// One INFO text being written.
class InfoWriter {
 public:
  void heading(std::string_view name) {
    if (!out_.empty()) out_ += "\r\n";
    fmt::format_to(std::back_inserter(out_), "# {}\r\n", name);
  }
  template <class T>
  void field(std::string_view name, const T& value) {
    fmt::format_to(std::back_inserter(out_), "{}:{}\r\n", name, value);
  }
  void decimal(std::string_view name, double value, int digits = 2) {
    fmt::format_to(std::back_inserter(out_), "{}:{:.{}f}\r\n", name, value, digits);
  }
  void percent(std::string_view name, double value) {
    fmt::format_to(std::back_inserter(out_), "{}:{:.2f}%\r\n", name, value);
  }
  void bytes(std::string_view name, uint64_t value) {
    field(name, value);
    human(name, value);
  }
  void human(std::string_view name, uint64_t value);
  void text(std::string_view lines) { out_ += lines; }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

void InfoWriter::human(std::string_view name, uint64_t value) {
  static constexpr std::string_view kUnits = "BKMGTPE";
  if (value < 1024) {
    fmt::format_to(std::back_inserter(out_), "{}_human:{}B\r\n", name, value);
    return;
  }
  double scaled = static_cast<double>(value);
  size_t unit = 0;
  while (scaled >= 1024 && unit + 1 < kUnits.size()) scaled /= 1024, ++unit;
  fmt::format_to(std::back_inserter(out_), "{}_human:{:.2f}{}\r\n", name, scaled, kUnits[unit]);
}

double ratio(uint64_t a, uint64_t b) { return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b); }

void server_section(InfoWriter& out, Node& node, const ProcessFacts& facts) {
  out.heading("Server");
  out.field("redis_version", kRedisVersion);
  out.field("redis_git_sha1", build_commit());
  out.field("redis_git_dirty", 0);
  out.field("redis_build_id", build_commit());
  out.field("redis_mode", "standalone");
  out.field("os", facts.system);
  out.field("arch_bits", sizeof(void*) * 8);
  out.field("monotonic_clock", "POSIX clock_gettime");
  out.field("multiplexing_api", "epoll");
  out.field("atomicvar_api", "c11-builtin");
  out.field("gcc_version", fmt::format("{}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__));
  out.field("process_id", facts.pid);
  out.field("process_supervised", facts.supervised);
  out.field("run_id", facts.run_id.view());
  out.field("tcp_port", facts.tcp_port);
  const int64_t micros = node.process().unix_micros();
  out.field("server_time_usec", micros);
  out.field("uptime_in_seconds", facts.uptime.count());
  out.field("uptime_in_days", facts.uptime.count() / 86400);
  out.field("hz", node.config().hz);
  out.field("configured_hz", node.config().configured_hz);
  out.field("lru_clock", (micros / 1'000'000) & ((1 << 24) - 1));
  out.field("executable", facts.executable);
  out.field("config_file", facts.config_file);
  out.field("io_threads_active", node.server().io_threads_active() ? 1 : 0);
  if (facts.shutdown_in) out.field("shutdown_in_milliseconds", facts.shutdown_in->count());
  out.field("holdfast_version", holdfast_version());
  out.field("holdfast_commit", build_commit());
}

void clients_section(InfoWriter& out, Node& node) {
  size_t clients = 0;
  size_t blocked = 0;
  size_t timed = 0;
  size_t most_input = 0;
  size_t most_output = 0;
  for (const auto& [id, connection] : node.server().connections()) {
    const server::Session* session = node.server().find(id);
    if (session == nullptr || session->type == server::ClientType::replica) continue;
    ++clients;
    if (session->blocked) ++blocked;
    const ClientState* client = Node::state_if_any(*session);
    if (client != nullptr && client->wait_token != 0 && client->wait_ends) ++timed;
    most_input = std::max(most_input, session->input_bytes());
    most_output = std::max(most_output, session->output_bytes());
  }
  out.heading("Clients");
  out.field("connected_clients", clients);
  out.field("cluster_connections", 0);
  out.field("maxclients", node.server().settings.max_clients);
  out.field("client_recent_max_input_buffer", most_input);
  out.field("client_recent_max_output_buffer", most_output);
  out.field("blocked_clients", blocked);
  out.field("tracking_clients", 0);
  out.field("clients_in_timeout_table", timed);
}

void allocator_fields(InfoWriter& out, const MemoryReport& report) {
  const auto difference = [](uint64_t a, uint64_t b) { return static_cast<int64_t>(a) - static_cast<int64_t>(b); };
  out.decimal("allocator_frag_ratio", ratio(report.active, report.allocated));
  out.field("allocator_frag_bytes", difference(report.active, report.allocated));
  out.decimal("allocator_rss_ratio", ratio(report.resident, report.active));
  out.field("allocator_rss_bytes", difference(report.resident, report.active));
  out.decimal("rss_overhead_ratio", ratio(report.rss, report.resident));
  out.field("rss_overhead_bytes", difference(report.rss, report.resident));
  out.decimal("mem_fragmentation_ratio", ratio(report.rss, report.used));
  out.field("mem_fragmentation_bytes", difference(report.rss, report.used));
}

void memory_section(InfoWriter& out, Node& node, const ProcessFacts& facts) {
  const MemoryReport report = memory_report(node, facts);
  const NodeConfig& config = node.config();
  out.heading("Memory");
  out.bytes("used_memory", report.used);
  out.bytes("used_memory_rss", report.rss);
  out.bytes("used_memory_peak", report.peak);
  out.percent("used_memory_peak_perc", report.peak_percent());
  out.field("used_memory_overhead", report.overhead);
  out.field("used_memory_startup", report.startup);
  out.field("used_memory_dataset", report.dataset);
  out.percent("used_memory_dataset_perc", report.dataset_percent());
  out.field("allocator_allocated", report.allocated);
  out.field("allocator_active", report.active);
  out.field("allocator_resident", report.resident);
  out.bytes("total_system_memory", facts.total_system_bytes);
  out.field("used_memory_lua", 0);
  out.field("used_memory_vm_eval", 0);
  out.human("used_memory_lua", 0);
  out.field("used_memory_scripts_eval", 0);
  out.field("number_of_cached_scripts", 0);
  out.field("number_of_functions", 0);
  out.field("number_of_libraries", 0);
  out.field("used_memory_vm_functions", 0);
  out.bytes("used_memory_vm_total", 0);
  out.field("used_memory_functions", 0);
  out.bytes("used_memory_scripts", 0);
  out.bytes("maxmemory", config.max_memory_bytes);
  out.field("maxmemory_policy", policy_name(config.eviction_policy));
  allocator_fields(out, report);
  out.field("mem_not_counted_for_evict", report.not_counted);
  out.field("mem_replication_backlog", report.backlog);
  out.field("mem_total_replication_buffers", report.replication_buffers);
  out.field("mem_clients_slaves", report.replica_clients);
  out.field("mem_clients_normal", report.normal_clients);
  out.field("mem_cluster_links", 0);
  out.field("mem_aof_buffer", report.log_buffer);
  out.field("mem_allocator", facts.allocator);
  out.field("active_defrag_running", node.compaction().running_percent);
  const Reclaimer* reclaimer = node.keys().reclaimer();
  out.field("lazyfree_pending_objects", reclaimer == nullptr ? 0 : reclaimer->pending_objects());
  out.field("lazyfreed_objects", reclaimer == nullptr ? 0 : reclaimer->freed_objects());
}

void persistence_section(InfoWriter& out, Node& node) {
  out.heading("Persistence");
  out.text(node.persistence().info());
}

void stats_section(InfoWriter& out, Node& node) {
  const server::ServerStats& net = node.server().stats;
  const NodeStats& stats = node.stats();
  const KeyspaceStats& keys = node.keys().stats();
  const ReplicationStats replication = node.replication().stats();
  out.heading("Stats");
  out.field("total_connections_received", net.connections_received);
  out.field("total_commands_processed", stats.commands_processed);
  out.field("instantaneous_ops_per_sec", std::llround(stats.commands.per_second()));
  out.field("total_net_input_bytes", net.input_bytes + replication.net_repl_input_bytes);
  out.field("total_net_output_bytes", net.output_bytes + replication.net_repl_output_bytes);
  out.field("total_net_repl_input_bytes", replication.net_repl_input_bytes);
  out.field("total_net_repl_output_bytes", replication.net_repl_output_bytes);
  out.decimal("instantaneous_input_kbps", (stats.input.per_second() + stats.replication_input.per_second()) / 1024);
  out.decimal("instantaneous_output_kbps", (stats.output.per_second() + stats.replication_output.per_second()) / 1024);
  out.decimal("instantaneous_input_repl_kbps", stats.replication_input.per_second() / 1024);
  out.decimal("instantaneous_output_repl_kbps", stats.replication_output.per_second() / 1024);
  out.field("rejected_connections", net.rejected_connections);
  out.field("sync_full", replication.sync_full);
  out.field("sync_partial_ok", replication.sync_partial_ok);
  out.field("sync_partial_err", replication.sync_partial_err);
  out.field("expired_keys", keys.expired_keys);
  out.decimal("expired_stale_perc", keys.expired_stale_percent);
  out.field("expired_time_cap_reached_count", keys.expired_time_cap_reached);
  out.field("expire_cycle_cpu_milliseconds", count_ms(stats.expire_cycle_time));
  out.field("evicted_keys", keys.evicted_keys);
  out.field("evicted_clients", net.evicted_clients);
  out.field("total_eviction_exceeded_time", count_ms(node.evictor().total_excess_time()));
  out.field("current_eviction_exceeded_time", count_ms(node.evictor().current_excess_time()));
  out.field("keyspace_hits", keys.hits);
  out.field("keyspace_misses", keys.misses);
  out.field("pubsub_channels", node.server().pubsub.channel_count());
  out.field("pubsub_patterns", node.server().pubsub.pattern_count());
  out.field("pubsubshard_channels", node.server().pubsub.shard_channel_count());
  out.field("latest_fork_usec", 0);  // nothing forks
  out.field("total_forks", 0);
  out.field("slave_expires_tracked_keys", node.local_expiries().size());
  out.field("migrate_cached_sockets", node.peers().cached_connections());
  const CompactionState& compaction = node.compaction();
  out.field("active_defrag_hits", compaction.count.moved_blocks);
  out.field("active_defrag_misses", compaction.count.kept_blocks);
  out.field("active_defrag_key_hits", compaction.count.moved_keys);
  out.field("active_defrag_key_misses", compaction.count.kept_keys);
  out.field("total_active_defrag_time", count_ms(compaction.total_time));
  out.field("current_active_defrag_time", count_ms(compaction.current_time));
  for (const std::string_view name : {"tracking_total_keys", "tracking_total_items", "tracking_total_prefixes"}) {
    out.field(name, 0);
  }
  out.field("unexpected_error_replies", stats.unexpected_error_replies);
  out.field("total_error_replies", stats.error_replies);
  out.field("dump_payload_sanitizations", 0);
  out.field("total_reads_processed", net.reads);
  out.field("total_writes_processed", net.writes);
  out.field("io_threaded_reads_processed", net.threaded_reads);
  out.field("io_threaded_writes_processed", net.threaded_writes);
  out.field("reply_buffer_shrinks", net.reply_buffer_shrinks);
  out.field("reply_buffer_expands", net.reply_buffer_expands);
  out.field("client_query_buffer_limit_disconnections", net.query_limit_disconnections);
  out.field("client_output_buffer_limit_disconnections", net.output_limit_disconnections);
}

void replication_section(InfoWriter& out, Node& node) {
  out.heading("Replication");
  out.text(node.replication().info());
}

void cpu_section(InfoWriter& out, const ProcessFacts& facts) {
  out.heading("CPU");
  out.decimal("used_cpu_sys", facts.cpu_system, 6);
  out.decimal("used_cpu_user", facts.cpu_user, 6);
  out.decimal("used_cpu_sys_children", facts.cpu_system_children, 6);
  out.decimal("used_cpu_user_children", facts.cpu_user_children, 6);
  out.decimal("used_cpu_sys_main_thread", facts.cpu_system_main_thread, 6);
  out.decimal("used_cpu_user_main_thread", facts.cpu_user_main_thread, 6);
}

// Each command and subcommand that `wanted` accepts.
template <class Visit>
void each_command(const Node& node, const Visit& visit) {
  for (const command::CommandInfo* info : node.table().commands()) {
    visit(*info);
    for (const command::CommandInfo* child : info->subcommands) visit(*child);
  }
}

void commandstats_section(InfoWriter& out, Node& node) {
  out.heading("Commandstats");
  each_command(node, [&](const command::CommandInfo& info) {
    const auto& stats = info.stats;
    if (stats.calls == 0 && stats.rejected == 0 && stats.failed == 0) return;
    out.field("cmdstat_" + info.name,
              fmt::format("calls={},usec={},usec_per_call={:.2f},rejected_calls={},failed_calls={}", stats.calls,
                          stats.microseconds, ratio(stats.microseconds, stats.calls), stats.rejected, stats.failed));
  });
}

void errorstats_section(InfoWriter& out, Node& node) {
  out.heading("Errorstats");
  for (const auto& [code, count] : node.stats().errors) {
    out.field("errorstat_" + code, fmt::format("count={}", count));
  }
}

void latencystats_section(InfoWriter& out, Node& node) {
  out.heading("Latencystats");
  each_command(node, [&](const command::CommandInfo& info) {
    const CommandHistogram* histogram = node.latency().command(info.id);
    if (histogram == nullptr) return;
    std::string line;
    for (const double percentile : node.config().latency_percentiles) {
      line += fmt::format("{}p{}={:.3f}", line.empty() ? "" : ",", percentile, histogram->percentile_us(percentile));
    }
    out.field("latency_percentiles_usec_" + info.name, line);
  });
}

void keyspace_section(InfoWriter& out, Node& node) {
  out.heading("Keyspace");
  const Keyspace& keys = node.keys();
  for (int db = 0; db < keys.database_count(); ++db) {
    if (keys.key_count(db) == 0) continue;
    out.field(fmt::format("db{}", db), fmt::format("keys={},expires={},avg_ttl={}", keys.key_count(db),
                                                   keys.expire_count(db), keys.average_ttl_ms(db)));
  }
}

constexpr std::array<std::string_view, 11> kDefaultSections = {"server",     "clients",     "memory",  "persistence",
                                                               "stats",      "replication", "cpu",     "modules",
                                                               "errorstats", "cluster",     "keyspace"};
constexpr std::array<std::string_view, 2> kFurtherSections = {"commandstats", "latencystats"};

class Wanted {
 public:
  explicit Wanted(std::span<const std::string_view> names) {
    if (names.empty()) add(kDefaultSections);
    for (const std::string_view name : names) {
      const bool all = iequals(name, "all") || iequals(name, "everything");
      if (all || iequals(name, "default")) add(kDefaultSections);
      if (all) add(kFurtherSections);
      names_.push_back(to_lower(name));
    }
  }
  bool has(std::string_view name) const { return std::ranges::find(names_, name) != names_.end(); }

 private:
  void add(std::span<const std::string_view> names) { names_.insert(names_.end(), names.begin(), names.end()); }
  std::vector<std::string> names_;
};

}  // namespace

std::string Node::info(std::span<const std::string_view> sections) {
  const Wanted wanted(sections);
  const ProcessFacts facts = process().facts();
  InfoWriter out;
  if (wanted.has("server")) server_section(out, *this, facts);
  if (wanted.has("clients")) clients_section(out, *this);
  if (wanted.has("memory")) memory_section(out, *this, facts);
  if (wanted.has("persistence")) persistence_section(out, *this);
  if (wanted.has("stats")) stats_section(out, *this);
  if (wanted.has("replication")) replication_section(out, *this);
  if (wanted.has("cpu")) cpu_section(out, facts);
  if (wanted.has("modules")) out.heading("Modules");
  if (wanted.has("commandstats")) commandstats_section(out, *this);
  if (wanted.has("errorstats")) errorstats_section(out, *this);
  if (wanted.has("latencystats")) latencystats_section(out, *this);
  if (wanted.has("cluster")) {
    out.heading("Cluster");
    out.field("cluster_enabled", 0);
  }
  if (wanted.has("keyspace")) keyspace_section(out, *this);
  return out.take();
}

namespace handlers {

void info(Call& call) { call.reply.verbatim(call.node.info(call.args.subspan(1))); }

}  // namespace handlers
}  // namespace holdfast::node
