// libFuzzer's entry points for the command layer.
#include <cstdint>

#include "tests/fuzz/command_mutator.h"
#include "tests/fuzz/fuzz_targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  holdfast::fuzz::fuzz_commands({reinterpret_cast<const char*>(data), size});
  return 0;
}

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  holdfast::SeededRandom random(seed);
  if (random.below(50) == 0) return LLVMFuzzerMutate(data, size, most);
  const std::string bytes = holdfast::fuzz::mutate({reinterpret_cast<const char*>(data), size}, random, most);
  bytes.copy(reinterpret_cast<char*>(data), bytes.size());
  return bytes.size();
}
