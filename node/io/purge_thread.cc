#include "node/io/purge_thread.h"

#include <sched.h>

#include <chrono>

#include "common/memory/jemalloc.h"
#include "common/memory/usage.h"
#include "common/process/helper_thread.h"
#include "node/io/allocator_control.h"

namespace holdfast::node {

namespace {

// Pages decay over ten seconds: each look has a few percent of them to return.
constexpr std::chrono::milliseconds kPeriod{250};

}  // namespace

void PurgeThread::set_running(bool running) {
  if (running == thread_.joinable() || !memory::has_jemalloc()) return;
  if (running) {
    stopping_ = false;
    thread_ = std::thread([this] { run(); });
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_one();
  thread_.join();
}

void PurgeThread::run() {
  process::name_thread("purge");
  (void)process::leave_open_files();
  const memory::ThreadAccount account;
  const sched_param none{};
  (void)::sched_setscheduler(0, SCHED_IDLE, &none);
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, kPeriod, [this] { return stopping_; })) {
    lock.unlock();
    purge_decayed_pages();
    lock.lock();
  }
}

}  // namespace holdfast::node
