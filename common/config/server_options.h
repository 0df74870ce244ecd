// The options that both binaries have: network, TLS, process, log, clients, security, monitoring.
//
// A plain struct, read as members by the thread that owns it (`options.maxclients`); its initialisers are the defaults.
// Durations carry their unit; sizes are in bytes. An empty string is an option that is not set.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/config/registry.h"
#include "common/config/values.h"
#include "common/log/log.h"

namespace holdfast::config {

enum class Supervised : uint8_t { none, systemd, upstart, automatic };
enum class Allow : uint8_t { no, yes, local };  // `local`: clients of loopback and unix sockets
enum class OomScoreAdj : uint8_t { no, relative, absolute };
enum class TlsAuthClients : uint8_t { no, yes, optional };
enum class ShutdownFlag : uint8_t { save = 1, nosave = 2, now = 4, force = 8 };  // bits; none is "default"

// Classes of clients with an output-buffer limit each.
enum class ClientClass : uint8_t { normal, replica, pubsub };
struct OutputBufferLimit {
  uint64_t hard_bytes = 0;  // 0: none
  uint64_t soft_bytes = 0;
  std::chrono::seconds soft_period{0};
  bool operator==(const OutputBufferLimit&) const = default;
};
using OutputBufferLimits = std::array<OutputBufferLimit, 3>;  // by ClientClass

struct ServerOptions {
  // Network.
  std::vector<std::string> bind = {"*", "-::*"};  // a leading '-': an unavailable address is no error
  std::string bind_source_addr;
  bool protected_mode = true;
  uint16_t port = 6379;
  int tcp_backlog = 511;
  std::string unixsocket;
  unsigned unixsocketperm = 0;  // 0: leave as created
  std::chrono::seconds timeout{0};
  std::chrono::seconds tcp_keepalive{300};
  uint32_t socket_mark_id = 0;
  uint16_t http_port = 0;
  std::string http_bind = "127.0.0.1";

  // TLS.
  uint16_t tls_port = 0;
  std::string tls_cert_file, tls_key_file, tls_key_file_pass;
  std::string tls_client_cert_file, tls_client_key_file, tls_client_key_file_pass;
  std::string tls_dh_params_file, tls_ca_cert_file, tls_ca_cert_dir;
  TlsAuthClients tls_auth_clients = TlsAuthClients::yes;
  bool tls_replication = false, tls_cluster = false;
  std::string tls_protocols, tls_ciphers, tls_ciphersuites;
  bool tls_prefer_server_ciphers = false, tls_session_caching = true;
  int tls_session_cache_size = 20480;
  std::chrono::seconds tls_session_cache_timeout{300};

  // Process.
  bool daemonize = false;
  Supervised supervised = Supervised::none;
  std::string pidfile;
  std::string dir = ".";  // as given; who changes into it stores the absolute path here
  bool always_show_logo = false, set_proc_title = true;
  std::string proc_title_template = "{title} {listen-addr} {server-mode}";
  OomScoreAdj oom_score_adj = OomScoreAdj::no;
  std::vector<int> oom_score_adj_values = {0, 200, 800};
  bool disable_thp = true;
  int io_threads = 1;
  bool io_threads_do_reads = false;
  std::string server_cpulist, bio_cpulist, aof_rewrite_cpulist, bgsave_cpulist;
  unsigned shutdown_on_sigint = 0, shutdown_on_sigterm = 0;  // bits of ShutdownFlag
  std::string ignore_warnings;
  bool jemalloc_bg_thread = true;

  // Log.
  log::Level loglevel = log::Level::notice;
  std::string logfile;
  bool syslog_enabled = false;
  std::string syslog_ident = "redis";
  std::string syslog_facility = "local0";
  bool crash_log_enabled = true, crash_memcheck_enabled = true;

  // Security.
  std::string requirepass;
  std::string aclfile;
  int64_t acllog_max_len = 128;
  bool acl_pubsub_default_allchannels = false;
  std::vector<Words> users;                                           // `user` lines, each without the word "user"
  std::vector<std::pair<std::string, std::string>> renamed_commands;  // from, to ("" disables the command)
  Allow enable_protected_configs = Allow::no, enable_debug_command = Allow::no, enable_module_command = Allow::no;

  // Clients.
  uint32_t maxclients = 10000;
  OutputBufferLimits client_output_buffer_limit = {
      OutputBufferLimit{}, OutputBufferLimit{256ULL << 20, 64ULL << 20, std::chrono::seconds(60)},
      OutputBufferLimit{32ULL << 20, 8ULL << 20, std::chrono::seconds(60)}};
  uint64_t client_query_buffer_limit = 1ULL << 30;
  MemoryOrPercent maxmemory_clients;
  uint64_t proto_max_bulk_len = 512ULL << 20;
  int hz = 10;
  bool dynamic_hz = true;

  // Monitoring.
  std::chrono::microseconds slowlog_log_slower_than{10000};  // negative: off
  int64_t slowlog_max_len = 128;
  std::chrono::milliseconds latency_monitor_threshold{0};
  bool latency_tracking = true;
  std::vector<double> latency_tracking_info_percentiles = {50, 99, 99.9};

  const OutputBufferLimit& output_buffer_limit(ClientClass of) const {
    return client_output_buffer_limit[static_cast<size_t>(of)];
  }
};

// Adds the rows. `options` must hold the defaults and outlive the registry.
void add_server_rows(Registry& registry, ServerOptions& options);

// Options that load but whose effect this build lacks, where going on without it would mislead: said rather than passed
// over. Errors: what is not supported.
Result<> check_supported(const ServerOptions& options);

// Level, file and syslog of the process's log. Before the process goes to the background: the error, of a log file that
// cannot be written to, is a whole text for standard error.
Result<> set_up_log(const ServerOptions& options);

// Whether a client may CONFIG SET protected options or use DEBUG, by the option that rules it.
bool allowed(Allow setting, bool local_client);

// A validator for options that name a file without a folder: "<name> can't be a path, just a <kind>".
std::function<Result<>(const std::string&)> plain_name(std::string option, std::string kind);

}  // namespace holdfast::config
