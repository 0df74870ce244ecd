// Loading, and INFO persistence: the reading half of PersistenceDriver.
#include <sched.h>

#include "common/log/log.h"
#include "common/process/process.h"
#include "node/io/persistence_driver.h"

namespace holdfast::node {

namespace {

constexpr uint64_t kLookBytes = 64 * 1024;  // how often the clock is looked at
constexpr Millis kPollPeriod{1};
constexpr Seconds kSayPeriod{5};

bool has_processors_to_spare() {
  cpu_set_t set;
  return ::sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 1;
}

int64_t seconds_left(const LoadingState& loading, double elapsed_seconds) {
  if (loading.loaded_bytes == 0) return 1;
  const auto left = static_cast<double>(loading.total_bytes - std::min(loading.total_bytes, loading.loaded_bytes));
  return static_cast<int64_t>(elapsed_seconds * left / static_cast<double>(loading.loaded_bytes));
}

}  // namespace

// Keeps clients answered (-LOADING, INFO) while a load runs on the executor, and those who watch it informed.
LoadProgress PersistenceDriver::serve_while_loading(uint64_t total_bytes, bool aside) {
  const Instant begun = clock_.now();
  loading_used_memory_ = 0;
  node_->set_loading(LoadingState{.started = clock_.wall_now(), .total_bytes = total_bytes, .aside = aside});
  return [this, begun, last_poll = Instant{}, last_said = begun](uint64_t bytes) mutable -> Result<> {
    const Instant now = clock_.now();
    LoadingState loading = *node_->loading();
    loading.loaded_bytes = bytes;
    loading.rdb_used_memory = loading_used_memory_.load(std::memory_order_relaxed);
    node_->set_loading(loading);
    if (now - last_said >= kSayPeriod) {
      last_said = now;
      say_progress(loading, std::chrono::duration<double>(now - begun).count());
    }
    if (now - last_poll < kPollPeriod && options_.loading_process_events_interval_bytes >= kLookBytes) return {};
    last_poll = now;
    io_.poll();
    node_->server().refresh_now();
    if (io_.stopped()) return fail("interrupted by shutdown");
    return {};
  };
}

void PersistenceDriver::say_progress(const LoadingState& loading, double elapsed_seconds) {
  const double megabytes = static_cast<double>(loading.loaded_bytes) / 1e6;
  std::string text = fmt::format("Loading: {:.0f} MB at {:.0f} MB/s", megabytes, megabytes / elapsed_seconds);
  if (loading.total_bytes > 0) {
    text = fmt::format("Loading: {:.1f} % of {:.0f} MB at {:.0f} MB/s, about {} s left",
                       100 * std::min(1.0, static_cast<double>(loading.loaded_bytes) / static_cast<double>(loading.total_bytes)),
                       static_cast<double>(loading.total_bytes) / 1e6, megabytes / elapsed_seconds,
                       seconds_left(loading, elapsed_seconds));
  }
  log::notice("{}", text);
  process::notify_systemd(fmt::format("STATUS={}\nEXTEND_TIMEOUT_USEC=60000000\n", text));
}

namespace {

// Overwrites what is there.
class MergingLoader final : public DataLoader {
 public:
  explicit MergingLoader(Keyspace& keys) : keys_(keys) {}
  Result<> insert(int db, std::string_view key, Value value, std::optional<WallTime> expires_at) override {
    if (db >= 0 && db < keys_.database_count()) keys_.erase(db, key);
    return keys_.insert(db, key, std::move(value), expires_at);
  }

