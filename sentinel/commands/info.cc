#include "sentinel/commands/info.h"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/base/version.h"
#include "common/server/connection.h"

namespace holdfast::sentinel {

namespace {

// What a section is made from.
struct Source {
  const server::Server& server;
  const DispatchStats& stats;
  Host& host;
};

class Text {
 public:
  explicit Text(std::string& out) : out_(out) {}
  template <class T>
  void field(std::string_view name, const T& value) {
    out_ += fmt::format("{}:{}\r\n", name, value);
  }

 private:
  std::string& out_;
};

std::string operating_system() {
  utsname name{};
  if (::uname(&name) != 0) return "unknown";
  return fmt::format("{} {} {}", name.sysname, name.release, name.machine);
}

void server_section(const Source& source, Text text) {
  const ProcessFacts& facts = source.host.facts();
  const int64_t wall_ms = to_unix_ms(source.server.clock().wall_now());
  const auto uptime = std::chrono::duration_cast<Seconds>(source.server.now() - facts.started).count();
  text.field("redis_version", kRedisVersion);
  text.field("redis_git_sha1", build_commit());
  text.field("redis_git_dirty", 0);
  text.field("redis_build_id", build_commit());
  text.field("redis_mode", "sentinel");
  text.field("os", operating_system());
  text.field("arch_bits", sizeof(void*) * 8);
  text.field("monotonic_clock", "POSIX clock_gettime");
  text.field("multiplexing_api", "epoll");
  text.field("atomicvar_api", "c11-builtin");
  text.field("gcc_version", fmt::format("{}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__));
  text.field("process_id", ::getpid());
  text.field("process_supervised", "no");
  text.field("run_id", facts.run_id.view());
  text.field("tcp_port", facts.port);
  text.field("server_time_usec", wall_ms * 1000);
  text.field("uptime_in_seconds", uptime);
  text.field("uptime_in_days", uptime / 86400);
  text.field("hz", 10);
  text.field("configured_hz", 10);
  text.field("lru_clock", wall_ms / 1000 & 0xFFFFFF);
  text.field("executable", facts.executable);
  text.field("config_file", facts.config_file);
  text.field("io_threads_active", 0);
  text.field("holdfast_version", holdfast_version());
}

void clients_section(const Source& source, Text text) {
  size_t largest_input = 0, largest_output = 0, blocked = 0;
  for (const auto& [id, connection] : source.server.connections()) {
    largest_input = std::max(largest_input, connection->input_bytes() + connection->input_free_bytes());
    largest_output = std::max(largest_output, connection->output_bytes());
    blocked += connection->blocked ? 1 : 0;
  }
  text.field("connected_clients", source.server.connections().size());
  text.field("cluster_connections", 0);
  text.field("maxclients", source.server.settings.max_clients);
  text.field("client_recent_max_input_buffer", largest_input);
  text.field("client_recent_max_output_buffer", largest_output);
  text.field("blocked_clients", blocked);
  text.field("tracking_clients", 0);
  text.field("clients_in_timeout_table", 0);
}

void stats_section(const Source& source, Text text) {
  const server::ServerStats& server = source.server.stats;
  const auto zeros = [&](std::initializer_list<std::string_view> names) {
    for (const auto& name : names) text.field(name, 0);
  };
  text.field("total_connections_received", server.connections_received);
  text.field("total_commands_processed", source.stats.commands);
  text.field("instantaneous_ops_per_sec", static_cast<uint64_t>(source.stats.commands_per_second + 0.5));
  text.field("total_net_input_bytes", server.input_bytes);
  text.field("total_net_output_bytes", server.output_bytes);
  zeros({"total_net_repl_input_bytes", "total_net_repl_output_bytes"});
  text.field("instantaneous_input_kbps", fmt::format("{:.2f}", source.stats.input_kbps));
  text.field("instantaneous_output_kbps", fmt::format("{:.2f}", source.stats.output_kbps));
  text.field("instantaneous_input_repl_kbps", "0.00");
  text.field("instantaneous_output_repl_kbps", "0.00");
  text.field("rejected_connections", server.rejected_connections);
  zeros({"sync_full", "sync_partial_ok", "sync_partial_err", "expired_keys"});
  text.field("expired_stale_perc", "0.00");
  zeros({"expired_time_cap_reached_count", "expire_cycle_cpu_milliseconds", "evicted_keys", "evicted_clients",
         "total_eviction_exceeded_time", "current_eviction_exceeded_time", "keyspace_hits", "keyspace_misses"});
  text.field("pubsub_channels", source.server.pubsub.channel_count());
  text.field("pubsub_patterns", source.server.pubsub.pattern_count());
  text.field("pubsubshard_channels", source.server.pubsub.shard_channel_count());
  zeros({"latest_fork_usec", "total_forks", "migrate_cached_sockets", "slave_expires_tracked_keys",
         "active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits", "active_defrag_key_misses",
         "total_active_defrag_time", "current_active_defrag_time", "tracking_total_keys", "tracking_total_items",
         "tracking_total_prefixes", "unexpected_error_replies"});
  text.field("total_error_replies", source.stats.error_replies);
  zeros({"dump_payload_sanitizations"});
  text.field("total_reads_processed", server.reads);
  text.field("total_writes_processed", server.writes);
  zeros(
      {"io_threaded_reads_processed", "io_threaded_writes_processed", "reply_buffer_shrinks", "reply_buffer_expands"});
}

std::string seconds_of(const timeval& time) { return fmt::format("{}.{:06}", time.tv_sec, time.tv_usec); }

void cpu_section(const Source&, Text text) {
  rusage self{}, children{}, thread{};
  ::getrusage(RUSAGE_SELF, &self);
  ::getrusage(RUSAGE_CHILDREN, &children);
  ::getrusage(RUSAGE_THREAD, &thread);
  text.field("used_cpu_sys", seconds_of(self.ru_stime));
  text.field("used_cpu_user", seconds_of(self.ru_utime));
  text.field("used_cpu_sys_children", seconds_of(children.ru_stime));
  text.field("used_cpu_user_children", seconds_of(children.ru_utime));
  text.field("used_cpu_sys_main_thread", seconds_of(thread.ru_stime));
  text.field("used_cpu_user_main_thread", seconds_of(thread.ru_utime));
}

void sentinel_section(const Source& source, Text text) {
  const Sentinel& core = source.host.core();
  const auto summaries = core.summaries();
  const auto tilt = core.tilt_since(source.server.now());
  text.field("sentinel_masters", summaries.size());
  text.field("sentinel_tilt", tilt ? 1 : 0);
  text.field("sentinel_tilt_since_seconds", tilt ? std::chrono::duration_cast<Seconds>(*tilt).count() : -1);
  text.field("sentinel_running_scripts", source.host.scripts().running());
  text.field("sentinel_scripts_queue_length", source.host.scripts().scripts().size());
  text.field("sentinel_simulate_failure_flags", source.host.simulated_failures());
  for (size_t i = 0; i < summaries.size(); ++i) {
    const PrimarySummary& primary = summaries[i];
    text.field(fmt::format("master{}", i),
               fmt::format("name={},status={},address={}:{},slaves={},sentinels={}", primary.name,
                           primary.o_down   ? "odown"
                           : primary.s_down ? "sdown"
                                            : "ok",
                           primary.address.host, primary.address.port, primary.replicas, primary.sentinels));
  }
}

struct Section {
  std::string_view name;
  std::string_view title;
  void (*write)(const Source&, Text);
};

constexpr std::array<Section, 5> kSections = {{{"server", "Server", server_section},
                                               {"clients", "Clients", clients_section},
                                               {"stats", "Stats", stats_section},
                                               {"cpu", "CPU", cpu_section},
                                               {"sentinel", "Sentinel", sentinel_section}}};

bool wanted(const Section& section, std::span<const std::string_view> names) {
  if (names.empty()) return true;
  return std::ranges::any_of(names, [&](std::string_view name) {
    return iequals(name, section.name) || iequals(name, "all") || iequals(name, "everything") ||
           iequals(name, "default");
  });
}

}  // namespace

std::string info_text(const server::Server& server, const DispatchStats& stats, Host& host,
                      std::span<const std::string_view> sections) {
  const Source source{server, stats, host};
  std::string out;
  for (const Section& section : kSections) {
    if (!wanted(section, sections)) continue;
    if (!out.empty()) out += "\r\n";
    out += fmt::format("# {}\r\n", section.title);
    section.write(source, Text(out));
  }
  return out;
}

}  // namespace holdfast::sentinel
