// Returns freed memory to the kernel, in time that nobody else wants (SCHED_IDLE). Without it the pages are returned by
// whoever allocates or frees next, which stalls the executor.
//
// jemalloc has threads for this too (its background_thread), but they share the process's open files: see
// process::leave_open_files. Does nothing where another allocator is linked.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

namespace holdfast::node {

class PurgeThread {
 public:
  PurgeThread() = default;
  ~PurgeThread() { set_running(false); }
  PurgeThread(const PurgeThread&) = delete;
  PurgeThread& operator=(const PurgeThread&) = delete;

  // jemalloc-bg-thread. Executor thread.
  void set_running(bool running);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace holdfast::node
