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

WallTime SystemClock::wall_now() const { return from_unix_ms(system_unix_micros() / 1000); }

}  // namespace holdfast
