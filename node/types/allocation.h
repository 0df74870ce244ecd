// What the allocator really gives: sizes are asked for in its own classes, so that what is counted is what is used.
#pragma once

#include <bit>
#include <cstddef>

namespace holdfast::node {

// The size of the block that an allocator with jemalloc's classes gives for `bytes` (> 8): multiples of 16 up to 128,
// then four classes for each doubling.
inline size_t allocation_size(size_t bytes) {
  if (bytes <= 128) return (bytes + 15) & ~size_t{15};
  const size_t step = size_t{1} << (std::bit_width(bytes - 1) - 3);
  return (bytes + step - 1) & ~(step - 1);
}

}  // namespace holdfast::node
