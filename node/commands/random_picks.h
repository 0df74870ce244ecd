// Drawing several elements of a collection at random: HRANDFIELD, SRANDMEMBER and ZRANDMEMBER with a count.
#pragma once

#include <cstddef>
#include <numeric>
#include <unordered_set>
#include <utility>
#include <vector>

#include "common/base/random.h"

namespace holdfast::node {

// `count` different numbers below `size`, each set of them with the same chance; count <= size. Costs count.
inline std::vector<size_t> distinct_numbers(RandomSource& random, size_t size, size_t count) {
  std::vector<size_t> picked;
  picked.reserve(count);
  if (count * 3 >= size) {
    picked.resize(size);
    std::iota(picked.begin(), picked.end(), size_t{0});
    for (size_t i = 0; i < count; ++i) std::swap(picked[i], picked[i + random.below(size - i)]);
    picked.resize(count);
    return picked;
  }
  std::unordered_set<size_t> known;
  while (picked.size() < count) {
    const size_t number = random.below(size);
    if (known.insert(number).second) picked.push_back(number);
  }
  return picked;
}

}  // namespace holdfast::node
