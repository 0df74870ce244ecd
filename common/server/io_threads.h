// Threads that take part of the work of one turn: receiving and parsing, or sending, for many clients at once.
//
// run() is a fork and join: the executor hands out the items, works on them itself as well, and goes on when all are
// done. In between nothing else runs, so an item may be touched without a lock by the one thread that has it. Idle
// threads sleep. Only the executor calls run(); the work must not throw.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace holdfast::server {

class IoThreads {
 public:
  // `threads` counts the caller: two mean one more thread. At least 1.
  explicit IoThreads(unsigned threads);
  ~IoThreads();
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  unsigned threads() const { return static_cast<unsigned>(workers_.size()) + 1; }

  // Calls work(i) once for each i below `count`, on any of the threads.
  template <class Work>
  void run(size_t count, Work&& work) {
    run_job({[](void* context, size_t i) { (*static_cast<std::remove_reference_t<Work>*>(context))(i); }, &work, count});
  }

 private:
  struct Job {
    void (*function)(void* context, size_t item) = nullptr;
    void* context = nullptr;
    size_t count = 0;
  };

  void run_job(Job job);
  void take_part();
  void serve();

  Job job_;
  alignas(64) std::atomic<size_t> next_{0};        // the next item to be taken
  alignas(64) std::atomic<uint32_t> rounds_{0};    // changes when a job is there
  alignas(64) std::atomic<uint32_t> working_{0};   // workers that have not finished the job
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> workers_;
};

}  // namespace holdfast::server
