// Time as an argument. Decisions take an Instant; only drivers ask a Clock, and only clock.cc asks the system.
//
// Instant is monotonic (it stops for no clock change) and means nothing outside this process. WallTime is the calendar,
// in milliseconds since 1970 UTC, for key expiry and log lines only.
#pragma once

#include <time.h>

#include <chrono>
#include <cstdint>

namespace holdfast {

using Nanos = std::chrono::nanoseconds;
using Micros = std::chrono::microseconds;
using Millis = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

struct MonotonicDomain {};
struct WallDomain {};

namespace detail {
template <class Domain, class Duration>
struct DomainClock {
  using duration = Duration;
  using rep = typename Duration::rep;
  using period = typename Duration::period;
  using time_point = std::chrono::time_point<DomainClock>;
  static constexpr bool is_steady = true;
};
}  // namespace detail

using Instant = std::chrono::time_point<detail::DomainClock<MonotonicDomain, Nanos>>;
using WallTime = std::chrono::time_point<detail::DomainClock<WallDomain, Millis>>;

inline int64_t to_unix_ms(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime from_unix_ms(int64_t ms) { return WallTime(Millis(ms)); }
template <class D>
int64_t count_ms(D duration) {
  return std::chrono::duration_cast<Millis>(duration).count();
}

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual WallTime wall_now() const = 0;
  // The wall time at `now`, which was read a moment ago: right to a millisecond, and cheaper where many are asked for.
  virtual WallTime wall_at(Instant now) const {
    (void)now;
    return wall_now();
  }
};

// The machine's clocks; safe from any thread.
class SystemClock final : public Clock {
 public:
  Instant now() const override;
  WallTime wall_now() const override;
  WallTime wall_at(Instant now) const override;
};

// The time that the caller's thread has had on a processor so far, and the clock by which others can ask for it.
Nanos thread_cpu_time();
clockid_t thread_cpu_clock();
Nanos thread_cpu_time_of(clockid_t clock);  // zero once that thread has ended

// Microseconds since 1970 UTC (TIME, log lines).
int64_t system_unix_micros();

// A clock that moves only when told; for tests and the simulator.
class ManualClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  WallTime wall_now() const override { return wall_; }
  void advance(Nanos by) {
    now_ += by;
    since_tick_ += by;
    const auto whole = std::chrono::duration_cast<Millis>(since_tick_);
    wall_ += whole;
    since_tick_ -= whole;
  }
  void set_wall(WallTime wall) { wall_ = wall; }

 private:
  Instant now_{std::chrono::hours(1)};
  WallTime wall_{Millis(1'700'000'000'000)};
  Nanos since_tick_{0};
};

}  // namespace holdfast
