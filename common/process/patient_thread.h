// A thread for long work that need not be done at once: most of it runs at SCHED_IDLE, in time that nobody else wants.
//
// On a machine that others fill, such a thread may get none for minutes. Linux lets no thread without a privilege come
// back from SCHED_IDLE (sched(7)), so the patient part runs on a thread below this one, which takes over when it is
// told to hurry. When that is, is for the owner to find out.
#pragma once

#include <time.h>

#include <atomic>
#include <functional>
#include <thread>

#include "common/base/result.h"
#include "common/time/clock.h"

namespace holdfast::process {

class PatientThread {
 public:
  // --- The owner's ---
  PatientThread() = default;
  // `name`: up to 15 characters. An error: no thread is to be had.
  Result<> start(const char* name, std::function<void()> body);
  void join();  // if it has been started
  // The patient part is to be left, and gone on with at normal priority.
  void hurry() { leaving_.store(true, std::memory_order_relaxed); }
  // Of the patient part, at either priority; zero outside it.
  Nanos cpu_time();
  // Whether it has a processor or waits for one, rather than for a disk or a lock.
  bool runnable() const;

  // --- On the thread ---
  // Calls `part` at SCHED_IDLE, and again if it had to leave. `part` then goes on, or finds that it is done.
  void patiently(const std::function<void()>& part);
  // Asked by `part` now and then: it is to return, and will be called again.
  bool leaving() const { return leaving_.load(std::memory_order_relaxed); }

 private:
  void work(const std::function<void()>& part);

  const char* name_ = "";
  std::thread thread_;
  std::atomic<bool> leaving_{false};
  std::atomic<int> working_{0};         // the thread's id while it runs a patient part; 0: none does
  std::atomic<clockid_t> clock_{};      // its CPU clock
  std::atomic<int64_t> earlier_ns_{0};  // what threads before it used
  Nanos told_{};                        // the owner's; between a part's end and its account there would be less
};

}  // namespace holdfast::process
