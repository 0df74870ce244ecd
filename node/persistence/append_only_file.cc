// Start, logging and the switches of the append-only file; its rewrite is in append_only_rewrite.cc.
#include "node/persistence/append_only_file.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/base/assert.h"
#include "common/log/log.h"
#include "node/persistence/aof_format.h"

namespace holdfast::node {

AppendOnlyFile::AppendOnlyFile(FileSystem& fs, const Clock& clock, Options options, AppendOnlyLog::Notify notify,
                               PositionSource position)
    : fs_(fs),
      clock_(clock),
      options_(std::move(options)),
      names_{options_.filename},
      notify_(std::move(notify)),
      position_(std::move(position)) {}

AppendOnlyFile::~AppendOnlyFile() { stop_log(); }

Result<std::optional<AofLoad>> AppendOnlyFile::load(DataLoader& loader, const AofExecutor& execute,
                                                    const AofLoadOptions& options) {
  if (auto read = read_manifest(); !read) return std::unexpected(std::move(read.error()));
  if (manifest_.empty()) {
    if (auto none = check_nothing_is_lost(); !none) return std::unexpected(std::move(none.error()));
    return std::optional<AofLoad>();
  }
  auto loaded = load_aof(fs_, clock_, folder_path(), manifest_, loader, execute, options);
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  rewrite_base_bytes_ = loaded->total_bytes;
  return std::optional<AofLoad>(std::move(*loaded));
}

Result<> AppendOnlyFile::read_manifest() {
  manifest_ = {};
  const std::string path = path_of(names_.manifest());
  if (fs_.exists(path)) {
    const auto text = read_whole_file(fs_, path);
    if (!text)
      return fail("Fatal error: can't open the AOF manifest file {} for reading: {}", names_.manifest(),
                  text.error().text);
    auto manifest = AofManifest::parse(*text);
    if (!manifest) return fail("*** FATAL AOF MANIFEST FILE ERROR ***\n{}", manifest.error().text);
    manifest_ = std::move(*manifest);
  }
  return take_over_old_file();
}

// A version before 7 kept one file in `dir`. It becomes the base, first in the manifest and then by its place, so a
// crash between the two is found and finished here.
Result<> AppendOnlyFile::take_over_old_file() {
  const std::string old_path = join_path(options_.directory, names_.filename);
  const bool half_done = manifest_.base() && manifest_.base()->name == names_.filename &&
                         manifest_.incrementals().empty() && !fs_.exists(path_of(names_.filename));
  const bool without_manifest = !fs_.exists(path_of(names_.manifest()));
  if ((!without_manifest && !half_done) || !fs_.exists(old_path)) return {};
  log::notice("Migrating the append-only file {} into the folder {}", names_.filename, options_.folder);
  if (without_manifest) {
    auto done = fs_.make_directory(folder_path());
    if (done) done = fs_.sync_directory(options_.directory);
    AofManifest manifest = AofManifest::upgrade(names_.filename);
    if (done) done = persist(manifest);
    if (!done) return fail("Can't make the AOF folder {}: {}", options_.folder, done.error().text);
    manifest_ = std::move(manifest);
  }
  auto done = fs_.rename(old_path, path_of(names_.filename));
  if (done) done = fs_.sync_directory(folder_path());
  if (done) done = fs_.sync_directory(options_.directory);
  if (!done) {
    return fail("Error trying to move the old AOF file {} into dir {}: {}", names_.filename, options_.folder,
                done.error().text);
  }
  log::notice("Successfully migrated an old-style AOF configuration ({}) into the AOF directory ({}).", names_.filename,
              options_.folder);
  return {};
}

Result<> AppendOnlyFile::open(const DataSource& source, const RdbHeader& header) {
  HOLDFAST_ASSERT(state_ == State::off && !log_);
  auto done = fs_.make_directory(folder_path());
  if (done) done = fs_.sync_directory(options_.directory);
  if (!done) return fail("Can't open or create append-only dir {}: {}", options_.folder, done.error().text);
  if (auto synced = sync_loaded(); !synced) return synced;
  remove_leftovers();
  AofManifest manifest = manifest_;
  uint64_t new_base_bytes = 0;
  if (manifest.empty()) {
    const std::string name = manifest.replace_base(names_, options_.rdb_base, 0);
    log::notice("Creating AOF base file {} on server start", name);
    SnapshotRequest request;
    request.purpose = SnapshotPurpose::aof_base;
    request.format = options_.rdb_base ? SnapshotRequest::Format::rdb : SnapshotRequest::Format::commands;
    request.path = path_of(name);
    request.header = header;
    request.header.aof_base = true;
    request.encoding = options_.encoding;
    const auto written = write_snapshot(fs_, source, request);
    if (!written) return fail("Error writing the AOF base file {}: {}", name, written.error().text);
    new_base_bytes = written->bytes;
  }
  std::unique_ptr<File> file;
  if (manifest.incrementals().empty()) {
    const std::string name = manifest.add_incremental(names_);
    log::notice("Creating AOF incr file {} on server start", name);
    auto created = create_file(path_of(name));
    if (!created) return fail("Can't open the append-only file {}: {}", name, created.error().text);
    file = std::move(*created);
    if (auto persisted = persist(manifest); !persisted) return persisted;
  } else {
    const std::string& name = manifest.incrementals().back().name;
    log::notice("Opening AOF incr file {} on server start", name);
    auto opened = fs_.open(path_of(name), FileSystem::Mode::append);
    if (!opened) return fail("Can't open the append-only file {}: {}", name, opened.error().text);
    file = std::move(*opened);
  }
  const auto bytes = file->size();
  if (!bytes) return std::unexpected(bytes.error());
  manifest_ = std::move(manifest);
  rewrite_base_bytes_ += new_base_bytes;
  earlier_bytes_ = rewrite_base_bytes_ - std::min(*bytes, rewrite_base_bytes_);
  state_ = State::on;
  start_log(std::move(file), *bytes);
  if (const std::string head = file_head(); !head.empty()) log_->annotate(head);
  remove_history();
  return {};
}

Result<> AppendOnlyFile::persist(const AofManifest& manifest) {
  // Held open while it is replaced: the log thread, not the executor, then waits for its blocks to be freed.
  auto held = fs_.open(path_of(names_.manifest()), FileSystem::Mode::read);
  auto done = atomic_replace(fs_, path_of(names_.manifest()), manifest.format());
  if (held && log_) log_->dispose(std::move(*held));
  if (done) return done;
  return std::unexpected(Error{fmt::format("Can't write the AOF manifest {}: {}", names_.manifest(), done.error().text),
                               done.error().code});
}

Result<std::unique_ptr<File>> AppendOnlyFile::create_file(const std::string& path) {
  auto file = fs_.open(path, FileSystem::Mode::create);
  if (!file) return file;
  if (auto synced = fs_.sync_directory(folder_path()); !synced) return std::unexpected(std::move(synced.error()));
  return file;
}

std::string AppendOnlyFile::file_head() const {
  const auto position = position_ ? position_() : std::nullopt;
  return position ? aof::format_replication(*position) : std::string();
}

void AppendOnlyFile::start_log(std::unique_ptr<File> file, uint64_t bytes) {
  log_ = std::make_unique<AppendOnlyLog>(
      std::move(file), bytes, clock_,
      AppendOnlyLog::Options{.policy = options_.fsync, .timestamps = options_.timestamps}, notify_);
}

void AppendOnlyFile::stop_log() {
  if (!log_) return;
  (void)log_->close();  // its failure was reported when it happened
  offset_base_ += log_->appended_offset();
  earlier_fsyncs_.add(log_->fsync_durations());
  log_.reset();
}

metrics::LatencyHistogram AppendOnlyFile::fsync_durations() const {
  metrics::LatencyHistogram all = earlier_fsyncs_;
  if (log_) all.add(log_->fsync_durations());
  return all;
}

void AppendOnlyFile::feed(int db, std::span<const std::string_view> argv) {
  if (log_) log_->feed(db, argv);
}

void AppendOnlyFile::flush() {
  if (log_) log_->flush();
}

void AppendOnlyFile::annotate(const ReplicationPosition& position) {
  if (log_) log_->annotate(aof::format_replication(position));
}

uint64_t AppendOnlyFile::appended_offset() const { return offset_base_ + (log_ ? log_->appended_offset() : 0); }

uint64_t AppendOnlyFile::durable_offset() const { return offset_base_ + (log_ ? log_->durable_offset() : 0); }

std::string AppendOnlyFile::misconf_text() const {
  const auto error = log_ ? log_->last_error() : std::nullopt;
  return error ? aof_misconf_text(*error) : std::string();
}

void AppendOnlyFile::set_fsync_policy(FsyncPolicy policy) {
  options_.fsync = policy;
  if (log_) log_->set_policy(policy);
}

void AppendOnlyFile::set_timestamps(bool enabled) {
  options_.timestamps = enabled;
  if (log_) log_->set_timestamps(enabled);
}

Result<> AppendOnlyFile::enable() {
  if (state_ != State::off) return {};
  auto done = fs_.make_directory(folder_path());
  if (done) done = fs_.sync_directory(options_.directory);
  if (!done) return fail("Can't open or create append-only dir {}: {}", options_.folder, done.error().text);
  // Sequence numbers go on from the files of the last time; a manifest that cannot be read must not be overwritten.
  if (manifest_.empty()) {
    if (auto read = read_manifest(); !read) return read;
  }
  state_ = State::waiting_rewrite;
  last_rewrite_failure_.reset();
  return {};
}

void AppendOnlyFile::disable(SnapshotSaver& saver) {
  if (state_ == State::off) return;
  if (rewriting_ && saver.running() == SnapshotPurpose::aof_base) {
    log::notice("Killing the running AOF rewrite (a thread, not a child process)");
    saver.abandon();
  }
  const bool waiting = state_ == State::waiting_rewrite;
  stop_log();
  if (rewriting_) (void)fs_.remove(temporary_base_path());
  if (waiting) (void)fs_.remove(path_of(names_.temporary_incremental()));
  rewriting_ = false;
  state_ = State::off;
  rewrite_scheduled_ = false;
}

Result<> AppendOnlyFile::close(const std::optional<ReplicationPosition>& position) {
  if (!log_) return {};
  if (position && !log_->failed()) annotate(*position);
  const auto closed = log_->close();
  stop_log();
  state_ = State::off;
  return closed;
}

AppendOnlyFile::Stats AppendOnlyFile::stats() const {
  Stats stats;
  stats.base_bytes = rewrite_base_bytes_;
  stats.current_bytes = earlier_bytes_ + (log_ ? log_->file_bytes() : 0);
  stats.delayed_syncs = log_ ? log_->delayed_syncs() : 0;
  stats.rewrites = rewrites_;
  stats.consecutive_rewrite_failures = backoff_.failures();
  stats.last_rewrite_ok = last_rewrite_ok_;
  stats.last_rewrite_duration = last_rewrite_duration_;
  if (rewriting_) stats.rewrite_started = rewrite_started_;
  return stats;
}

}  // namespace holdfast::node
