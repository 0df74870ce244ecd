// The background writer without a fork: a SnapshotCut, worked off in slices on the executor, and a SnapshotWriter.
//
// step() is a slice; its owner gives it a share of the executor's time while wants_step() (node/io does, by
// BackgroundDriver). Where the writer gets no time of its own because it shares a core with a busy executor, a slice
// sleeps instead of copying, so that the writer can go on. Executor thread only; `notify` as for SnapshotWriter.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "node/keyspace/keyspace.h"
#include "node/persistence/snapshot.h"
#include "node/persistence/snapshot_cut.h"
#include "node/persistence/snapshot_writer.h"
#include "node/persistence/starvation.h"

namespace holdfast::node {

class CutSnapshotSaver final : public SnapshotSaver {
 public:
  struct Hooks {
    SnapshotWriter::Notify notify;
    std::function<void(SnapshotPurpose)> on_writer_start;  // on the writer's thread
    std::function<SnapshotWriter::KeyDelay()> key_delay;   // for a snapshot that begins; may give null
  };
  // The keyspace and the others outlive this.
  CutSnapshotSaver(FileSystem& fs, const Clock& clock, Keyspace& keys, Hooks hooks)
      : fs_(fs), clock_(clock), keys_(keys), hooks_(std::move(hooks)) {}

  Result<> start(const SnapshotRequest& request, OnFinished on_finished) override;
  std::optional<SnapshotPurpose> running() const override;
  SaveStats progress() const override { return writer_ ? writer_->stats() : SaveStats{}; }
  void cancel() override;
  // Waits for no writer, which may have no processor just now, unless its file is about to take its place.
  void abandon() override;
  // Called now and then, ten times a second or so.
  void poll() override;
  // abandon(), and what would have been called: to be called later.
  std::function<void()> end_now();
  // abandon(), and no thread of this is left.
  void stop();

  // Copies until about `until`, or sleeps for the writer, at most 500 us; false: there is nothing to do before the next
  // notification.
  bool step(Instant until);
  uint64_t keys_at_start() const { return keys_at_start_; }
  // Memory that the running snapshot holds.
  size_t held_bytes() const;
  uint64_t preserved_bytes() const { return cut_ ? cut_->preserved_bytes() : preserved_bytes_; }
  // Whether so much waits for the writer that it should get more of the time.
  bool pressed() const { return held_bytes() > kPressingBytes; }
  // Time that step() has slept so far, for the writer.
  Nanos slept() const { return slept_; }

 private:
  static constexpr size_t kQueue = 4;  // chunks that wait for the writer, unless writes hand over more
  static constexpr size_t kPressingBytes = 24 * 1024 * 1024;
  static constexpr size_t kMostAbandoned = 4;

  void copy(Instant until);
  void hand_over(RecordStream& records, bool all);
  void drop_records();
  bool sleep_for_writer(Instant until);
  void look_at_writer();
  SnapshotResult result();

  FileSystem& fs_;
  const Clock& clock_;
  Keyspace& keys_;
  const Hooks hooks_;

  std::unique_ptr<SnapshotCut> cut_;
  std::optional<RecordStream> rest_;  // what it leaves where the queue has no room
  std::unique_ptr<SnapshotWriter> writer_;
  std::vector<std::unique_ptr<SnapshotWriter>> abandoned_;  // until they notice
  SnapshotPurpose purpose_ = SnapshotPurpose::rdb_file;
  OnFinished on_finished_;
  bool cancelled_ = false;
  Instant started_;
  uint64_t keys_at_start_ = 0;
  uint64_t preserved_bytes_ = 0;

  std::optional<Starvation> starvation_;  // none: the writer hurries
  // Whether the writer gets time: looked at now and then.
  Instant looked_at_;
  Nanos cpu_then_{};
  Instant sleepless_until_;
  Nanos slept_{};
};

}  // namespace holdfast::node
