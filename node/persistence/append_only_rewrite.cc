// The rewrite of the append-only file: a new base of the data set of this instant, written beside the running log.
//
//   1. a new increment takes the effects from now on (under a temporary name while waiting_rewrite);
//   2. the saver writes the base to a temporary file;
//   3. the base gets its name, the manifest is replaced, what both stand for becomes history and is removed.
#include <unistd.h>

#include <utility>

#include "common/base/assert.h"
#include "common/log/log.h"
#include "node/persistence/aof_format.h"
#include "node/persistence/append_only_file.h"

namespace holdfast::node {

namespace {
constexpr Nanos kFirstBaseRetry = Seconds(5);
}

std::string AppendOnlyFile::temporary_base_path() const {
  return path_of(fmt::format("{}{}.aof", aof::kTemporaryBasePrefix, ::getpid()));
}

bool AppendOnlyFile::rewrite_wanted(Instant now) const {
  if (rewriting_) return false;
  if (state_ == State::waiting_rewrite) {
    return !last_rewrite_failure_ || now - *last_rewrite_failure_ >= kFirstBaseRetry;
  }
  return rewrite_scheduled_;
}

std::optional<int64_t> AppendOnlyFile::automatic_rewrite_due(const RewriteRule& rule, Instant now) const {
  if (state_ != State::on || rewriting_ || failed() || !backoff_.allows(now)) return std::nullopt;
  return due_rewrite_growth(rule, rewrite_base_bytes_, stats().current_bytes);
}

Result<> AppendOnlyFile::start_rewrite(const RdbHeader& header, SnapshotSaver& saver) {
  if (rewriting_) return fail("Background append only file rewriting already in progress");
  if (failed()) return fail("The append only file has failed: turn it off and on again");
  rewrite_scheduled_ = false;
  Result<> begun;
  switch (state_) {
    case State::on:
      begun = begin_increment();
      break;
    case State::waiting_rewrite:
      begun = begin_temporary_increment();
      break;
    case State::off:
      begun = fs_.make_directory(folder_path());
      if (begun && manifest_.empty()) begun = read_manifest();
      break;
  }
  if (begun) {
    rewriting_ = true;
    rewrite_rdb_ = options_.rdb_base;
    rewrite_started_ = clock_.now();
    SnapshotRequest request;
    request.purpose = SnapshotPurpose::aof_base;
    request.format = rewrite_rdb_ ? SnapshotRequest::Format::rdb : SnapshotRequest::Format::commands;
    request.path = temporary_base_path();
    request.header = header;
    request.header.aof_base = true;
    request.encoding = options_.encoding;
    request.incremental_sync = options_.incremental_sync;
    begun = saver.start(request, [this](const SnapshotResult& result) { rewrite_finished(result); });
  }
  if (!begun) {
    log::warning("Can't rewrite append only file in background: {}", begun.error().text);
    abandon_rewrite();
    return begun;
  }
  return {};
}

Result<> AppendOnlyFile::begin_increment() {
  AofManifest manifest = manifest_;
  const std::string name = manifest.add_incremental(names_);
  log::notice("Creating AOF incr file {} on background rewrite", name);
  auto file = create_file(path_of(name));
  if (!file) return std::unexpected(std::move(file.error()));
  if (auto persisted = persist(manifest); !persisted) {
    // The manifest on disk may be the old or the new one: the file stays, empty, and the next attempt reuses its name.
    return persisted;
  }
  manifest_ = std::move(manifest);
  earlier_bytes_ += log_->file_bytes();
  log_->rotate(std::move(*file), file_head());
  return {};
}

// Not in the manifest: should we crash, the old files (or none) are what there is.
Result<> AppendOnlyFile::begin_temporary_increment() {
  HOLDFAST_ASSERT(!log_);
  const std::string name = names_.temporary_incremental();
  log::notice("Creating AOF incr file {} on background rewrite", name);
  auto file = create_file(path_of(name));
  if (!file) return std::unexpected(std::move(file.error()));
  start_log(std::move(*file), 0);
  if (const std::string head = file_head(); !head.empty()) log_->annotate(head);
  return {};
}

void AppendOnlyFile::rewrite_finished(const SnapshotResult& result) {
  Result<> installed = result.outcome;
  if (installed && state_ == State::waiting_rewrite && failed()) {
    installed = fail("the new append only file could not be written");
  }
  if (installed) installed = install_base();
  if (!installed) {
    log::warning("Background AOF rewrite terminated with error: {}", installed.error().text);
    (void)fs_.remove(temporary_base_path());
    abandon_rewrite();
    return;
  }
  rewriting_ = false;
  state_ = state_ == State::off ? State::off : State::on;
  earlier_bytes_ = result.stats.bytes;
  rewrite_base_bytes_ = stats().current_bytes;
  last_rewrite_ok_ = true;
  last_rewrite_duration_ = clock_.now() - rewrite_started_;
  ++rewrites_;
  backoff_.succeeded();
  remove_history();
  log::notice("Background AOF rewrite finished successfully");
}

Result<> AppendOnlyFile::install_base() {
  AofManifest manifest = manifest_;
  const bool waiting = state_ == State::waiting_rewrite;
  const std::string base = manifest.replace_base(names_, rewrite_rdb_, log_ && !waiting ? 1 : 0);
  auto done = fs_.rename(temporary_base_path(), path_of(base));
  std::string increment;
  if (done && waiting) {
    // The base is in the manifest before the increment gets its name: there is no moment at which a crash leaves files with
    // data in them and no manifest.
    done = fs_.sync_directory(folder_path());
    if (done) done = persist(manifest);
    increment = manifest.add_incremental(names_);
    if (done) done = fs_.rename(path_of(names_.temporary_incremental()), path_of(increment));
  }
  if (done) done = fs_.sync_directory(folder_path());
  if (done) {
    log::notice("Successfully renamed the temporary AOF base file into {}", base);
    if (waiting) {
      log::notice("Successfully renamed the temporary AOF incr file {} into {}", names_.temporary_incremental(),
                  increment);
    }
    // A failure from here on may leave either manifest on disk: the files of both stay.
    done = persist(manifest);
  }
  if (done) {
    manifest_ = std::move(manifest);
  } else {
    manifest_.skip_names_of(manifest);
  }
  return done;
}

void AppendOnlyFile::abandon_rewrite() {
  rewriting_ = false;
  last_rewrite_ok_ = false;
  last_rewrite_duration_ = clock_.now() - rewrite_started_;
  last_rewrite_failure_ = clock_.now();
  backoff_.failed(clock_.now());
  if (state_ != State::waiting_rewrite) return;
  stop_log();
  (void)fs_.remove(path_of(names_.temporary_incremental()));
}

void AppendOnlyFile::remove_history() {
  if (manifest_.history().empty()) return;
  for (const AofFile& file : manifest_.removable()) {
    log::notice("Removing the history file {} in the background", file.name);
    // Held open while its name goes: the log thread, not the executor, then waits for its blocks to be freed.
    auto held = fs_.open(path_of(file.name), FileSystem::Mode::read);
    (void)fs_.remove(path_of(file.name));
    if (held && log_) log_->dispose(std::move(*held));
  }
  AofManifest manifest = manifest_;
  manifest.forget_history();
  // Should this fail, the next start finds history whose files are gone, which is harmless.
  if (persist(manifest)) manifest_ = std::move(manifest);
}

}  // namespace holdfast::node
