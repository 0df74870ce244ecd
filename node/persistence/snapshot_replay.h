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
  virtual void begin() = 0;
  virtual Result<> finish() = 0;
  virtual uint64_t bytes_put() const = 0;
  uint64_t keys() const { return keys_; }

  static std::unique_ptr<SnapshotReplay> make(ByteSink& sink, const SnapshotRequest& request,
                                              const std::vector<SnapshotWriter::DatabaseSize>& databases,
                                              const std::function<void()>& key_delay);

 protected:
  explicit SnapshotReplay(const std::function<void()>& key_delay) : key_delay_(key_delay) {}
  void on_key_done() override {
    if (key_delay_) key_delay_();
    ++keys_;
  }

 private:
  const std::function<void()>& key_delay_;
  uint64_t keys_ = 0;
};

}  // namespace holdfast::node
