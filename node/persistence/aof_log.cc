#include "node/persistence/aof_log.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <system_error>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "common/memory/usage.h"
#include "common/resp/request_parser.h"
#include "node/persistence/aof_format.h"

namespace holdfast::node {

namespace {

constexpr Nanos kSyncInterval = Seconds(1);
constexpr Nanos kSlowSync = Seconds(2);
constexpr std::chrono::milliseconds kLinger{20};
constexpr size_t kKeptBuffer = 1024 * 1024;  // a buffer that one large turn grew beyond this is given back

// The length of the longest prefix of `bytes` within the first `limit` that ends between commands and transactions.
size_t whole_commands(std::string_view bytes, size_t limit) {
  size_t at = 0;
  size_t whole = 0;
  bool in_transaction = false;
  resp::RequestParser parser;
  while (at < limit) {
    const std::string_view rest = bytes.substr(at, limit - at);
    if (rest.front() == '#') {
      const size_t end = rest.find('\n');
      if (end == std::string_view::npos) break;
      at += end + 1;
    } else {
      if (parser.parse(rest, {.max_bulk = INT64_MAX / 2}) != resp::RequestParser::Status::request) break;
      const auto argv = parser.args();
      if (argv.size() == 1 && iequals(argv[0], "MULTI")) in_transaction = true;
      if (argv.size() == 1 && iequals(argv[0], "EXEC")) in_transaction = false;
      at += parser.consumed();
    }
    if (!in_transaction) whole = at;
  }
  return whole;
}

}  // namespace

std::string aof_misconf_text(const Error& error) {
  return "MISCONF Errors writing to the AOF file: " +
         (error.code != 0 ? std::string(std::strerror(error.code)) : error.text);
}

AppendOnlyLog::AppendOnlyLog(std::unique_ptr<File> file, uint64_t file_bytes, const Clock& clock, Options options,
                             Notify notify)
    : clock_(clock),
      notify_(std::move(notify)),
      policy_(options.policy),
      timestamps_(options.timestamps),
      file_bytes_(file_bytes),
      last_sync_(clock.now()),
      threads_stay_(policy_ == FsyncPolicy::always) {
  take_file(std::move(file), file_bytes);
  if (threads_stay_) start_threads();
}

AppendOnlyLog::~AppendOnlyLog() { (void)close(); }

void AppendOnlyLog::feed(int db, std::span<const std::string_view> argv) {
  HOLDFAST_ASSERT(!argv.empty() && !closed_);
  const size_t before = buffer_.size();
  if (timestamps_ && !in_transaction_) write_timestamp();
  if (db >= 0 && db != selected_db_) {
    aof::append_select(buffer_, db);
    selected_db_ = db;
  }
  aof::append_command(buffer_, argv);
  if (argv.size() == 1) {
    if (iequals(argv[0], "MULTI")) in_transaction_ = true;
    if (iequals(argv[0], "EXEC")) in_transaction_ = false;
  }
  appended_ += buffer_.size() - before;
  file_bytes_ += buffer_.size() - before;
}

void AppendOnlyLog::write_timestamp() {
  const int64_t second = to_unix_ms(clock_.wall_now()) / 1000;
  if (second <= last_timestamp_) return;
  last_timestamp_ = second;
  buffer_ += fmt::format("#{}{}\r\n", aof::kTimestamp, second);
}

void AppendOnlyLog::annotate(std::string_view line) {
  HOLDFAST_ASSERT(!in_transaction_ && line.starts_with('#') && line.ends_with("\r\n"));
  buffer_.append(line);
  appended_ += line.size();
  file_bytes_ += line.size();
}

void AppendOnlyLog::flush() {
  if (failed()) {
    buffer_.clear();
    return;
  }
  if (!buffer_.empty()) {
    if (policy_ == FsyncPolicy::always) {
      if (!sync_paused_) sync_requested_ = appended_;
      enqueue({.bytes = std::move(buffer_),
               .end_offset = appended_,
               .sync = !sync_paused_,
               .counts_as_durable = sync_paused_});
      buffer_ = {};
    } else if (idle()) {
      if (auto written = write(buffer_); !written) {
        const std::lock_guard lock(mutex_);
        fail_with(std::move(written.error()));
      }
    } else {
      enqueue({.bytes = buffer_, .end_offset = appended_});
    }
    buffer_.clear();
    if (buffer_.capacity() > kKeptBuffer) buffer_ = {};
  }
  if (policy_ == FsyncPolicy::everysec) sync_each_second(clock_.now());
}

void AppendOnlyLog::sync_now() {
  flush();
  if (policy_ != FsyncPolicy::everysec || failed() || sync_paused_ || sync_requested_ == appended_) return;
  request_sync(clock_.now());
}

void AppendOnlyLog::request_sync(Instant now) {
  last_sync_ = now;
  delay_counted_ = false;
  sync_requested_ = appended_;
  enqueue({.end_offset = appended_, .sync = true});
}

void AppendOnlyLog::sync_each_second(Instant now) {
  if (sync_requested_ > durable_offset()) {  // one is under way
    if (now - last_sync_ > kSlowSync && !delay_counted_ && !idle()) {
      delay_counted_ = true;
      ++delayed_syncs_;
      log::notice("Asynchronous AOF fsync is taking too long (disk is busy?). Writes are queued behind it.");
    }
    return;
  }
  if (sync_requested_ == appended_ || sync_paused_ || now - last_sync_ < kSyncInterval) return;
  request_sync(now);
}

bool AppendOnlyLog::idle() const {
  const std::lock_guard lock(mutex_);
  return busy_ == 0 && jobs_.empty();
}

std::optional<Error> AppendOnlyLog::last_error() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

uint64_t AppendOnlyLog::buffered_bytes() const {
  const std::lock_guard lock(mutex_);
  uint64_t bytes = buffer_.capacity() + busy_bytes_;
  for (const Job& job : jobs_) bytes += job.bytes.capacity();
  return bytes;
}

void AppendOnlyLog::enqueue(Job job) {
  bool wake, start;
  {
    const std::lock_guard lock(mutex_);
    if (!jobs_.empty() && jobs_.back().mergeable() && !job.disposed) {
      Job& last = jobs_.back();
      last.bytes.append(job.bytes);
      last.end_offset = job.end_offset;
      last.sync |= job.sync;
      last.counts_as_durable |= job.counts_as_durable;
      last.next_file = std::move(job.next_file);
    } else {
      jobs_.push_back(std::move(job));
    }
    wake = may_begin();
    start = running_ == 0;
  }
  if (start) {
    start_threads();
  } else if (wake) {
    wake_.notify_one();
  }
}

void AppendOnlyLog::rotate(std::unique_ptr<File> next, std::string_view head) {
  HOLDFAST_ASSERT(!closed_ && !in_transaction_);
  sync_requested_ = appended_;
  enqueue({.bytes = std::move(buffer_), .end_offset = appended_, .sync = true, .next_file = std::move(next)});
  buffer_ = {};
  selected_db_ = -1;
  last_timestamp_ = 0;
  file_bytes_ = 0;
  if (!head.empty()) annotate(head);
}

void AppendOnlyLog::set_policy(FsyncPolicy policy) {
  const FsyncPolicy old = policy_;
  flush();
  policy_ = policy;
  {
    const std::lock_guard lock(mutex_);
    threads_stay_ = policy == FsyncPolicy::always;
  }
  wake_.notify_all();
  if (policy != FsyncPolicy::always || old == FsyncPolicy::always) return;
  start_threads();
  // What was written so far and not synced is waited for from now on.
  sync_requested_ = appended_;
  enqueue({.end_offset = appended_, .sync = true});
}

void AppendOnlyLog::set_sync_paused(bool paused) {
  if (sync_paused_ == paused) return;
  flush();
  sync_paused_ = paused;
}

void AppendOnlyLog::dispose(std::unique_ptr<File> file) { enqueue({.disposed = std::move(file)}); }

Result<> AppendOnlyLog::close() {
  if (!closed_) {
    closed_ = true;
    if (!failed()) enqueue({.bytes = std::move(buffer_), .end_offset = appended_, .sync = true});
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    files_.clear();
  }
  if (auto error = last_error()) return std::unexpected(std::move(*error));
  return {};
}

// One is enough where a sync is asked for once a second. Where the machine gives none the executor does the work.
void AppendOnlyLog::start_threads() {
  const size_t wanted = policy_ == FsyncPolicy::always ? kSyncs : 1;
  std::unique_lock lock(mutex_);
  if (running_ == 0) {
    for (std::thread& ended : threads_) ended.join();
    threads_.clear();
  }
  for (; running_ < wanted; ++running_) {
    try {
      threads_.emplace_back([this] { run(); });
    } catch (const std::system_error& error) {
      if (running_ > 0) break;
      log::warning("Can't create a thread to sync the append-only file: {}", error.what());
      while (may_begin()) work_off_job(lock);
      return;
    }
  }
}

void AppendOnlyLog::take_file(std::unique_ptr<File> file, uint64_t bytes) {
  handles_.clear();
  handles_.push_back(file.get());
  files_.clear();
  files_.push_back(std::move(file));
  written_bytes_ = bytes;
  while (files_.size() < kSyncs) {
    auto again = files_.front()->open_again();
    if (!again) break;
    handles_.push_back(again.get());
    files_.push_back(std::move(again));
  }
}

bool AppendOnlyLog::may_begin() const {
  return !jobs_.empty() && !writing_ && !handles_.empty() && (busy_ == 0 || !jobs_.front().waits_for_others());
}

void AppendOnlyLog::run() {
  const memory::ThreadAccount account;
  std::unique_lock lock(mutex_);
  while (wait_for_job(lock)) work_off_job(lock);
  --running_;
  wake_.notify_all();
}

void AppendOnlyLog::work_off_job(std::unique_lock<std::mutex>& lock) {
  Job job = std::move(jobs_.front());
  jobs_.pop_front();
  const uint64_t bytes = job.bytes.capacity();
  ++busy_;
  busy_bytes_ += bytes;
  const bool changed = perform(job, lock);
  --busy_;
  busy_bytes_ -= bytes;
  lock.unlock();
  job = {};
  if (changed && notify_) notify_();
  lock.lock();
}

// False: the thread is to end.
bool AppendOnlyLog::wait_for_job(std::unique_lock<std::mutex>& lock) {
  while (!may_begin()) {
    if (stopping_ && jobs_.empty()) return false;
    if (threads_stay_) {
      wake_.wait(lock);
    } else if (wake_.wait_for(lock, kLinger) == std::cv_status::timeout && jobs_.empty()) {
      return false;
    }
  }
  return true;
}

metrics::LatencyHistogram AppendOnlyLog::fsync_durations() const {
  const std::lock_guard lock(mutex_);
  return fsync_durations_;
}

// True: durable_offset() or failed() has changed. Called, and left, with the lock held.
bool AppendOnlyLog::perform(Job& job, std::unique_lock<std::mutex>& lock) {
  if (job.disposed || failed()) return false;
  const bool alone = job.next_file != nullptr;
  const bool counts = job.sync || job.counts_as_durable;
  File* const handle = handles_.back();
  handles_.pop_back();
  writing_ = true;
  lock.unlock();
  auto done = job.bytes.empty() ? Result<>() : write(job.bytes);
  lock.lock();
  writing_ = alone;
  if (may_begin()) wake_.notify_one();  // what comes next may be written while this is synced
  if (done && job.sync) {
    lock.unlock();
    const Instant begin = clock_.now();
    done = handle->sync();
    const Nanos took = clock_.now() - begin;
    lock.lock();
    fsync_durations_.observe(took);
  }
  handles_.push_back(handle);
  writing_ = writing_ && !alone;
  if (!done) return fail_with(std::move(done.error()));
  if (alone) take_file(std::move(job.next_file), 0);
  return counts && advance(job.end_offset);
}

// After a failure nothing counts any more.
bool AppendOnlyLog::advance(uint64_t offset) {
  if (failed() || offset <= durable_offset()) return false;
  durable_.store(offset, std::memory_order_release);
  return true;
}

Result<> AppendOnlyLog::write(std::string_view bytes) {
  const uint64_t before = written_bytes_;
  auto written = files_.front()->append(bytes);
  if (written) {
    written_bytes_ += bytes.size();
  } else {
    cut_back(before, bytes);
  }
  return written;
}

void AppendOnlyLog::cut_back(uint64_t before, std::string_view bytes) {
  const auto size = files_.front()->size();
  if (!size || *size <= before) return;
  const auto reached = static_cast<size_t>(std::min<uint64_t>(*size - before, bytes.size()));
  const uint64_t keep = before + whole_commands(bytes, reached);
  if (keep == *size) return;
  if (auto cut = files_.front()->truncate(keep); !cut) {
    log::warning(
        "Could not remove short write from the append-only file. It will be cut off when the file is loaded: {}",
        cut.error().text);
  }
}

// With the lock held. False when it has failed before.
bool AppendOnlyLog::fail_with(Error error) {
  if (failed()) return false;
  log::warning("Error writing to the append-only file: {}. It accepts nothing more until it is turned off and on again",
               error.text);
  failure_ = std::move(error);
  failed_.store(true, std::memory_order_release);
  return true;
}

}  // namespace holdfast::node
