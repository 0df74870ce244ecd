#include "node/io/node_server.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "common/log/log.h"
#include "common/metrics/info_text.h"
#include "common/process/process.h"
#include "common/process/title.h"
#include "node/background/effective_hz.h"
#include "node/io/settings.h"
#include "node/metrics/node_health.h"

namespace holdfast::node {

namespace {

constexpr Millis kPublishPeriod{250};

RunId new_run_id() {
  SeededRandom random(system_random());
  return RunId::random(random);
}

// Bytes of the primary's stream that a replica has received and not yet applied. It cannot know of more than that; a
// primary that has gone silent is noticed by the link.
std::optional<uint64_t> unapplied_bytes(std::string_view info_text) {
  const metrics::InfoText info(info_text);
  const auto read = info.number("slave_read_repl_offset"), applied = info.number("slave_repl_offset");
  if (!read || !applied) return std::nullopt;
  return static_cast<uint64_t>(std::max(*read - *applied, 0.0));
}

void note_sync(NodeHealth& health, std::string_view info_text) {
  const metrics::InfoText info(info_text);
  if (info.number("master_sync_in_progress").value_or(0) == 0) return;
  health.sync_read_bytes = static_cast<uint64_t>(info.number("master_sync_read_bytes").value_or(0));
  const double total = info.number("master_sync_total_bytes").value_or(0);
  if (total > 0) health.sync_total_bytes = static_cast<uint64_t>(total);
}

}  // namespace

NodeServer::NodeServer(NodeOptions& options, config::Registry& registry, std::string config_file)
    : options_(options), registry_(registry), config_file_(config_file), random_(system_random()), config_(fs_, registry, options, config_file),
      persistence_(io_, fs_, clock_, options),
      process_(io_, clock_, options, config_file, new_run_id()),
      replication_host_(io_),
      replication_(io_, clock_, random_, fs_, replication_host_),
      migration_(clock_),
      node_(options.databases, node_config(options),
            {clock_, random_, replication_, persistence_, process_, config_, migration_}),
      server_(io_, clock_, node_), acl_file_(fs_, options.aclfile), background_(io_, clock_),
      compactor_(background_, clock_, node_, [this] { return !persistence_.running(); }),
      expiry_(background_.add([this](Instant until) { return node_.expire_slice(until); })),
      signals_(io_.get_executor()),
      tick_timer_(io_.get_executor()), publish_timer_(io_.get_executor()) {
  node_.attach(server_);
  node_.keys().set_reclaimer(&lazy_free_);
  config_.attach(replication_, node_);
  persistence_.attach(node_, background_);
  process_.attach(node_, persistence_);
  replication_host_.attach(node_, persistence_);
  server_.on_unpause([this] { replication_.pause_ended(); });
  persistence_.on_idle([this] { replication_.save_ended(); });
  node_.effects().add_sink(replication_.sink(), Effects::SinkKind::stream);
}

// oom-score-adj for the present role; `role` of the values: 0 a primary, 1 a replica (2 is for Redis's children).
Result<> NodeServer::apply_oom_score(size_t role) {
  auto mode = process::OomScore::Mode::off;
  if (options_.oom_score_adj == config::OomScoreAdj::relative) mode = process::OomScore::Mode::relative;
  if (options_.oom_score_adj == config::OomScoreAdj::absolute) mode = process::OomScore::Mode::absolute;
  auto applied = oom_score_.apply(mode, options_.oom_score_adj_values[role]);
  if (applied) return {};
  log::warning("Unable to set the OOM score: {}", applied.error().text);
  return fail("Failed to apply new oom_score_adj configuration, check server logs.");
}

void NodeServer::tune_process() {
  if (options_.disable_thp) (void)process::disable_huge_pages();
  (void)apply_oom_score(options_.replicaof ? 1 : 0);
  const auto use_cpus = [](const std::string& list) {
    if (auto used = process::use_cpus(list); !used) log::warning("Unable to use the CPUs asked for: {}", used.error().text);
  };
  use_cpus(options_.server_cpulist);
  persistence_.on_writer_start([this, use_cpus](SnapshotPurpose purpose) {
    use_cpus(purpose == SnapshotPurpose::aof_base ? options_.aof_rewrite_cpulist : options_.bgsave_cpulist);
  });
  replication_host_.on_role_change([this](bool replica) {
    (void)apply_oom_score(replica ? 1 : 0);
    if (replica) node_.end_all_waits();
    process_.run_soon([this] { start_publishing(); });  // a load balancer must not send writes to a former primary
  });
}

Result<> NodeServer::run() {
  tune_process();
  options_.maxclients = process::fit_open_files(options_.maxclients);
  configure_parts();
  if (auto loaded = load_users(); !loaded) return loaded;
  if (auto renamed = rename_commands(); !renamed) return renamed;
  server_.use_io_threads(static_cast<unsigned>(options_.io_threads), options_.io_threads_do_reads);
  register_changes();
  if (auto listening = listen(); !listening) return listening;
  if (auto started = start_http(); !started) return started;
  // Redis's own tests wait for these words, " PID: <number>", and then connect.
  log::notice("Running mode=standalone, port={}, PID: {}", options_.port, ::getpid());
  show_title();
  process_.note_startup_memory();
  wait_for_signals();
  start_publishing();
  log::warning("Server initialized");
  if (auto loaded = persistence_.load(); !loaded) {
    log::warning("{}", loaded.error().text);
    return loaded;
  }
  if (io_.stopped()) return {};
  started_ = true;
  if (const auto& position = persistence_.loaded_position()) {
    replication_.restore({position->id, position->offset, position->stream_db}, options_.replicaof.has_value());
  }
  if (options_.replicaof) replication_.start_as_replica(*options_.replicaof);
  log_ready();
  start_ticking();
  io_.run();
  if (!options_.pidfile.empty()) process::remove_pid_file(options_.pidfile);
  return {};
}

Result<> NodeServer::listen() {
  if (auto tcp = server_.listen_tcp(options_.bind, options_.port, options_.tcp_backlog); !tcp) {
    log::warning("Failed listening on port {} (TCP), aborting.", options_.port);
    return tcp;
  }
  if (!options_.unixsocket.empty()) {
    if (auto local = server_.listen_unix(options_.unixsocket, options_.unixsocketperm, options_.tcp_backlog); !local) {
      log::warning("Failed opening Unix socket: {}", local.error().text);
      return local;
    }
  }
  if (!server_.listens()) {
    log::warning("Configured to not listen anywhere, exiting.");
    return fail("nowhere to listen");
  }
  return {};
}

Result<> NodeServer::start_http() {
  http::ServerOptions options;
  for (const auto& address : config::split_words(options_.http_bind).value_or(config::Words{})) {
    options.binds.push_back(address);
  }
  options.port = options_.http_port;
  auto started = http::Server::start(options);
  if (!started) {
    log::warning("Failed listening on http-port {}: {}", options_.http_port, started.error().text);
    return std::unexpected(started.error());
  }
  http_ = std::move(*started);
  return {};
}

Result<> NodeServer::rename_commands() {
  for (const auto& [from, to] : options_.renamed_commands) {
    if (!node_.rename_command(from, to)) {
      log::warning("rename-command: no such command '{}', or '{}' exists already", from, to);
      return fail("rename-command");
    }
  }
  return {};
}

Result<> NodeServer::load_users() {
  server_.use_acl_file(acl_file_);
  auto loaded = server::load_users(server_.users, options_.users, acl_file_, options_.requirepass);
  if (!loaded) log::warning("{}", loaded.error().text);
  return loaded;
}

void NodeServer::configure_parts() {
  server_.users.set_channels_by_default(options_.acl_pubsub_default_allchannels);
  server_.denials.set_limit(static_cast<size_t>(options_.acllog_max_len));
  apply_server_settings(options_, server_.settings);
  server_.limit_client_memory(client_memory_limit(options_));
  node_.configure(node_config(options_));
  node_.set_hz(hz_);
  purge_.set_running(options_.jemalloc_bg_thread);
  if (const CompactionConfig compaction = compaction_config(options_); compaction != compactor_.config()) {
    compactor_.configure(compaction);
  }
  auto replication = replication_config(options_);
  char directory[4096];
  replication.directory = ::getcwd(directory, sizeof directory) != nullptr ? directory : ".";
  replication_.configure(replication);
}

void NodeServer::show_title() const {
  if (!options_.set_proc_title) return;
  process::TitleFacts facts;
  facts.port = options_.port;
  facts.unix_socket = options_.unixsocket;
  facts.config_file = config_file_;
  const std::string first = options_.bind.empty() ? "*" : options_.bind.front();
  facts.listen_address = options_.port != 0 ? fmt::format("{}:{}", first, options_.port) : options_.unixsocket;
  process::set_title(process::title_from(options_.proc_title_template, process::started_as(), facts));
}

// What CONFIG SET must carry out. Most options are read where they are used; these have somebody to tell.
void NodeServer::register_changes() {
  std::vector<std::string> plain;
  for (const auto& option : registry_.options()) plain.push_back(option->name());
  registry_.on_change(plain, [this]() -> Result<> {
    configure_parts();
    log::set_level(options_.loglevel);
    return {};
  });
  registry_.on_change({"appendonly", "appendfsync", "no-appendfsync-on-rewrite", "aof-use-rdb-preamble",
                       "aof-timestamp-enabled", "rdbcompression", "rdbchecksum", "save", "stop-writes-on-bgsave-error"},
                      [this] { return persistence_.apply_options(); });
  registry_.on_change({"port", "bind"}, [this, port = options_.port]() mutable -> Result<> {
    const bool moved = options_.port != port;
    if (auto tcp = server_.listen_tcp(options_.bind, options_.port, options_.tcp_backlog); !tcp) {
      if (moved) return fail("Unable to listen on this port. Check server logs.");
      return fail("Failed to bind to specified addresses.");
    }
    port = options_.port;
    return {};
  });
  registry_.on_change({"requirepass"}, [this]() -> Result<> {
    server_.users.set_default_password(options_.requirepass);
    return {};
  });
  registry_.on_change({"tls-port", "tls-replication", "tls-cluster"},
                      [this]() -> Result<> { return config::check_supported(options_); });
  registry_.on_change({"oom-score-adj", "oom-score-adj-values"},
                      [this] { return apply_oom_score(node_.is_replica() ? 1 : 0); });
  registry_.on_change({"http-port", "http-bind"}, [this]() -> Result<> {
    http_.reset();  // its port may be wanted again
    if (!start_http()) return fail("Unable to listen on this port. Check server logs.");
    start_publishing();
    return {};
  });
  registry_.on_change({"proc-title-template", "port", "bind"}, [this]() -> Result<> {
    show_title();
    return {};
  });
  registry_.on_change({"maxclients"}, [this]() -> Result<> {
    const uint32_t fits = process::fit_open_files(options_.maxclients);
    if (fits >= options_.maxclients) return {};
    return fail("The operating system is not able to handle the specified number of clients, try with {}", fits);
  });
  registry_.on_change({"dir"}, [this]() -> Result<> {
    if (::chdir(options_.dir.c_str()) != 0) return fail("{}", std::strerror(errno));
    char path[4096];
    if (::getcwd(path, sizeof path) != nullptr) options_.dir = path;
    return {};
  });
}

void NodeServer::start_ticking() {
  hz_ = effective_hz(options_.hz, options_.dynamic_hz, server_.connections().size());
  node_.set_hz(hz_);
  const Millis period(1000 / hz_);
  tick_due_ = clock_.now() + period;
  tick_timer_.expires_after(period);
  tick_timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    tick();
    start_ticking();
  });
}

