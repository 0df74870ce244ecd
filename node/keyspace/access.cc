#include "node/keyspace/access.h"

namespace holdfast::node {

int64_t Access::idle_ms(int64_t now_ms) const {
  if (is_counted()) return static_cast<int64_t>((minute(now_ms) - (bits_ >> 8)) & 0xffff) * 60'000;
  const uint32_t units = (static_cast<uint32_t>(now_ms / kUnitMs) - bits_) & kTimeMask;
  // A clock that went back makes the difference wrap: no idle time then.
  return units > kTimeMask / 16 * 15 ? 0 : static_cast<int64_t>(units) * kUnitMs;
}

uint8_t Access::frequency(int64_t now_ms, int decay_minutes) const {
  if (!is_counted()) return kNewKey;
  const auto counter = static_cast<uint8_t>(bits_);
  if (decay_minutes <= 0) return counter;
  const uint32_t lost = ((minute(now_ms) - (bits_ >> 8)) & 0xffff) / static_cast<uint32_t>(decay_minutes);
  return lost >= counter ? 0 : static_cast<uint8_t>(counter - lost);
}

double Access::growth_chance(uint8_t counter, int log_factor) {
  if (counter == 255) return 0;
  const double above = counter > kNewKey ? counter - kNewKey : 0;
  return 1.0 / (above * log_factor + 1);
}

Access Access::counted_again(int64_t now_ms, const AccessRules& rules, RandomSource& random) const {
  uint8_t counter = frequency(now_ms, rules.decay_minutes);
  const double chance = growth_chance(counter, rules.log_factor);
  if (chance >= 1 || (chance > 0 && random.chance(chance))) ++counter;
  return counted(counter, now_ms);
}

}  // namespace holdfast::node
