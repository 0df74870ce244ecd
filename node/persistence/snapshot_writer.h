// The thread that writes a snapshot: takes records, encodes them, and gets the file to the disk.
//
// A file is written under a temporary name beside it (temp-<thread>.rdb), synced, renamed, its folder synced; a failure
// removes the temporary. Where there is one processor it runs at SCHED_IDLE, so that the executor is never kept waiting;
// whether it gets any time there is for the executor to see to (cpu_time(), wait()).
//
// Threads: the executor calls everything; `notify` and `on_start` run on the writer's thread, and the first may only
// post to the executor's loop: there is room again, or it is done().
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "common/base/result.h"
#include "common/fs/file_system.h"
#include "common/time/clock.h"
#include "node/persistence/record_stream.h"
#include "node/persistence/snapshot.h"

namespace holdfast::node {

class SnapshotWriter {
 public:
  struct DatabaseSize {
    int db;
    uint64_t keys, expires;
  };
  using Notify = std::function<void()>;

  // How long to wait at each key: rdb-key-save-delay.
  using KeyDelay = std::function<Micros()>;
  // A descriptor in `request` is duplicated.
  SnapshotWriter(FileSystem& fs, const SnapshotRequest& request, std::vector<DatabaseSize> databases, Notify notify,
                 std::function<void()> on_start, KeyDelay key_delay);
  ~SnapshotWriter();  // aborts and joins

  void push(Chunk chunk);
  void end();    // everything was pushed
  // `notify` is to be called when the next chunk has been worked off.
  void want_room() { room_wanted_.store(true, std::memory_order_relaxed); }
  void abort();  // the result is an error then, soon
  size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }  // chunks, with the one in hand
  // A used chunk, to be filled again.
  std::optional<Chunk> used();
  // Waits until a chunk has been worked off, or it is done.
  void wait(Nanos most);
  Nanos cpu_time();

  bool done() const { return done_.load(std::memory_order_acquire); }
  const Result<>& outcome() const { return outcome_; }  // once it is done
  SaveStats stats() const {
    return {keys_.load(std::memory_order_relaxed), bytes_.load(std::memory_order_relaxed)};
  }

 private:
  class Sink;
  class File;
  void run();
  Result<> write();
  Result<> write_file();
  Result<> write_records(ByteSink& sink);
  std::optional<Chunk> next();
  void finished_with(Chunk chunk);
  bool aborted() const { return aborted_.load(std::memory_order_relaxed); }

  FileSystem& fs_;
  const SnapshotRequest request_;
  const std::vector<DatabaseSize> databases_;
  const Notify notify_;
  const std::function<void()> on_start_;
  const KeyDelay key_delay_;
  int descriptor_ = -1;

  std::atomic<size_t> waiting_{0};
  std::atomic<uint64_t> keys_{0}, bytes_{0};
  std::atomic<bool> aborted_{false}, done_{false}, room_wanted_{false};
  Result<> outcome_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Chunk> queue_;
  std::vector<Chunk> used_;
  bool ended_ = false;

  std::thread thread_;
};

}  // namespace holdfast::node
