// The simulator's time: things to do, in order of their moment; equal moments in order of their scheduling. So one seed is
// one history. Single-threaded.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "common/time/clock.h"

namespace holdfast::simulation {

class EventQueue {
 public:
  using Action = std::function<void()>;

  Instant now() const { return now_; }
  bool empty() const { return heap_.empty(); }
  uint64_t executed() const { return executed_; }

  void at(Instant when, Action action) {
    heap_.push_back({std::max(when, now_), ++sequence_, std::move(action)});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  void after(Nanos delay, Action action) { at(now_ + delay, std::move(action)); }

  // Executes everything up to and including `until`.
  void run_until(Instant until) {
    while (!heap_.empty() && heap_.front().when <= until) {
      std::pop_heap(heap_.begin(), heap_.end(), later);
      Entry entry = std::move(heap_.back());
      heap_.pop_back();
      now_ = entry.when;
      ++executed_;
      entry.action();
    }
    now_ = until;
  }

 private:
  struct Entry {
    Instant when;
    uint64_t sequence;
    Action action;
  };
  static bool later(const Entry& a, const Entry& b) {
    return a.when != b.when ? a.when > b.when : a.sequence > b.sequence;
  }

  std::vector<Entry> heap_;
  Instant now_{std::chrono::hours(1)};
  uint64_t sequence_ = 0;
  uint64_t executed_ = 0;
};

}  // namespace holdfast::simulation
