#include "common/time/clock.h"

#include <time.h>

namespace holdfast {

Instant SystemClock::now() const {
  timespec ts{};
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return Instant(Nanos(int64_t{ts.tv_sec} * 1'000'000'000 + ts.tv_nsec));
}

int64_t system_unix_micros() {
  timespec ts{};
  clock_gettime(CLOCK_REALTIME, &ts);
  return int64_t{ts.tv_sec} * 1'000'000 + ts.tv_nsec / 1000;
}

// The two clocks are set side by side anew once in a millisecond.
WallTime SystemClock::wall_at(Instant now) const {
  struct Pair {
    Instant instant;
    int64_t unix_micros = 0;
  };
  static thread_local Pair pair;
  const Nanos since = now - pair.instant;
  if (since < Nanos(0) || since >= Millis(1) || pair.unix_micros == 0) {
    pair = {now, system_unix_micros()};
    return from_unix_ms(pair.unix_micros / 1000);
  }
  return from_unix_ms((pair.unix_micros + since.count() / 1000) / 1000);
}

WallTime SystemClock::wall_now() const { return from_unix_ms(system_unix_micros() / 1000); }

}  // namespace holdfast