void NodeServer::tick() {
  // How late the tick is says how long the loop was busy with something else.
  const Instant now = server_.refresh_now();
  const Nanos late = now - tick_due_;
  if (late >= Millis(1)) stalls_.observe(late);
  if (!node_.loading_in_place()) node_.tick();
  if (node_.expiry_running()) background_.want(expiry_, ExpiryCycle::share(options_.active_expire_effort));
  compactor_.tick();
  persistence_.tick();
  process_.tick();
  migration_.tick();
}

void NodeServer::start_publishing() {
  publish_timer_.cancel();
  if (options_.http_port == 0 || http_ == nullptr) return;
  publish_facts();
  publish_timer_.expires_after(kPublishPeriod);
  publish_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) start_publishing();
  });
}

void NodeServer::publish_facts() {
  auto facts = std::make_shared<NodeFacts>();
  NodeHealth& health = facts->health;
  health.role = node_.is_replica() ? NodeHealth::Role::replica : NodeHealth::Role::primary;
  health.loading = node_.loading_in_place();
  health.started = started_;
  health.stopping = process_.shutting_down();
  health.link_up = replication_.link_up();
  // What was received is applied at once; what is still on its way is the primary's to know.
  if (health.link_up) health.lag_bytes = 0;
  health.accepts_writes = !persistence_.write_refusal() && replication_.enough_good_replicas();
  if (const auto& loading = node_.loading(); loading && loading->total_bytes > 0) {
    health.loading_progress = static_cast<double>(loading->loaded_bytes) / static_cast<double>(loading->total_bytes);
  }
  const std::string_view everything[] = {"everything"};
  facts->info = node_.info(everything);
  facts->databases = node_.keys().database_count();
  if (node_.is_replica() && health.link_up) health.lag_bytes = unapplied_bytes(facts->info);
  if (node_.is_replica()) note_sync(health, facts->info);
  facts->slowlog_length = static_cast<int64_t>(node_.slowlog().items().size());
  facts->slowlog_last_id = node_.slowlog().next_id() == 0 ? 0 : static_cast<int64_t>(node_.slowlog().next_id()) - 1;
  facts->aof_fsync = persistence_.fsync_durations();
  facts->event_loop_stall = stalls_;
  facts->state_save_errors = persistence_.failures();
  if (const auto running = persistence_.running()) {
    const char* kind = *running == SnapshotPurpose::rdb_file ? "rdb" : *running == SnapshotPurpose::aof_base ? "aof" : "sync";
    facts->snapshot_progress.emplace_back(kind, persistence_.snapshot_progress());
  }
  http_->publish(node_snapshot(std::move(facts)));
}

