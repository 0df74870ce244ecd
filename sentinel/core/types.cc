#include "sentinel/core/types.h"

#include <algorithm>

namespace holdfast::sentinel {

Millis ping_period_of(Millis down_after, const Timings& timings) {
  return timings.ping_stretch * std::min(std::max(down_after / 10, Millis(20)), std::max(timings.ping_period, Millis(1)));
}

}  // namespace holdfast::sentinel
