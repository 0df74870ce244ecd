// How recently or how often a key was used, in the 29 bits that an entry has for it.
//
//   bit 28 clear   bits 0 to 27: time of the last access in units of 0.2 s, modulo 2^28 (621 days)
//   bit 28 set     bits 8 to 23: minute of the last decay, modulo 2^16 (45 days); bits 0 to 7: logarithmic counter
//
// The form says what was tracked when the key was last touched, so after a change of the policy an untouched key does
// not pass its clock off as a counter: its frequency is that of a new key, its idle time that since its last decay.
// Pure; safe from any thread.
#pragma once

#include <cstdint>

#include "common/base/random.h"

namespace holdfast::node {

// What an access leaves behind. `log_factor` and `decay_minutes` are lfu-log-factor and lfu-decay-time.
struct AccessRules {
  bool count_frequency = false;
  int log_factor = 10;
  int decay_minutes = 1;  // a counter loses one each so many minutes; 0: never
};

class Access {
 public:
  static constexpr uint32_t kMask = (1u << 29) - 1;
  static constexpr int64_t kLongestIdleMs = int64_t{580} * 86'400'000;
  static constexpr uint8_t kNewKey = 5;  // a new key's counter: not the first to go

  explicit Access(uint32_t bits) : bits_(bits & kMask) {}
  uint32_t bits() const { return bits_; }

  static Access at(int64_t unix_ms) { return Access(static_cast<uint32_t>(unix_ms / kUnitMs) & kTimeMask); }
  static Access counted(uint8_t counter, int64_t unix_ms) {
    return Access(kCounted | (minute(unix_ms) << 8) | counter);
  }
  static Access of_new_key(int64_t unix_ms, const AccessRules& rules) {
    return rules.count_frequency ? counted(kNewKey, unix_ms) : at(unix_ms);
  }

  bool is_counted() const { return (bits_ & kCounted) != 0; }
  // Milliseconds since the last access, to 1/5 s; right up to kLongestIdleMs.
  int64_t idle_ms(int64_t now_ms) const;
  // The counter, less what it has lost by now.
  uint8_t frequency(int64_t now_ms, int decay_minutes) const;
  // The counter after one more access now.
  Access counted_again(int64_t now_ms, const AccessRules& rules, RandomSource& random) const;

  // The probability that one more access raises the counter.
  static double growth_chance(uint8_t counter, int log_factor);

 private:
  static constexpr uint32_t kCounted = 1u << 28;
  static constexpr uint32_t kTimeMask = kCounted - 1;
  static constexpr int64_t kUnitMs = 200;
  static uint32_t minute(int64_t unix_ms) { return static_cast<uint32_t>(unix_ms / 60'000) & 0xffff; }

  uint32_t bits_;
};

}  // namespace holdfast::node