void NodeServer::wait_for_signals() {
  boost::system::error_code ignored;
  signals_.add(SIGTERM, ignored);
  signals_.add(SIGINT, ignored);
  signals_.async_wait([this](boost::system::error_code error, int number) {
    if (error) return;
    if (number == SIGINT && interrupted_) {
      log::warning("You insist... exiting now.");
      if (!options_.pidfile.empty()) process::remove_pid_file(options_.pidfile);
      ::_exit(1);
    }
    interrupted_ = number == SIGINT;
    log::warning("Received {} scheduling shutdown...", number == SIGINT ? "SIGINT" : "SIGTERM");
    wait_for_signals();
    if (!started_) {
      io_.stop();  // the load notices
      return;
    }
    const unsigned flags = number == SIGINT ? options_.shutdown_on_sigint : options_.shutdown_on_sigterm;
    const auto has = [flags](config::ShutdownFlag flag) { return (flags & static_cast<unsigned>(flag)) != 0; };
    ShutdownRequest request;
    if (has(config::ShutdownFlag::save)) request.save = ShutdownRequest::Save::always;
    if (has(config::ShutdownFlag::nosave)) request.save = ShutdownRequest::Save::never;
    request.now = has(config::ShutdownFlag::now);
    request.force = has(config::ShutdownFlag::force);
    process_.shutdown_by_signal(request, [](std::string_view error_text) {
      log::warning("Can't shut down: {}", error_text);
    });
  });
}

void NodeServer::log_ready() const {
  if (options_.port != 0) log::notice("Ready to accept connections");
  if (!options_.unixsocket.empty()) log::notice("The server is now ready to accept connections at {}", options_.unixsocket);
  process::notify_systemd("STATUS=Ready to accept connections\nREADY=1\n");
}

}  // namespace holdfast::node
