#include "node/persistence/batch_queue.h"

#include <chrono>
#include <utility>

namespace holdfast::node {

Result<> BatchQueue::put(EntryBatch& batch, uint64_t bytes) {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [this] { return waiting_.size() < kMost || cancelled_; });
  if (cancelled_) return fail("the load was given up");
  EntryBatch next(rules_);
  if (!empty_.empty()) {
    next = std::move(empty_.back());
    empty_.pop_back();
  }
  waiting_.push_back({std::exchange(batch, std::move(next)), bytes});
  lock.unlock();
  filled_.notify_one();
  return {};
}

void BatchQueue::finish() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  filled_.notify_one();
}

BatchQueue::Taken BatchQueue::take(Millis patience) {
  std::unique_lock lock(mutex_);
  filled_.wait_for(lock, std::chrono::milliseconds(count_ms(patience)), [this] { return !waiting_.empty() || finished_; });
  if (waiting_.empty()) return {.batch = std::nullopt, .bytes = 0, .finished = finished_};
  Filled first = std::move(waiting_.front());
  waiting_.pop_front();
  lock.unlock();
  room_.notify_one();
  return {.batch = std::move(first.batch), .bytes = first.bytes, .finished = false};
}

void BatchQueue::give_back(EntryBatch batch) {
  const std::lock_guard lock(mutex_);
  empty_.push_back(std::move(batch));
}

void BatchQueue::cancel() {
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
  }
  room_.notify_one();
}

}  // namespace holdfast::node
