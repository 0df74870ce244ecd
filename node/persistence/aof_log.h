// The writing end of the append-only file: encodes effects as commands and gets them to the disk by the fsync policy.
//
//   always    flush() hands the turn's bytes to a log thread, which writes and syncs them, and the executor never waits.
//             While it syncs, the next thread begins with what came meanwhile: up to kSyncs syncs overlap, so that a
//             write waits for little more than one sync. With all of them busy turns collect into the next write
//             (group commit). Writes are in order; a sync makes all durable that was written when it began, so one that
//             overtakes another counts for both.
//   everysec  flush() writes; a log thread syncs once a second, and when sync_now() asks. While it syncs, writes queue for
//             it.
//   no        flush() writes; the kernel decides.
//
// Except under `always` a log thread ends soon after its work: while it lives, both share the table of open files, and
// each system call on a socket costs the executor two atomic operations more (2 % of a request's time).
//
// Offsets count the bytes ever fed to this object, across files. durable_offset() <= appended_offset(); under `always`
// everything up to durable_offset() survives a power cut. rotate() goes on in another file; the old one is synced
// before the first byte of the new one is written, so a crash never leaves a gap between the two.
//
// A failed write or sync is never retried: the kernel may have dropped the pages and say "synced" the next time. The
// log is failed from then on: it takes no more bytes, durable_offset() stays, and only a new log with a new base
// recovers. After a failed write the file is cut back to the last whole command or transaction when that is possible.
// Overlapping syncs have a handle of the file each, since the kernel tells each handle, and only once, of a failure:
// whichever sync fails first, none that lost bytes is taken for a success.
//
// Threads: one executor calls everything; `notify` runs on a log thread; durable_offset() and failed() may be called
// from any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/base/result.h"
#include "common/fs/file_system.h"
#include "common/metrics/latency_histogram.h"
#include "common/time/clock.h"
#include "node/keyspace/effect_sink.h"

namespace holdfast::node {

enum class FsyncPolicy : uint8_t { no, everysec, always };

class AppendOnlyLog final : public EffectSink {
 public:
  static constexpr size_t kSyncs = 6;  // that overlap at most

  struct Options {
    FsyncPolicy policy = FsyncPolicy::everysec;
    bool timestamps = false;  // aof-timestamp-enabled
  };
  // Called on a log thread after durable_offset() or failed() has changed. It may only post to the owner's loop.
  using Notify = std::function<void()>;

  // `file` is open for appending and has `file_bytes` bytes.
  AppendOnlyLog(std::unique_ptr<File> file, uint64_t file_bytes, const Clock& clock, Options options, Notify notify);
  ~AppendOnlyLog() override;  // close(), if that was not called

  void feed(int db, std::span<const std::string_view> argv) override;
  // A `#` line, with its line end; not inside a transaction.
  void annotate(std::string_view line);
  // The end of a turn; also to be called a few times a second when idle, for everysec's sync.
  void flush();
  // Somebody waits for the disk: under everysec what was fed is synced now. Turns that ask while a sync runs share the
  // next one.
  void sync_now();

  uint64_t appended_offset() const { return appended_; }
  uint64_t durable_offset() const { return durable_.load(std::memory_order_acquire); }
  uint64_t sync_requested_offset() const { return sync_requested_; }
  bool failed() const { return failed_.load(std::memory_order_acquire); }
  std::optional<Error> last_error() const;

  // Goes on in `next`, an empty file, after flushing. `head`: lines that it begins with.
  void rotate(std::unique_ptr<File> next, std::string_view head);
  void set_policy(FsyncPolicy policy);
  FsyncPolicy policy() const { return policy_; }
  void set_timestamps(bool enabled) { timestamps_ = enabled; }
  // no-appendfsync-on-rewrite while a snapshot is written: nothing is synced, and under `always` what is written counts as
  // durable.
  void set_sync_paused(bool paused);
  // Closes the file on a log thread: the last close of a large removed file takes long.
  void dispose(std::unique_ptr<File> file);
  // Flushes, syncs and ends the threads. The error is the log's failure, if it has failed.
  Result<> close();

  uint64_t file_bytes() const { return file_bytes_; }        // of the current file, with what waits to be written
  // Memory of what is not yet durable: of this turn, and what waits for a log thread or is in its hands.
  uint64_t buffered_bytes() const;
  uint64_t delayed_syncs() const { return delayed_syncs_; }  // INFO's aof_delayed_fsync
  metrics::LatencyHistogram fsync_durations() const;

 private:
  struct Job {
    std::string bytes;
    uint64_t end_offset = 0;
    bool sync = false;
    bool counts_as_durable = false;   // without a sync
    std::unique_ptr<File> next_file;  // after the bytes and the sync; the job is then alone
    std::unique_ptr<File> disposed;
    bool mergeable() const { return !next_file && !disposed; }
    // Syncs that are under way have to end first.
    bool waits_for_others() const { return next_file || (counts_as_durable && !sync); }
  };

  void write_timestamp();
  void enqueue(Job job);
  bool idle() const;
  void sync_each_second(Instant now);
  void request_sync(Instant now);
  void start_threads();
  void run();
  bool wait_for_job(std::unique_lock<std::mutex>& lock);
  void work_off_job(std::unique_lock<std::mutex>& lock);
  bool may_begin() const;
  bool perform(Job& job, std::unique_lock<std::mutex>& lock);
  bool advance(uint64_t offset);
  void take_file(std::unique_ptr<File> file, uint64_t bytes);
  Result<> write(std::string_view bytes);
  void cut_back(uint64_t before, std::string_view bytes);
  bool fail_with(Error error);

  const Clock& clock_;
  const Notify notify_;

  // The executor's.
  FsyncPolicy policy_;
  bool timestamps_;
  bool sync_paused_ = false;
  bool closed_ = false;
  bool in_transaction_ = false;
  int selected_db_ = -1;
  int64_t last_timestamp_ = 0;
  std::string buffer_;  // of this turn
  uint64_t appended_ = 0;
  uint64_t sync_requested_ = 0;  // offset up to which a sync was asked for
  uint64_t file_bytes_;
  Instant last_sync_;
  uint64_t delayed_syncs_ = 0;
  bool delay_counted_ = false;

  // The handles of the file, fewer than kSyncs where the machine gives none. The first one writes: that, and the file's
  // size, belong to the log thread that writes, or, while all are idle, to the executor.
  std::vector<std::unique_ptr<File>> files_;
  uint64_t written_bytes_ = 0;  // of the file

  std::atomic<uint64_t> durable_{0};
  std::atomic<bool> failed_{false};

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  size_t busy_ = 0;          // threads that perform a job
  std::vector<File*> handles_;  // of files_: those that no thread syncs by
  bool writing_ = false;    // one of them writes, or must be alone
  uint64_t busy_bytes_ = 0;  // of the jobs being performed
  bool stopping_ = false;
  bool threads_stay_;       // when there is nothing to be done
  size_t running_ = 0;      // threads
  std::optional<Error> failure_;
  metrics::LatencyHistogram fsync_durations_;

  std::vector<std::thread> threads_;
};

// What a write command is answered while the log has failed.
std::string aof_misconf_text(const Error& error);

}  // namespace holdfast::node
