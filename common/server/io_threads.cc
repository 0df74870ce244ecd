#include "common/server/io_threads.h"

#include <pthread.h>

#include <algorithm>

#include "common/memory/usage.h"

namespace holdfast::server {

namespace {

// Looks for a change for some microseconds before it sleeps: a turn's two jobs follow one another closely.
constexpr int kLooks = 2000;

inline void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

template <class Value>
void wait_while(const std::atomic<Value>& value, Value old) {
  for (int i = 0; i < kLooks; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause_briefly();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

IoThreads::IoThreads(unsigned threads) {
  for (unsigned i = 1; i < std::max(threads, 1u); ++i) {
    workers_.emplace_back([this] { serve(); });
    (void)pthread_setname_np(workers_.back().native_handle(), "io-thread");
  }
}

IoThreads::~IoThreads() {
  stopping_.store(true, std::memory_order_relaxed);
  rounds_.fetch_add(1, std::memory_order_release);
  rounds_.notify_all();
  for (auto& worker : workers_) worker.join();
}

void IoThreads::run_job(Job job) {
  job_ = job;
  next_.store(0, std::memory_order_relaxed);
  working_.store(static_cast<uint32_t>(workers_.size()), std::memory_order_relaxed);
  rounds_.fetch_add(1, std::memory_order_release);
  rounds_.notify_all();
  take_part();
  for (uint32_t left; (left = working_.load(std::memory_order_acquire)) != 0;) wait_while(working_, left);
}

void IoThreads::take_part() {
  for (size_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < job_.count;) job_.function(job_.context, i);
}

void IoThreads::serve() {
  const memory::ThreadAccount account;
  for (uint32_t seen = 0;;) {
    wait_while(rounds_, seen);
    seen = rounds_.load(std::memory_order_acquire);
    if (stopping_.load(std::memory_order_relaxed)) return;
    take_part();
    if (working_.fetch_sub(1, std::memory_order_release) == 1) working_.notify_one();
  }
}

}  // namespace holdfast::server
