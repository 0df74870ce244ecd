// What becomes of a snapshot's records in the file: RDB, or commands. One thread: the writer's.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "node/persistence/record_stream.h"
#include "node/persistence/snapshot_writer.h"

namespace holdfast::node {

class SnapshotReplay : public RecordReplay {
 public:
  struct Progress {
    std::function<bool()> aborted;
    std::function<void()> at_key;  // null: nothing
  };

  virtual void begin() = 0;
  virtual Result<> finish() = 0;
  virtual uint64_t bytes_put() const = 0;
  uint64_t keys() const { return keys_; }

  static std::unique_ptr<SnapshotReplay> make(ByteSink& sink, const SnapshotRequest& request,
                                              const std::vector<SnapshotWriter::DatabaseSize>& databases,
                                              const Progress& progress);

 protected:
  explicit SnapshotReplay(const Progress& progress) : progress_(progress) {}
  void on_key_done() override {
    if (progress_.at_key) progress_.at_key();
    ++keys_;
  }
  Result<> status_with(const Result<>& status) const {
    if (progress_.aborted && progress_.aborted()) return fail("cancelled");
    return status;
  }

 private:
  const Progress& progress_;
  uint64_t keys_ = 0;
};

}  // namespace holdfast::node
