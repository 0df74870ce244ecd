#include "node/keyspace/seeded_hash.h"

#include <bit>
#include <cstring>
#include <optional>

namespace holdfast::node {
namespace {

struct Sip {
  uint64_t v0, v1, v2, v3;
  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
};

// The last `left` (0 to 7) of the bytes as a word.
uint64_t last_bytes(std::string_view bytes, size_t left) {
  uint64_t word = 0;
  const char* const end = bytes.data() + bytes.size();
  if (left == 0) return 0;
  if (bytes.size() >= 8) {
    // Eight are there to be read: a copy whose length is known is a load.
    std::memcpy(&word, end - 8, 8);
    return word >> (64 - 8 * left);
  }
  for (size_t i = left; i > 0; --i) word = word << 8 | static_cast<uint8_t>(bytes[i - 1]);
  return word;
}

}  // namespace

uint64_t seeded_hash(std::string_view bytes, HashSeed seed) {
  Sip sip{seed.k0 ^ 0x736f6d6570736575ULL, seed.k1 ^ 0x646f72616e646f6dULL, seed.k0 ^ 0x6c7967656e657261ULL,
          seed.k1 ^ 0x7465646279746573ULL};
  const char* p = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; p += 8, left -= 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    sip.v3 ^= word;
    sip.round();
    sip.v0 ^= word;
  }
  uint64_t last = last_bytes(bytes, left);
  last |= static_cast<uint64_t>(bytes.size()) << 56;
  sip.v3 ^= last;
  sip.round();
  sip.v0 ^= last;
  sip.v2 ^= 0xff;
  sip.round();
  sip.round();
  sip.round();
  return sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
}

namespace {
std::optional<HashSeed> collections;
}  // namespace

HashSeed collection_seed() { return collections.value_or(HashSeed{}); }

void offer_collection_seed(HashSeed seed) {
  if (!collections) collections = seed;
}

}  // namespace holdfast::node
