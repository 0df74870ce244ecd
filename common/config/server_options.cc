#include "common/config/server_options.h"

#include <limits>

#include "common/base/text.h"
#include "common/base/version.h"
#include "common/config/server_codecs.h"

namespace holdfast::config {

namespace {

constexpr int64_t kIntMax = std::numeric_limits<int32_t>::max();
constexpr int64_t kLongMax = std::numeric_limits<int64_t>::max();
constexpr uint64_t kMemoryMax = std::numeric_limits<int64_t>::max();

const EnumNames<Allow> kAllowNames = {{"no", Allow::no}, {"yes", Allow::yes}, {"local", Allow::local}};

void add_network_rows(Registry& r, ServerOptions& o) {
  r.custom<std::vector<std::string>>("bind", o.bind, bind_codec(), kMultiArgument,
                                     "Addresses to listen on; a leading '-' tolerates an unavailable one.");
  r.text("bind-source-addr", o.bind_source_addr, kMutable, "Local address of outgoing connections.");
  r.boolean("protected-mode", o.protected_mode, kMutable,
            "Refuse clients of other machines while the default user has no password.");
  r.integer("port", o.port, 0, 65535, kMutable, "TCP port for clients; 0 listens on none.");
  r.integer("tcp-backlog", o.tcp_backlog, 0, kIntMax, kImmutable, "Length of the queue of connections to accept.");
  r.text("unixsocket", o.unixsocket, kImmutable, "Path of a unix socket to listen on.");
  r.octal("unixsocketperm", o.unixsocketperm, 0777, kImmutable, "Permissions of the unix socket, in octal.");
  r.integer("timeout", o.timeout, 0, kIntMax, kMutable, "Close clients idle for this many seconds; 0 never.");
  r.integer("tcp-keepalive", o.tcp_keepalive, 0, kIntMax, kMutable, "Seconds between keepalive probes; 0 sends none.");
  r.integer("socket-mark-id", o.socket_mark_id, 0, std::numeric_limits<uint32_t>::max(), kImmutable,
            "Mark set on listening sockets, for routing rules.");
  r.integer("http-port", o.http_port, 0, 65535, kOwn, "TCP port for metrics, health and topology over HTTP; 0 is off.");
  r.text("http-bind", o.http_bind, kOwn, "Address of the HTTP port.");
}

void add_tls_rows(Registry& r, ServerOptions& o) {
  r.integer("tls-port", o.tls_port, 0, 65535, kMutable, "TCP port for TLS clients; 0 listens on none.");
  r.text("tls-cert-file", o.tls_cert_file, kMutable, "Certificate shown to clients (PEM).");
  r.text("tls-key-file", o.tls_key_file, kMutable, "Private key of tls-cert-file (PEM).");
  r.text("tls-key-file-pass", o.tls_key_file_pass, kSensitive, "Passphrase of tls-key-file.");
  r.text("tls-client-cert-file", o.tls_client_cert_file, kMutable, "Certificate of outgoing connections (PEM).");
  r.text("tls-client-key-file", o.tls_client_key_file, kMutable, "Private key of tls-client-cert-file (PEM).");
  r.text("tls-client-key-file-pass", o.tls_client_key_file_pass, kSensitive, "Passphrase of tls-client-key-file.");
  r.text("tls-dh-params-file", o.tls_dh_params_file, kMutable, "Diffie-Hellman parameters.");
  r.text("tls-ca-cert-file", o.tls_ca_cert_file, kMutable, "Bundle of the authorities that are trusted.");
  r.text("tls-ca-cert-dir", o.tls_ca_cert_dir, kMutable, "Folder of the authorities that are trusted.");
  r.enumeration<TlsAuthClients>(
      "tls-auth-clients", o.tls_auth_clients,
      {{"no", TlsAuthClients::no}, {"yes", TlsAuthClients::yes}, {"optional", TlsAuthClients::optional}}, kMutable,
      "Whether TLS clients must show a certificate.");
  r.boolean("tls-replication", o.tls_replication, kMutable, "Use TLS to the primary.");
  r.boolean("tls-cluster", o.tls_cluster, kMutable, "Use TLS on the cluster bus.");
  r.text("tls-protocols", o.tls_protocols, kMutable, "TLS versions allowed, such as \"TLSv1.2 TLSv1.3\".");
  r.text("tls-ciphers", o.tls_ciphers, kMutable, "Ciphers allowed up to TLSv1.2.");
  r.text("tls-ciphersuites", o.tls_ciphersuites, kMutable, "Cipher suites allowed in TLSv1.3.");
  r.boolean("tls-prefer-server-ciphers", o.tls_prefer_server_ciphers, kMutable, "Our order of ciphers decides.");
  r.boolean("tls-session-caching", o.tls_session_caching, kMutable, "Let clients resume sessions.");
  r.integer("tls-session-cache-size", o.tls_session_cache_size, 0, kIntMax, kMutable,
            "Sessions kept for resumption; 0 is no limit.");
  r.integer("tls-session-cache-timeout", o.tls_session_cache_timeout, 0, kIntMax, kMutable,
            "Seconds a session can be resumed for.");
}

void add_process_rows(Registry& r, ServerOptions& o) {
  r.boolean("daemonize", o.daemonize, kImmutable, "Run in the background.");
  r.enumeration<Supervised>("supervised", o.supervised,
                            {{"upstart", Supervised::upstart},
                             {"systemd", Supervised::systemd},
                             {"auto", Supervised::automatic},
                             {"no", Supervised::none}},
                            kImmutable, "Service manager to tell when we are ready.");
  r.text("pidfile", o.pidfile, kImmutable, "File for the process id.");
  r.text("dir", o.dir, kProtected | kDirectory | kNotWhileLoading, "Working directory: data files are written here.");
  r.boolean("always-show-logo", o.always_show_logo, kImmutable | kNoEffect, "Print a logo at start.");
  r.boolean("set-proc-title", o.set_proc_title, kImmutable, "Show address and mode in the process list.");
  r.text("proc-title-template", o.proc_title_template, kMutable, "What the process list shows.",
         check_proc_title_template);
  r.enumeration<OomScoreAdj>("oom-score-adj", o.oom_score_adj,
                             {{"no", OomScoreAdj::no},
                              {"yes", OomScoreAdj::relative},
                              {"relative", OomScoreAdj::relative},
                              {"absolute", OomScoreAdj::absolute}},
                             kMutable, "Tell the kernel which process to kill first when memory runs out.");
  r.custom<std::vector<int>>("oom-score-adj-values", o.oom_score_adj_values, oom_values_codec(), kMultiArgument,
                             "Scores of a primary and a replica, from -2000 to 2000. The third has no use: nothing forks.");
  r.boolean("disable-thp", o.disable_thp, kImmutable, "Turn transparent huge pages off for this process.");
  r.integer("io-threads", o.io_threads, 1, 128, kImmutable, "Threads for socket input and output.");
  r.boolean("io-threads-do-reads", o.io_threads_do_reads, kImmutable, "Threads also read and parse.");
  r.text("server_cpulist", o.server_cpulist, kImmutable | kQuietAliases,
         "CPUs of the main thread, as taskset writes them.")
      .alias("server-cpulist");
  r.text("bio_cpulist", o.bio_cpulist, kImmutable | kQuietAliases, "CPUs of the background threads.")
      .alias("bio-cpulist");
  r.text("aof_rewrite_cpulist", o.aof_rewrite_cpulist, kImmutable | kQuietAliases,
         "CPUs of the append-only file's rewriter.")
      .alias("aof-rewrite-cpulist");
  r.text("bgsave_cpulist", o.bgsave_cpulist, kImmutable | kQuietAliases, "CPUs of the thread that writes snapshots.")
      .alias("bgsave-cpulist");
  r.custom<unsigned>("shutdown-on-sigint", o.shutdown_on_sigint, shutdown_codec(), kMultiArgument,
                     "How SIGINT shuts down: default, or any of save, nosave, now, force.");
  r.custom<unsigned>("shutdown-on-sigterm", o.shutdown_on_sigterm, shutdown_codec(), kMultiArgument,
                     "How SIGTERM shuts down: default, or any of save, nosave, now, force.");
  r.text("ignore-warnings", o.ignore_warnings, kMutable, "System warnings not to repeat.");
  r.boolean("jemalloc-bg-thread", o.jemalloc_bg_thread, kMutable, "Let a thread return freed memory to the kernel.");
}

void add_log_rows(Registry& r, ServerOptions& o) {
  r.enumeration<log::Level>("loglevel", o.loglevel,
                            {{"debug", log::Level::debug},
                             {"verbose", log::Level::verbose},
                             {"notice", log::Level::notice},
                             {"warning", log::Level::warning}},
                            kMutable, "The least level that is logged.");
  r.text("logfile", o.logfile, kImmutable, "Log file; \"\" is standard output.");
  r.boolean("syslog-enabled", o.syslog_enabled, kImmutable, "Log to the system logger as well.");
  r.text("syslog-ident", o.syslog_ident, kImmutable, "Name in the system log.");
  EnumNames<std::string> facilities;
  for (const char* name : {"user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"}) {
    facilities.emplace_back(name, name);
  }
  r.enumeration<std::string>("syslog-facility", o.syslog_facility, facilities, kImmutable,
                             "Facility in the system log.");
  r.boolean("crash-log-enabled", o.crash_log_enabled, kMutable, "Write a report when the process crashes.");
  r.boolean("crash-memcheck-enabled", o.crash_memcheck_enabled, kMutable, "Test memory as part of that report.");
}

void add_security_rows(Registry& r, ServerOptions& o) {
  r.text("requirepass", o.requirepass, kSensitive, "Password of the default user.");
  r.text("aclfile", o.aclfile, kImmutable, "File of the users and their rights.");
  r.integer("acllog-max-len", o.acllog_max_len, 0, kLongMax, kMutable, "Entries kept by ACL LOG.");
  r.enumeration<bool>("acl-pubsub-default", o.acl_pubsub_default_allchannels,
                      {{"allchannels", true}, {"resetchannels", false}}, kMutable, "Channels a new user may use.");
  r.custom<std::vector<Words>>("user", o.users, users_codec(), kNoCommand | kSensitive | kRaw,
                               "A user and his rights, as ACL SETUSER takes them.");
  r.custom<std::vector<std::pair<std::string, std::string>>>("rename-command", o.renamed_commands, rename_codec(),
                                                             kNoCommand | kPreserve | kRaw,
                                                             "Gives a command another name; \"\" disables it.");
  r.refuse("loadmodule", "loadmodule is not supported: Holdfast loads no modules");
  r.enumeration<Allow>("enable-protected-configs", o.enable_protected_configs, kAllowNames, kImmutable,
                       "Who may CONFIG SET options that name files.");
  r.enumeration<Allow>("enable-debug-command", o.enable_debug_command, kAllowNames, kImmutable,
                       "Who may use DEBUG (DEBUG SLEEP is allowed from loopback in any case).");
  r.enumeration<Allow>("enable-module-command", o.enable_module_command, kAllowNames, kImmutable | kNoEffect,
                       "Who may use MODULE; Holdfast loads no modules.");
}

void add_client_rows(Registry& r, ServerOptions& o) {
  r.integer("maxclients", o.maxclients, 1, std::numeric_limits<uint32_t>::max(), kMutable,
            "Clients connected at the same time, at most.");
  r.custom<OutputBufferLimits>("client-output-buffer-limit", o.client_output_buffer_limit, output_limits_codec(),
                               kMultiArgument,
                               "Output waiting for a client at most: class, hard limit, soft limit, soft seconds.");
  r.memory("client-query-buffer-limit", o.client_query_buffer_limit, 1024 * 1024, kMemoryMax, kMutable,
           "Input waiting to be executed for a client, at most.");
  r.memory_or_percent("maxmemory-clients", o.maxmemory_clients, kMutable,
                      "Memory of all clients together, or a percentage of maxmemory; 0 is no limit.");
  r.memory("proto-max-bulk-len", o.proto_max_bulk_len, 1024 * 1024, kMemoryMax, kMutable,
           "Longest string in a request.");
  r.custom<int>("hz", o.hz, hz_codec(), kMutable, "Rounds of background work a second, 1 to 500.");
  r.boolean("dynamic-hz", o.dynamic_hz, kMutable, "More rounds with many clients.");
  r.integer("slowlog-log-slower-than", o.slowlog_log_slower_than, -1, kLongMax, kMutable,
            "Microseconds above which a command is slow; -1 logs none.");
  r.integer("slowlog-max-len", o.slowlog_max_len, 0, kLongMax, kMutable, "Entries kept by SLOWLOG.");
  r.integer("latency-monitor-threshold", o.latency_monitor_threshold, 0, kLongMax, kMutable,
            "Milliseconds above which an event is recorded; 0 is off.");
  r.boolean("latency-tracking", o.latency_tracking, kMutable, "Keep latency histograms for each command.");
  r.custom<std::vector<double>>("latency-tracking-info-percentiles", o.latency_tracking_info_percentiles,
                                percentiles_codec(), kMultiArgument, "Percentiles shown by INFO latencystats.");
}

}  // namespace

void add_server_rows(Registry& registry, ServerOptions& options) {
  add_network_rows(registry, options);
  add_tls_rows(registry, options);
  add_process_rows(registry, options);
  add_log_rows(registry, options);
  add_security_rows(registry, options);
  add_client_rows(registry, options);
}

bool allowed(Allow setting, bool local_client) {
  return setting == Allow::yes || (setting == Allow::local && local_client);
}

std::function<Result<>(const std::string&)> plain_name(std::string option, std::string kind) {
  return [option = std::move(option), kind = std::move(kind)](const std::string& value) -> Result<> {
    if (value.empty() && option != "dbfilename") return fail("{} can't be empty", option);
    if (value.contains('/')) return fail("{} can't be a path, just a {}", option, kind);
    return {};
  };
}

Result<> check_supported(const ServerOptions& options) {
  if (options.tls_port != 0 || options.tls_replication || options.tls_cluster) {
    return fail("TLS is not supported by this build");
  }
  return {};
}

Result<> set_up_log(const ServerOptions& options) {
  log::set_level(options.loglevel);
  if (auto done = log::set_file(options.logfile); !done) {
    return fail("\n*** FATAL CONFIG FILE ERROR (Redis {}) ***\nCan't open the log file: {}\n", kRedisVersion,
                done.error().text);
  }
  if (options.syslog_enabled) {
    log::set_syslog(true, options.syslog_ident, log::syslog_facility(options.syslog_facility));
  }
  return {};
}

}  // namespace holdfast::config
