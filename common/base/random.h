// Random numbers as an argument, so that every decision can be replayed from a seed.
// Not thread-safe: each owner has its own source.
#pragma once

#include <array>
#include <cstdint>

namespace holdfast {

class RandomSource {
 public:
  virtual ~RandomSource() = default;
  virtual uint64_t next() = 0;

  // Uniform in [0, bound); bound > 0.
  uint64_t below(uint64_t bound);
  // True with the given probability in [0, 1].
  bool chance(double probability);
};

// xoshiro256** seeded through splitmix64: fast, repeatable, not for secrets.
class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(uint64_t seed);
  uint64_t next() override;

 private:
  std::array<uint64_t, 4> state_;
};

// 64 bits from the kernel's generator: seeds, run ids, anything that must not be guessed.
uint64_t system_random();

}  // namespace holdfast
