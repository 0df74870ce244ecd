#include "node/io/persistence_driver.h"

#include <boost/asio/post.hpp>
#include <filesystem>

#include "common/log/log.h"
#include "common/memory/usage.h"
#include "common/process/helper_thread.h"
#include "node/persistence/rdb_format.h"

namespace holdfast::node {

namespace {

constexpr std::string_view kSaveMisconf =
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may "
    "modify the data set are disabled, because this instance is configured to report errors during writes if RDB "
    "snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.";

}  // namespace

PersistenceDriver::PersistenceDriver(boost::asio::io_context& io, FileSystem& fs, const Clock& clock,
                                     const NodeOptions& options)
    : io_(io), fs_(fs), clock_(clock), options_(options),
      snapshot_progressed_(io, [this] {
        poll_snapshot();
        go_on_with_snapshot();
      }),
      log_(fs, clock, log_options(), [this] { boost::asio::post(io_.get_executor(), [this] { log_progressed(); }); },
           [this] { return current_position(); }),
      last_save_(clock.now()), last_save_wall_(clock.wall_now()) {}

void PersistenceDriver::attach(Node& node, BackgroundDriver& background) {
  node_ = &node;
  background_ = &background;
  snapshot_task_ = background.add([this](Instant until) { return snapshot_slice(until); });
  saver_.emplace(fs_, clock_, node.keys(), CutSnapshotSaver::Hooks{
      .notify = [this] { snapshot_progressed_.signal(); },
      .on_writer_start = [this](SnapshotPurpose purpose) {
        const int wakeup = snapshot_progressed_.descriptor();
        if (purpose != SnapshotPurpose::transfer && wakeup >= 0) (void)process::leave_open_files(wakeup);
        if (on_writer_start_) on_writer_start_(purpose);
      },
      .key_delay = [this]() -> SnapshotWriter::KeyDelay {
        if (options_.rdb_key_save_delay.count() == 0) return nullptr;
        return [delay = std::make_shared<KeyDelay>(options_.rdb_key_save_delay)] { return delay->next(); };
      },
  });
  slow_source_ = std::make_unique<SlowDataSource>(node.keys(), options_.rdb_key_save_delay);
  node.server().on_turn_end([this] { write_log(); });
}

const DataSource& PersistenceDriver::source() const {
  if (options_.rdb_key_save_delay.count() != 0) return *slow_source_;
  return node_->keys();
}

// Where it is now: `dir` may change while a snapshot is being written.
std::string PersistenceDriver::dump_path() const {
  std::error_code error;
  const auto path = std::filesystem::absolute(options_.dbfilename, error);
  return error ? options_.dbfilename : path.string();
}

std::optional<ReplicationPosition> PersistenceDriver::current_position() const {
  if (node_ == nullptr) return std::nullopt;
  const auto saved = node_->replication().saved_position();
  if (!saved) return std::nullopt;
  return ReplicationPosition{saved->id, saved->offset, saved->stream_db};
}

SnapshotRequest PersistenceDriver::dump_request(std::optional<ReplicationPosition> position) const {
  SnapshotRequest request;
  request.purpose = SnapshotPurpose::rdb_file;
  request.path = dump_path();
  request.header.created = clock_.wall_now();
  request.header.used_memory = memory::used_bytes();
  request.header.replication = position;
  request.encoding.compression = options_.rdbcompression;
  request.encoding.checksum = options_.rdbchecksum;
  request.incremental_sync = options_.rdb_save_incremental_fsync;
  return request;
}

// --- Dumps ---

void PersistenceDriver::saved(int64_t dirty_left) {
  node_->keys().set_dirty(dirty_left);
  last_save_ = clock_.now();
  last_save_wall_ = clock_.wall_now();
  last_background_save_ok_ = true;
  ++saves_;
  update_refusal();
}

Result<> PersistenceDriver::save() {
  if (saver_->running()) return fail("ERR Background save already in progress");
  const auto written = write_snapshot(fs_, source(), dump_request(current_position()));
  if (!written) {
    ++failures_;
    log::warning("Error saving DB on disk: {}", written.error().text);
    return fail("ERR");  // only a background save that fails stops the writes: this one's caller knows
  }
  log::notice("DB saved on disk");
  saved(0);
  return {};
}

Result<std::string> PersistenceDriver::background_save(bool schedule) {
  const auto running = saver_->running();
  if (running && *running == SnapshotPurpose::rdb_file) return fail("ERR Background save already in progress");
  if (running) {
    if (!schedule) {
      return fail(
          "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a "
          "BGSAVE whenever possible.");
    }
    save_scheduled_ = true;
    return "Background saving scheduled";
  }
  if (node_->in_transaction()) {
    save_scheduled_ = true;
    return "Background saving scheduled";
  }
  if (auto started = start_background_save(); !started) return fail("ERR");
  return "Background saving started";
}

// A save of data that is gone is pointless; where save points are set the file says so at once, as in Redis.
void PersistenceDriver::flushed_all() {
  if (saver_->running() == SnapshotPurpose::rdb_file) stop_snapshot();
  if (!has_save_points() || node_->is_replica()) return;
  (void)save();  // a failure is in the log, and the changes still count
}

Result<> PersistenceDriver::start_background_save() {
  last_try_ = clock_.now();
  const int64_t dirty = node_->keys().dirty();
  auto started = saver_->start(dump_request(current_position()),
                               [this, dirty](const SnapshotResult& result) { background_save_finished(result, dirty); });
  if (!started) {
    ++failures_;
    log::warning("Can't save in background: {}", started.error().text);
    last_background_save_ok_ = false;
    update_refusal();
    return started;
  }
  snapshot_started();
  return {};
}

void PersistenceDriver::background_save_finished(const SnapshotResult& result, int64_t dirty_before) {
  last_save_duration_ = std::chrono::duration_cast<Seconds>(result.duration);
  last_cow_bytes_ = result.copied_bytes;
  if (result.outcome) {
    saved(node_->keys().dirty() - dirty_before);
  } else if (!result.cancelled) {
    ++failures_;
    last_background_save_ok_ = false;
    update_refusal();
  }
}

void PersistenceDriver::snapshot_started() {
  save_started_ = clock_.now();
  pace_.begin(save_started_, thread_cpu_time());
  go_on_with_snapshot();
}

bool PersistenceDriver::snapshot_slice(Instant until) {
  const Instant begin = clock_.now();
  const Nanos slept = saver_->slept();
  const bool more = saver_->step(until);
  pace_.worked(clock_.now() - begin - (saver_->slept() - slept));
  return more;
}

void PersistenceDriver::go_on_with_snapshot() {
  if (saver_->running()) background_->want(snapshot_task_, pace_.share(saver_->pressed()));
}

// Whoever waited for it is told: a replica's transfer later, since its client may be the one that is served now.
void PersistenceDriver::stop_snapshot() {
  const auto running = saver_->running();
  if (!running) return;
  const auto tell = saver_->end_now();
  if (*running != SnapshotPurpose::transfer) tell();
  boost::asio::post(io_.get_executor(), [this, later = *running == SnapshotPurpose::transfer ? tell : nullptr] {
    if (later) later();
    if (!saver_->running() && on_idle_) on_idle_();
  });
}

void PersistenceDriver::stop() {
  if (saver_) saver_->stop();
}

Result<> PersistenceDriver::snapshot_for_replicas(const std::string& path, int descriptor,
                                                  const ReplicationPosition& position,
                                                  std::function<void(Result<>)> done) {
  if (node_->keys().has_element_expiry()) {
    log::notice("Fields of hashes expire: the snapshot is an RDB of version {}, which replicas of Redis before 7.4 refuse",
                rdb::kFieldExpiryVersion);
  }
  SnapshotRequest request = dump_request(position);
  request.path = path;
  request.descriptor = descriptor;
  request.purpose = SnapshotPurpose::transfer;
  auto started = saver_->start(request, [this, done = std::move(done)](const SnapshotResult& result) {
    last_cow_bytes_ = result.copied_bytes;
    done(result.outcome);
  });
  if (started) snapshot_started();
  return started;
}

void PersistenceDriver::poll_snapshot() {
  const bool was_running = saver_->running().has_value();
  saver_->poll();
  if (was_running && !saver_->running() && on_idle_) on_idle_();
}

void PersistenceDriver::cancel_snapshot_for_replicas() {
  if (saver_->running() == SnapshotPurpose::transfer) saver_->cancel();
}

void PersistenceDriver::update_refusal() {
  refusal_.reset();
  if (log_.failed()) {
    refusal_ = log_.misconf_text();
  } else if (options_.stop_writes_on_bgsave_error && !last_background_save_ok_ && has_save_points()) {
    refusal_ = kSaveMisconf;
  }
}

double PersistenceDriver::snapshot_progress() const {
  if (!saver_->running() || saver_->keys_at_start() == 0) return 0;
  return static_cast<double>(saver_->progress().keys) / static_cast<double>(saver_->keys_at_start());
}

// --- What is due ---

void PersistenceDriver::tick() {
  poll_snapshot();
  if (saver_->running()) {
    pace_.measure(clock_.now(), thread_cpu_time());
    go_on_with_snapshot();
  }
  write_log();
  if (saver_->running() || node_->loading()) return;
  const Instant now = clock_.now();
  if (log_.rewrite_wanted(now)) {
    if (!start_rewrite()) return;
  } else if (save_scheduled_) {
    save_scheduled_ = false;
    (void)start_background_save();
  } else if (const auto growth = log_.automatic_rewrite_due(
                 {options_.auto_aof_rewrite_percentage, options_.auto_aof_rewrite_min_size}, now)) {
    log::notice("Starting automatic rewriting of AOF on {}% growth", *growth);
    (void)start_rewrite();
  } else {
    std::vector<SaveRule> rules;
    for (const auto& point : options_.save) rules.push_back({point.after.count(), point.changes});
    const SaveState state{node_->keys().dirty(), last_save_, last_try_, last_background_save_ok_};
    const SaveRule* due = due_save_rule(rules, state, now);
    if (due == nullptr) return;
    log::notice("{} changes in {} seconds. Saving...", due->changes, due->seconds);
    (void)start_background_save();
  }
}

bool PersistenceDriver::finish(bool save_data, bool force) {
  if (saver_->running()) {
    log::warning("There is a background save running. Ending it!");
    stop_snapshot();
  }
  if (save_data) {
    log::notice("Saving the final RDB snapshot before exiting.");
    if (!save()) {
      log::warning("Error trying to save the DB, {}.", force ? "but exiting all the same" : "can't exit");
      if (!force) return false;
    }
  }
  if (log_.state() == AppendOnlyFile::State::off) return true;
  if (auto closed = log_.close(current_position()); !closed) {
    log::warning("Error finishing the append-only file: {}", closed.error().text);
    return force;
  }
  return true;
}

void PersistenceDriver::reset_stats() { saves_ = 0; }

}  // namespace holdfast::node
