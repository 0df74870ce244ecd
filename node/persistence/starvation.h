// Whether others take the time that was left to a thread of the lowest priority. Pure.
//
// An executor that shares its processors with the thread sleeps now and then for it. If the thread wants a processor
// and gets much less time than that, its work would hardly end.
#pragma once

#include <algorithm>

#include "common/time/clock.h"

namespace holdfast::node {

class Starvation {
 public:
  static constexpr Millis kBetweenLooks{50}, kWindow{400};
  static constexpr int kLooks = 3;             // in a window, at least
  static constexpr double kLeast = 0.3;        // of the time left to it ...
  static constexpr double kLeastOfAll = 0.01;  // ... and of the time that passes, if any was left

  explicit Starvation(Instant now) : looked_at_(now), since_(now) {}
  bool due(Instant now) const { return now - looked_at_ >= kBetweenLooks; }
  // Since the beginning: the thread's time on a processor, and the time left to it. `runnable`: it has or wants a
  // processor now, rather than waiting for a disk or for work.
  bool look(Instant now, Nanos cpu, Nanos left, bool runnable) {
    looked_at_ = now;
    wanted_ += runnable ? 1 : 0;
    if (++looks_ < kLooks || now - since_ < kWindow) return false;
    const auto seconds = [](Nanos time) { return static_cast<double>(time.count()) / 1e9; };
    const double was_left = seconds(left - left_then_);
    const double due = std::max(kLeast * was_left, kLeastOfAll * seconds(now - since_));
    const bool starved = wanted_ * 2 > looks_ && was_left > 0 && seconds(cpu - cpu_then_) < due;
    since_ = now;
    cpu_then_ = cpu;
    left_then_ = left;
    looks_ = wanted_ = 0;
    return starved;
  }

 private:
  Instant looked_at_, since_;
  Nanos cpu_then_{}, left_then_{};
  int looks_ = 0, wanted_ = 0;
};

}  // namespace holdfast::node
