#include "common/base/random.h"

#include <sys/random.h>

#include <bit>

#include "common/base/assert.h"

namespace holdfast {

uint64_t RandomSource::below(uint64_t bound) {
  HOLDFAST_ASSERT(bound > 0);
  // Lemire's multiplication: the bias is below 2^-32 for every bound in use here.
  return static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
}

bool RandomSource::chance(double probability) { return static_cast<double>(next() >> 11) * 0x1.0p-53 < probability; }

SeededRandom::SeededRandom(uint64_t seed) {
  for (auto& word : state_) {
    seed += 0x9e3779b97f4a7c15ULL;
    uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    word = z ^ (z >> 31);
  }
}

uint64_t SeededRandom::next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

uint64_t system_random() {
  uint64_t value = 0;
  HOLDFAST_ASSERT(getrandom(&value, sizeof value, 0) == sizeof value);
  return value;
}

}  // namespace holdfast
