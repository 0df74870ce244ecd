#include "common/time/clock.h"

#include <pthread.h>

namespace holdfast {

Instant SystemClock::now() const {
  timespec ts{};
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return Instant(Nanos(int64_t{ts.tv_sec} * 1'000'000'000 + ts.tv_nsec));
}

Nanos thread_cpu_time() {
  timespec ts{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
  return Seconds(ts.tv_sec) + Nanos(ts.tv_nsec);
}

clockid_t thread_cpu_clock() {
  clockid_t clock = CLOCK_THREAD_CPUTIME_ID;
  (void)::pthread_getcpuclockid(::pthread_self(), &clock);
  return clock;
}

Nanos thread_cpu_time_of(clockid_t clock) {
  timespec ts{};
  if (clock_gettime(clock, &ts) != 0) return Nanos(0);
  return Seconds(ts.tv_sec) + Nanos(ts.tv_nsec);
}

int64_t system_unix_micros() {
  timespec ts{};
  clock_gettime(CLOCK_REALTIME, &ts);
  return int64_t{ts.tv_sec} * 1'000'000 + ts.tv_nsec / 1000;
}

// The two clocks are set side by side anew whenever a millisecond of the calendar has passed.
WallTime SystemClock::wall_at(Instant now) const {
  struct Millisecond {
    Instant from, until;
    WallTime wall;
  };
  static thread_local Millisecond current;
  if (now < current.from || now >= current.until) {
    const int64_t micros = system_unix_micros();
    current = {now, now + Micros(1000 - micros % 1000), from_unix_ms(micros / 1000)};
  }
  return current.wall;
}

WallTime SystemClock::wall_now() const { return from_unix_ms(system_unix_micros() / 1000); }

}  // namespace holdfast
