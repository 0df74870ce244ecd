// The active expiry: finds keys that expired and that nobody asks for. Pure; executor thread only.
//
// `hz` times a second a cycle begins. It goes round the databases and looks at some keys of each that have an expiry;
// where more of these were expired than is acceptable it goes on in that database, else with the next. A cycle is worked
// off in slices with the event loop in between, and gets at most share() of the executor's time; what it leaves, the
// next one finds, since the walk goes on where it was. `active-expire-effort` (1 to 10) sets all of these, to the same
// figures as Redis: 20 to 65 keys, 10 to 1 percent, 25 to 43 percent of the time.
#pragma once

#include <cstddef>

#include "common/time/clock.h"
#include "node/keyspace/keyspace.h"

namespace holdfast::node {

class ExpiryCycle {
 public:
  static double share(int effort) { return (25 + 2 * (effort - 1)) / 100.0; }

  // A new cycle; one that runs goes on.
  void begin(const Keyspace& keys, int effort);
  bool running() const { return databases_left_ > 0; }
  // The cycle is over, whatever it has left.
  void stop(Keyspace& keys, bool out_of_time);
  // Works on until the cycle is over or `out_of_time`, which is asked every few dozen keys, says so. The keyspace has
  // begun at the slice's time, in mode `remove`.
  template <class OutOfTime>
  void slice(Keyspace& keys, OutOfTime&& out_of_time) {
    while (running()) {
      step(keys);
      if (out_of_time()) return;
    }
  }

 private:
  struct Counts {
    size_t seen = 0;
    size_t gone = 0;
    size_t steps = 0;
    double ttl_sum_ms = 0;
  };
  void step(Keyspace& keys);
  void end_round(Keyspace& keys);

  int database_ = 0;
  int databases_left_ = 0;
  int effort_ = 1;
  Counts round_;  // in this database, of so many keys as the effort says
  Counts cycle_;
};

}  // namespace holdfast::node
