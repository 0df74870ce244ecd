// Batches of entries on their way from the thread that decodes a file to the one that inserts them.
//
// Bounded: the decoder waits when kMost batches wait to be inserted, and empty ones go back to it. put() and finish() are
// the decoder's, the rest is the executor's. Either side may end it at any moment.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "common/base/result.h"
#include "common/time/clock.h"
#include "node/keyspace/entry_batch.h"

namespace holdfast::node {

class BatchQueue {
 public:
  explicit BatchQueue(const EntryBatch::Rules& rules) : rules_(rules) {}

  // Takes the batch and leaves an empty one. An error: nobody takes any more.
  Result<> put(EntryBatch& batch, uint64_t bytes);
  void finish();  // no more batches

  struct Taken {
    std::optional<EntryBatch> batch;  // nothing: none came within the time, or there will be no more
    uint64_t bytes = 0;               // of the file, up to the batch's end
    bool finished = false;
  };
  Taken take(Millis patience);
  void give_back(EntryBatch batch);
  void cancel();

 private:
  static constexpr size_t kMost = 8;
  struct Filled {
    EntryBatch batch;
    uint64_t bytes;
  };

  const EntryBatch::Rules& rules_;
  std::mutex mutex_;
  std::condition_variable room_, filled_;
  std::deque<Filled> waiting_;
  std::vector<EntryBatch> empty_;
  bool finished_ = false, cancelled_ = false;
};

}  // namespace holdfast::node
