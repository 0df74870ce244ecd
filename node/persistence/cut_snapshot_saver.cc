#include "node/persistence/cut_snapshot_saver.h"

#include <unistd.h>

#include <utility>

#include "common/log/log.h"

namespace holdfast::node {

namespace {

std::string_view title(SnapshotPurpose purpose) {
  switch (purpose) {
    case SnapshotPurpose::rdb_file:
      return "Background saving";
    case SnapshotPurpose::aof_base:
      return "Background AOF rewrite";
    case SnapshotPurpose::transfer:
      return "Background RDB transfer";
  }
  return "";
}

// Of the writer: less than this part of the time on a processor while it has work means that it needs the executor's
// ...
constexpr double kStarving = 0.2;
// ... and when it used less than this part of a sleep, it waits for something else: then sleeping is of no use for a
// while.
constexpr double kUseful = 0.3;
constexpr Millis kSleepless{20};
// Longer than a slice: each time the writer must first get its memory back into the processor's caches, and then the
// executor its own.
constexpr Micros kSleep{500};

double part(Nanos of, Nanos whole) {
  return whole.count() <= 0 ? 1 : static_cast<double>(of.count()) / static_cast<double>(whole.count());
}

}  // namespace

Result<> CutSnapshotSaver::start(const SnapshotRequest& request, OnFinished on_finished) {
  if (writer_) return fail("Background save already in progress");
  const bool commands = request.format == SnapshotRequest::Format::commands;
  std::vector<SnapshotWriter::DatabaseSize> sizes;
  keys_at_start_ = 0;
  for (int db = 0; db < keys_.database_count(); ++db) {
    sizes.push_back({db, keys_.key_count(db), keys_.expire_count(db)});
    keys_at_start_ += keys_.key_count(db);
  }
  SnapshotRequest fitting = request;
  fitting.header.element_expiry = keys_.has_element_expiry();
  purpose_ = request.purpose;
  writer_ = std::make_unique<SnapshotWriter>(
      fs_, fitting, std::move(sizes), hooks_.notify,
      [this, purpose = purpose_] {
        if (hooks_.on_writer_start) hooks_.on_writer_start(purpose);
      },
      hooks_.key_delay ? hooks_.key_delay() : nullptr);
  if (auto started = writer_->start(); !started) {
    writer_.reset();
    return started;
  }
  cut_ = std::make_unique<SnapshotCut>(keys_, commands ? SnapshotFormat::commands() : SnapshotFormat::rdb());
  on_finished_ = std::move(on_finished);
  cancelled_ = false;
  preserved_bytes_ = 0;
  started_ = looked_at_ = sleepless_until_ = clock_.now();
  cpu_then_ = slept_ = Nanos(0);
  starvation_.emplace(started_);
  if (purpose_ == SnapshotPurpose::aof_base) {
    log::notice("Background append only file rewriting started by pid {}", ::getpid());
  } else {
    log::notice("{} started by pid {}", title(purpose_), ::getpid());
  }
  return {};
}

std::optional<SnapshotPurpose> CutSnapshotSaver::running() const {
  if (!writer_) return std::nullopt;
  return purpose_;
}

bool CutSnapshotSaver::step(Instant until) {
  if (!writer_ || writer_->done()) return false;
  if (cut_ && writer_->queue().waiting() < kQueue) {
    copy(until);
    if (cut_) return true;
  }
  if (rest_) {
    hand_over(*rest_, true);
    if (rest_->empty()) {
      rest_.reset();
      writer_->queue().end();
    }
  }
  return sleep_for_writer(until);
}

void CutSnapshotSaver::copy(Instant until) {
  ChunkQueue& queue = writer_->queue();
  while (auto chunk = queue.used()) cut_->out().give_back(std::move(*chunk));
  const bool all = cut_->step(clock_, until, kQueue - queue.waiting());
  if (!all) return hand_over(cut_->out(), false);
  preserved_bytes_ = cut_->preserved_bytes();
  rest_ = std::move(cut_->out());
  cut_.reset();
  looked_at_ = clock_.now();
  cpu_then_ = writer_->cpu_time();
}

// What finds no room stays where it is.
void CutSnapshotSaver::hand_over(RecordStream& records, bool all) {
  ChunkQueue& queue = writer_->queue();
  while (queue.has_room() && (records.full_chunks() > 0 || (all && !records.empty()))) queue.push(records.take());
}

void CutSnapshotSaver::drop_records() {
  cut_.reset();
  rest_.reset();
}

size_t CutSnapshotSaver::held_bytes() const {
  if (!writer_) return 0;
  const size_t records = cut_ ? cut_->held_bytes() : rest_ ? rest_->bytes() : 0;
  return records + writer_->queue().waiting() * Chunk::kBytes;
}

bool CutSnapshotSaver::sleep_for_writer(Instant until) {
  writer_->want_room();
  const size_t waiting = writer_->queue().waiting();
  if (cut_ && waiting < kQueue) return true;  // it was worked off just before
  if (!cut_ && waiting == 0) return rest_.has_value();
  const Instant now = clock_.now();
  if (now < sleepless_until_) return false;
  const Nanos cpu = writer_->cpu_time();
  const bool starving = part(cpu - cpu_then_, now - looked_at_) < kStarving;
  looked_at_ = now;
  cpu_then_ = cpu;
  if (!starving || until <= now) return starving;
  writer_->queue().wait(kSleep);
  looked_at_ = clock_.now();
  cpu_then_ = writer_->cpu_time();
  slept_ += looked_at_ - now;
  if (part(cpu_then_ - cpu, looked_at_ - now) < kUseful) sleepless_until_ = looked_at_ + kSleepless;
  return true;
}

void CutSnapshotSaver::look_at_writer() {
  const Instant now = clock_.now();
  if (!starvation_ || !starvation_->due(now)) return;
  if (!starvation_->look(now, writer_->cpu_time(), slept_, writer_->runnable())) return;
  log::verbose("The snapshot gets too little of the processors that others use: it goes on at normal priority");
  writer_->hurry();
  starvation_.reset();
}

void CutSnapshotSaver::cancel() {
  if (!writer_) return;
  cancelled_ = true;
  drop_records();
  (void)writer_->abort();
}

void CutSnapshotSaver::abandon() {
  if (!writer_) return;
  drop_records();
  on_finished_ = nullptr;
  if (writer_->abort()) abandoned_.push_back(std::move(writer_));
  writer_.reset();
  if (abandoned_.size() > kMostAbandoned) abandoned_.erase(abandoned_.begin());
}

void CutSnapshotSaver::stop() {
  abandon();
  abandoned_.clear();
}

std::function<void()> CutSnapshotSaver::end_now() {
  if (!writer_) return nullptr;
  SnapshotResult ended;
  ended.purpose = purpose_;
  ended.cancelled = true;
  ended.outcome = fail("{} was cancelled", title(purpose_));
  ended.duration = clock_.now() - started_;
  OnFinished finished = std::move(on_finished_);
  abandon();
  return [ended, finished = std::move(finished)] {
    if (finished) finished(ended);
  };
}

void CutSnapshotSaver::poll() {
  std::erase_if(abandoned_, [](const auto& writer) { return writer->done(); });
  if (!writer_) return;
  if (!writer_->done()) return look_at_writer();
  if (cut_) preserved_bytes_ = cut_->preserved_bytes();
  drop_records();
  const SnapshotResult ended = result();
  writer_.reset();
  const OnFinished finished = std::exchange(on_finished_, nullptr);
  if (finished) finished(ended);
}

SnapshotResult CutSnapshotSaver::result() {
  SnapshotResult result;
  result.purpose = purpose_;
  result.cancelled = cancelled_;
  result.stats = writer_->stats();
  result.duration = clock_.now() - started_;
  result.copied_bytes = preserved_bytes_;
  const std::string_view what = title(purpose_);
  if (writer_->outcome() && !cancelled_) {
    if (purpose_ == SnapshotPurpose::rdb_file) log::notice("DB saved on disk");
    if (purpose_ == SnapshotPurpose::aof_base) log::notice("Successfully created the temporary AOF base file");
    log::notice("{} terminated with success", what);
    return result;
  }
  if (cancelled_) {
    result.outcome = fail("{} was cancelled", what);
    return result;
  }
  log::warning("Error writing the snapshot: {}", writer_->outcome().error().text);
  log::warning("{} error", what);
  result.outcome = std::unexpected(writer_->outcome().error());
  return result;
}

}  // namespace holdfast::node
