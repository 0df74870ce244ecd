// Frees what the executor hands over, on a thread of its own.
//
// The executor calls everything; it waits for nothing but the queue's lock. The thread starts with the first object, and
// rests half of the time while it frees a table or a large object. The destructor frees what is queued, without rests, and joins.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "node/keyspace/reclaimer.h"

namespace holdfast::node {

class LazyFree final : public Reclaimer {
 public:
  LazyFree() = default;
  ~LazyFree() override;

  void reclaim(Garbage garbage, size_t objects) override;
  uint64_t pending_objects() const override { return pending_.load(std::memory_order_relaxed); }
  uint64_t freed_objects() const override { return freed_.load(std::memory_order_relaxed); }
  void reset_freed_objects() override { freed_.store(0, std::memory_order_relaxed); }

 private:
  struct Job {
    Garbage garbage;
    size_t objects;
  };
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> queue_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> pending_{0};
  std::atomic<uint64_t> freed_{0};
  std::thread thread_;
};

}  // namespace holdfast::node
