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

// The key for the tables inside values (sets, sorted sets, hashes): one for the process, the first that is given; zero
// until then. Executor thread only.
HashSeed collection_seed();
void offer_collection_seed(HashSeed seed);

}  // namespace holdfast::node
