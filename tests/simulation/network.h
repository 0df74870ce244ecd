// The simulated network between hosts: each message on its own is delayed, lost, doubled or overtaken, and any direction
// between two hosts can be cut. Harsher than TCP: a lost message does not end its connection.
#pragma once

#include <vector>

#include "common/base/random.h"
#include "tests/simulation/event_queue.h"

namespace holdfast::simulation {

struct NetworkProfile {
  Micros delay{200};         // at least
  Micros jitter{300};        // and up to so much more: what makes messages overtake each other
  double slow = 0;           // chance of a delay of up to slow_by
  Millis slow_by{0};
  double loss = 0;
  double duplicate = 0;
};

class Network {
 public:
  Network(EventQueue& events, RandomSource& random, size_t hosts)
      : events_(events), random_(random), hosts_(hosts), cut_(hosts * hosts, false) {}

  void set_profile(const NetworkProfile& profile) { profile_ = profile; }
  void cut(size_t from, size_t to, bool on) { cut_[from * hosts_ + to] = on; }
  void heal() { cut_.assign(cut_.size(), false); }
  bool reaches(size_t from, size_t to) const { return !cut_[from * hosts_ + to]; }
  size_t hosts() const { return hosts_; }

  // Delivers after a delay, perhaps never, perhaps twice.
  void send(size_t from, size_t to, EventQueue::Action deliver) {
    if (!reaches(from, to) || (profile_.loss > 0 && random_.chance(profile_.loss))) return;
    if (profile_.duplicate > 0 && random_.chance(profile_.duplicate)) events_.after(delay(), deliver);
    events_.after(delay(), std::move(deliver));
  }

 private:
  Nanos delay() {
    Nanos total = profile_.delay + Micros(random_.below(static_cast<uint64_t>(profile_.jitter.count()) + 1));
    if (profile_.slow > 0 && random_.chance(profile_.slow)) {
      total += Micros(random_.below(static_cast<uint64_t>(Micros(profile_.slow_by).count()) + 1));
    }
    return total;
  }

  EventQueue& events_;
  RandomSource& random_;
  const size_t hosts_;
  std::vector<bool> cut_;
  NetworkProfile profile_;
};

}  // namespace holdfast::simulation
