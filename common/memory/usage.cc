#include "common/memory/usage.h"

#include <malloc.h>

#include <array>
#include <atomic>
#include <mutex>

#include "common/base/assert.h"
#include "common/memory/jemalloc.h"

extern "C" __attribute__((weak)) size_t __sanitizer_get_current_allocated_bytes();

namespace holdfast::memory {

namespace {

constexpr size_t kMostThreads = 256;

// A thread's two counters, which jemalloc moves without a lock: a word is read whole.
struct Counters {
  std::atomic<const uint64_t*> allocated{nullptr};
  std::atomic<const uint64_t*> freed{nullptr};

  int64_t balance() const {
    const uint64_t* plus = allocated.load(std::memory_order_acquire);
    const uint64_t* minus = freed.load(std::memory_order_acquire);
    if (plus == nullptr || minus == nullptr) return 0;
    // Freed first: what moves in between makes the sum higher, never negative.
    const uint64_t gone = __atomic_load_n(minus, __ATOMIC_RELAXED);
    return static_cast<int64_t>(__atomic_load_n(plus, __ATOMIC_RELAXED) - gone);
  }
};

struct Registry {
  std::array<Counters, kMostThreads> threads;
  std::atomic<size_t> used{0};       // slots ever used
  std::atomic<int64_t> ended{0};     // balance of threads that are gone
  std::atomic<uint32_t> version{0};  // odd while a thread ends: the sum would miss it or count it twice
  std::mutex change;
};

// Threads may end after main() has: never destroyed.
Registry& registry() {
  static auto* const instance = new Registry;
  return *instance;
}

uint64_t used_without_jemalloc() {
  if (&__sanitizer_get_current_allocated_bytes != nullptr) return __sanitizer_get_current_allocated_bytes();
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

const ThreadAccount main_thread;

}  // namespace

ThreadAccount::ThreadAccount() : slot_(0) {
  Registry& all = registry();
  const std::lock_guard lock(all.change);
  while (all.threads[slot_].allocated.load() != nullptr) {
    ++slot_;
    HOLDFAST_ASSERT(slot_ < kMostThreads);
  }
  if (!has_jemalloc()) return;
  Counters& mine = all.threads[slot_];
  mine.freed.store(read_control<const uint64_t*>("thread.deallocatedp"), std::memory_order_release);
  mine.allocated.store(read_control<const uint64_t*>("thread.allocatedp"), std::memory_order_release);
  if (slot_ >= all.used.load()) all.used.store(slot_ + 1);
}

ThreadAccount::~ThreadAccount() {
  if (!has_jemalloc()) return;
  Registry& all = registry();
  const std::lock_guard lock(all.change);
  Counters& mine = all.threads[slot_];
  all.version.fetch_add(1);
  all.ended.fetch_add(mine.balance());
  mine.allocated.store(nullptr);
  mine.freed.store(nullptr);
  all.version.fetch_add(1);
}

uint64_t used_bytes() {
  if (!has_jemalloc()) return used_without_jemalloc();
  const Registry& all = registry();
  for (;;) {
    const uint32_t version = all.version.load();
    int64_t sum = all.ended.load();
    const size_t used = all.used.load();
    for (size_t i = 0; i < used; ++i) sum += all.threads[i].balance();
    if (version % 2 == 0 && all.version.load() == version) return sum > 0 ? static_cast<uint64_t>(sum) : 0;
  }
}

}  // namespace holdfast::memory
