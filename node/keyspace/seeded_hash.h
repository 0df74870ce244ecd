// SipHash-1-3 of keys under a key of 128 bits drawn at random, so that a client cannot choose keys that collide.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast::node {

struct HashSeed {
  uint64_t k0 = 0;
  uint64_t k1 = 0;
};
uint64_t seeded_hash(std::string_view bytes, HashSeed seed);

}  // namespace holdfast::node
