// The thread that writes a snapshot: takes records, encodes them, and gets the file to the disk.
//
// A file is written under a temporary name beside it (temp-<thread>.rdb), synced, renamed, its folder synced; a failure
// removes the temporary. The work on records is patient (process::PatientThread), so that neither the executor nor its
// clients are kept waiting; whether it gets any time is for the executor to see to (queue().wait(), cpu_time(),
// runnable(), hurry()).
//
// Threads: the executor calls everything; `notify` and `on_start` run on the writer's thread, and the first may only
// post to the executor's loop: there is room again, or it is done().
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <semaphore>
#include <vector>

#include "common/base/result.h"
#include "common/fs/file_system.h"
#include "common/process/patient_thread.h"
#include "common/time/clock.h"
#include "node/persistence/chunk_queue.h"
#include "node/persistence/snapshot.h"

namespace holdfast::node {

class ByteSink;
class SnapshotReplay;

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

  Result<> start();
  ChunkQueue& queue() { return queue_; }
  // `notify` is to be called when the next chunk has been worked off.
  void want_room() { room_wanted_.store(true, std::memory_order_relaxed); }
  // The result is an error then, soon, and no file takes its place. False: it is about to, or has.
  bool abort();

  // Of the work on records.
  Nanos cpu_time() { return thread_.cpu_time(); }
  bool runnable() const { return thread_.runnable(); }
  // It has been patient for long enough.
  void hurry();

  bool done() const { return done_.load(std::memory_order_acquire); }
  const Result<>& outcome() const { return outcome_; }  // once it is done
  SaveStats stats() const { return {keys_.load(std::memory_order_relaxed), bytes_.load(std::memory_order_relaxed)}; }

 private:
  class Sink;
  enum class Fate : uint8_t { open, aborted, kept };  // the file takes its place only once it is settled to be kept
  void run();
  Result<> write();
  Result<> write_file();
  Result<> write_records(ByteSink& sink);
  Result<> replay_chunks(SnapshotReplay& replay);
  bool aborted() const { return fate_.load(std::memory_order_relaxed) == Fate::aborted; }
  bool settle(Fate fate);

  FileSystem& fs_;
  const SnapshotRequest request_;
  const std::vector<DatabaseSize> databases_;
  const Notify notify_;
  const std::function<void()> on_start_;
  const KeyDelay key_delay_;
  int descriptor_ = -1;

  ChunkQueue queue_;
  std::counting_semaphore<> aborting_{0};  // for who waits at a key
  std::atomic<Fate> fate_{Fate::open};
  std::atomic<uint64_t> keys_{0}, bytes_{0};
  std::atomic<bool> done_{false}, room_wanted_{false};
  Result<> outcome_;

  process::PatientThread thread_;
};

}  // namespace holdfast::node