 private:
  Keyspace& keys_;
};

}  // namespace

Result<RdbLoad> PersistenceDriver::load_dump(const std::string& path, Expired expired, bool merge) {
  return load_into(node_->keys(), path, expired, merge);
}

Result<RdbLoad> PersistenceDriver::load_dump_aside(const std::string& path, Keyspace& aside) {
  aside.set_access_rules(node_->keys().access_rules());
  return load_into(aside, path, Expired::keep, false);
}

Result<RdbLoad> PersistenceDriver::load_into(Keyspace& keys, const std::string& path, Expired expired, bool merge) {
  auto file = fs_.open(path, FileSystem::Mode::read);
  if (!file) return std::unexpected(file.error());
  const uint64_t size = (*file)->size().value_or(0);
  file->reset();
  RdbLoadOptions load;
  load.verify_checksum = options_.rdbchecksum;
  load.databases = keys.database_count();
  load.limits = node_->config().encodings;
  if (expired == Expired::drop) load.drop_expired_at = clock_.wall_now();
  load.on_progress = serve_while_loading(size, &keys != &node_->keys());
  load.progress_interval_bytes = std::min(options_.loading_process_events_interval_bytes, kLookBytes);
  load.used_memory = &loading_used_memory_;
  load.decode_aside = has_processors_to_spare();
  keys.begin(clock_.wall_now(), ExpiryMode::ignore);
  MergingLoader merging(keys);
  DataLoader& target = merge ? static_cast<DataLoader&>(merging) : keys;
  SlowLoader slow(target, options_.key_load_delay);
  DataLoader& loader = options_.key_load_delay.count() != 0 ? slow : target;
  auto loaded = load_rdb_file(fs_, path, loader, load);
  node_->set_loading(std::nullopt);
  if (loaded) {
    for (const auto& warning : loaded->warnings) log::warning("{}", warning);
    last_load_loaded_ = loaded->keys_loaded;
    last_load_expired_ = loaded->keys_expired;
  }
  return loaded;
}

namespace {

// Takes the entries of a file that is only being checked.
class NullLoader final : public DataLoader {
 public:
  Result<> insert(int, std::string_view, Value, std::optional<WallTime>) override { return {}; }
};

}  // namespace

Result<RdbLoad> PersistenceDriver::check_dump(const std::string& path) {
  NullLoader nowhere;
  RdbLoadOptions options;
  options.databases = node_->keys().database_count();
  options.limits = node_->config().encodings;
  options.on_progress = [this](uint64_t) -> Result<> {
    io_.poll();
    return {};
  };
  return load_rdb_file(fs_, path, nowhere, options);
}

Result<> PersistenceDriver::load() {
  remove_stale_temporaries(fs_, ".");
  const Instant started = clock_.now();
  auto loaded = options_.appendonly ? load_log() : load_dump_at_start();
  if (!loaded) return loaded;
  node_->keys().set_dirty(0);
  last_save_ = clock_.now();
  last_save_wall_ = clock_.wall_now();
  const auto took = std::chrono::duration<double>(clock_.now() - started).count();
  size_t keys = 0;
  for (int db = 0; db < node_->keys().database_count(); ++db) keys += node_->keys().key_count(db);
  if (keys > 0) log::notice("DB loaded from {}: {:.3f} seconds", options_.appendonly ? "append only file" : "disk", took);
  return {};
}

Result<> PersistenceDriver::load_dump_at_start() {
  if (!fs_.exists(dump_path())) return {};
  const bool replica = options_.replicaof.has_value();
  auto loaded = load_dump(dump_path(), replica ? Expired::keep : Expired::drop);
  if (!loaded) {
    log::warning("Fatal error loading the DB, check server logs. Exiting.");
    return fail("{}", loaded.error().text);
  }
  loaded_position_ = loaded->replication;
  return {};
}

Result<bool> PersistenceDriver::replay_log() {
  server::Session session(node_->server().next_client_id());
  const AofExecutor execute = [&](std::span<const std::string_view> argv) -> Result<> {
    if (!node_->execute_from_log(session, argv)) {
      return fail("Unknown command '{}' reading the append only file", argv[0]);
    }
    return {};
  };
  AofLoadOptions options;
  options.pipeline = AofPipeline{
      .expect = [&](std::span<const std::span<const std::string_view>> commands) { node_->expect(session, commands); },
      .execute = [&](std::span<const std::string_view> argv, size_t number) -> Result<> {
        if (node_->execute_from_log(session, argv, number)) return {};
        return execute(argv);
      }};
  options.load_truncated = options_.aof_load_truncated;
  options.rdb.verify_checksum = options_.rdbchecksum;
  options.rdb.databases = node_->keys().database_count();
  options.rdb.limits = node_->config().encodings;
  options.rdb.decode_aside = has_processors_to_spare();
  options.rdb.on_progress = serve_while_loading(0);
  options.rdb.used_memory = &loading_used_memory_;
  options.on_size = [this](uint64_t bytes) {
    LoadingState loading = *node_->loading();
    loading.total_bytes = bytes;
    node_->set_loading(loading);
  };
  options.rdb.progress_interval_bytes = std::min(options_.loading_process_events_interval_bytes, kLookBytes);
  node_->keys().begin(clock_.wall_now(), ExpiryMode::ignore);
  auto loaded = log_.load(node_->keys(), execute, options);
  node_->set_loading(std::nullopt);
  node_->closed(session);
  if (!loaded) return std::unexpected(loaded.error());
  if (!*loaded) return false;
  loaded_position_ = (*loaded)->replication_exact ? (*loaded)->replication : std::nullopt;
  last_load_loaded_ = (*loaded)->keys;
  return true;
}

Result<> PersistenceDriver::load_log() {
  const auto found = replay_log();
  if (!found) return std::unexpected(found.error());
  if (!*found) {
    // No log yet, but a dump: it is the data set (Redis would begin with an empty one and save over the dump later).
    if (auto dump = load_dump_at_start(); !dump) return dump;
  }
  RdbHeader header;
  header.created = clock_.wall_now();
  header.aof_base = true;
  if (auto opened = log_.open(node_->keys(), header); !opened) return opened;
  connect_log();
  return {};
}

Result<> PersistenceDriver::reload(const ReloadOptions& options) {
  if (options.save) {
    if (saver_->running()) stop_snapshot();
    if (auto written = save(); !written) return written;
  }
  suspend_log();
  if (options.flush) node_->keys().flush(-1);
  const auto loaded = load_dump(dump_path(), Expired::drop, options.merge);
  resume_log();
  if (!loaded) {
    log::warning("Error trying to load the RDB dump, check server logs: {}", loaded.error().text);
    return fail("ERR Error trying to load the RDB dump");
  }
  return {};
}

Result<> PersistenceDriver::reload_log() {
  const bool on = log_.state() == AppendOnlyFile::State::on;
  // Off, there may still be a log: what BGREWRITEAOF wrote.
  const bool written = log_.state() == AppendOnlyFile::State::off && !log_.manifest().empty();
  if (!on && !written) return fail("ERR Append only file is not enabled");
  if (on) {
    log_.flush();
    log_.disable(*saver_);
    connect_log();
  }
  node_->keys().flush(-1);
  Result<> loaded;
  if (on) {
    loaded = load_log();
  } else if (auto replayed = replay_log(); !replayed) {
    loaded = std::unexpected(replayed.error());
  }
  if (!loaded) {
    log::warning("Error trying to load the AOF files: {}", loaded.error().text);
    return fail("ERR Error trying to load the AOF files, check server logs");
  }
  node_->keys().set_dirty(0);
  return {};
}

std::string PersistenceDriver::info() const {
  const auto seconds = [](auto duration) { return std::chrono::duration_cast<Seconds>(duration).count(); };
  const auto running = saver_->running();
  const bool saving = running == SnapshotPurpose::rdb_file;
  const bool on = log_.state() != AppendOnlyFile::State::off;
  const auto stats = log_.stats();
  const auto since_start = clock_.now() - save_started_;
  std::string out;
  const auto line = [&](std::string_view name, const auto& value) { out += fmt::format("{}:{}\r\n", name, value); };
  line("loading", node_->loading_in_place() ? 1 : 0);
  line("async_loading", node_->loading() && !node_->loading_in_place() ? 1 : 0);
  line("current_cow_peak", 0);
  line("current_cow_size", running ? saver_->held_bytes() : 0);
  line("current_cow_size_age", 0);
  line("current_fork_perc", fmt::format("{:.2f}", running ? snapshot_progress() * 100 : 0.0));
  line("current_save_keys_processed", running ? saver_->progress().keys : 0);
  line("current_save_keys_total", running ? saver_->keys_at_start() : 0);
  line("rdb_changes_since_last_save", node_->keys().dirty());
  line("rdb_bgsave_in_progress", saving ? 1 : 0);
  line("rdb_last_save_time", to_unix_ms(last_save_wall_) / 1000);
  line("rdb_last_bgsave_status", last_background_save_ok_ ? "ok" : "err");
  line("rdb_last_bgsave_time_sec", last_save_duration_.count());
  line("rdb_current_bgsave_time_sec", saving ? seconds(since_start) : -1);
  line("rdb_saves", saves_);
  line("rdb_last_cow_size", last_cow_bytes_);
  line("rdb_last_load_keys_expired", last_load_expired_);
  line("rdb_last_load_keys_loaded", last_load_loaded_);
  line("aof_enabled", on ? 1 : 0);
  line("aof_rewrite_in_progress", log_.rewriting() ? 1 : 0);
  line("aof_rewrite_scheduled", log_.rewrite_scheduled() ? 1 : 0);
  line("aof_last_rewrite_time_sec", stats.last_rewrite_duration ? seconds(*stats.last_rewrite_duration) : -1);
  line("aof_current_rewrite_time_sec", stats.rewrite_started ? seconds(clock_.now() - *stats.rewrite_started) : -1);
  line("aof_last_bgrewrite_status", stats.last_rewrite_ok ? "ok" : "err");
  line("aof_rewrites", stats.rewrites);
  line("aof_rewrites_consecutive_failures", stats.consecutive_rewrite_failures);
  line("aof_last_write_status", log_.failed() ? "err" : "ok");
  line("aof_last_cow_size", last_cow_bytes_);
  line("module_fork_in_progress", 0);
  line("module_fork_last_cow_size", 0);
  if (on) {
    line("aof_current_size", stats.current_bytes);
    line("aof_base_size", stats.base_bytes);
    line("aof_pending_rewrite", log_.rewrite_scheduled() ? 1 : 0);
    line("aof_buffer_length", log_.buffered_bytes());
    line("aof_pending_bio_fsync", log_.appended_offset() > log_.durable_offset() ? 1 : 0);
    line("aof_delayed_fsync", stats.delayed_syncs);
  }
  if (const auto& loading = node_->loading()) {
    const double elapsed = static_cast<double>(to_unix_ms(clock_.wall_now()) - to_unix_ms(loading->started)) / 1000;
    const double share = loading->total_bytes == 0 ? 0
                                                   : static_cast<double>(loading->loaded_bytes) /
                                                         static_cast<double>(loading->total_bytes);
    line("loading_start_time", to_unix_ms(loading->started) / 1000);
    line("loading_total_bytes", loading->total_bytes);
    line("loading_rdb_used_mem", loading->rdb_used_memory);
    line("loading_loaded_bytes", loading->loaded_bytes);
    line("loading_loaded_perc", fmt::format("{:.2f}", share * 100));
    line("loading_eta_seconds", seconds_left(*loading, elapsed));
  }
  return out;
}

}  // namespace holdfast::node
