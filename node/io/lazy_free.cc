#include "node/io/lazy_free.h"

#include <chrono>
#include <utility>

#include "common/memory/usage.h"
#include "common/process/helper_thread.h"
#include "node/io/allocator_control.h"

namespace holdfast::node {

namespace {

// A thread that shares the executor's core is taken off it by the kernel's next tick only, which may be 4 ms away; one
// that goes to sleep by itself is no burden.
constexpr std::chrono::microseconds kWork{100};
constexpr std::chrono::microseconds kRest{100};

// A table of keys, or an object.
template <class Large>
void free_gently(Large& garbage, const std::atomic<bool>& hurry) {
  for (auto begin = std::chrono::steady_clock::now(); !hurry && garbage.clear_some();) {
    if (std::chrono::steady_clock::now() - begin < kWork) continue;
    std::this_thread::sleep_for(kRest);
    begin = std::chrono::steady_clock::now();
  }
}

}  // namespace

LazyFree::~LazyFree() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void LazyFree::reclaim(Garbage garbage, size_t objects) {
  pending_.fetch_add(objects, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back({std::move(garbage), objects});
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  changed_.notify_one();
}

void LazyFree::run() {
  process::name_thread("lazy_free");
  (void)process::leave_open_files();
  const memory::ThreadAccount account;
  std::unique_lock lock(mutex_);
  for (;;) {
    if (queue_.empty()) {
      if (stopping_) return;
      lock.unlock();
      // What this thread keeps for its next allocations would otherwise hold on to pages.
      flush_thread_cache();
      lock.lock();
      changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      continue;
    }
    const size_t objects = queue_.front().objects;
    {
      Job job = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      if (auto* table = std::get_if<Dict>(&job.garbage)) free_gently(*table, stopping_);
      if (auto* object = std::get_if<std::unique_ptr<Object>>(&job.garbage)) free_gently(**object, stopping_);
    }
    freed_.fetch_add(objects, std::memory_order_relaxed);
    pending_.fetch_sub(objects, std::memory_order_relaxed);
    lock.lock();
  }
}

}  // namespace holdfast::node
