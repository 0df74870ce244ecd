// How much of the executor's time a running snapshot gets. Pure; executor thread only.
//
// A busy executor gives it kLeast, so that clients lose no more; one that has time left gives most of that. Where what
// writes have handed over piles up it gets kPressed.
#pragma once

#include <algorithm>

#include "common/time/clock.h"

namespace holdfast::node {

class SnapshotPace {
 public:
  static constexpr double kLeast = 0.08, kMost = 0.6, kPressed = 0.5;

  void begin(Instant now, Nanos cpu) {
    then_ = now;
    cpu_then_ = cpu;
    own_ = Nanos(0);
    share_ = kLeast;
  }
  // The snapshot has worked so long on the executor.
  void worked(Nanos time) { own_ += time; }
  // A few times a second: the time on a processor that the executor's thread has had so far.
  void measure(Instant now, Nanos cpu) {
    const auto passed = static_cast<double>((now - then_).count());
    if (passed <= 0) return;
    const double busy = static_cast<double>((cpu - cpu_then_ - own_).count()) / passed;
    share_ = std::clamp((1 - busy) * 0.8, kLeast, kMost);
    then_ = now;
    cpu_then_ = cpu;
    own_ = Nanos(0);
  }
  double share(bool pressed) const { return pressed ? std::max(share_, kPressed) : share_; }

 private:
  Instant then_;
  Nanos cpu_then_{}, own_{};
  double share_ = kLeast;
};

}  // namespace holdfast::node
