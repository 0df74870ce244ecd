#include "node/eviction/limit.h"

#include <algorithm>
#include <cmath>

namespace holdfast::node {

std::optional<Micros> eviction_time_limit(int tenacity) {
  if (tenacity >= 100) return std::nullopt;
  if (tenacity <= 10) return Micros(50 * std::max(tenacity, 0));
  return Micros(static_cast<int64_t>(500.0 * std::pow(1.15, tenacity - 10)));
}

}  // namespace holdfast::node
