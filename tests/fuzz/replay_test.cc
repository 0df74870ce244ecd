// The fuzzers' inputs in the normal builds: the whole corpus, and changes of it drawn from fixed seeds. What is being
// tried is in a file until it has passed, which is what a crash is reproduced with.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/fuzz/command_mutator.h"
#include "tests/fuzz/fuzz_targets.h"

namespace holdfast::fuzz {
namespace {

constexpr uint64_t kCommandInputs = 2000;
constexpr uint64_t kRestoreInputs = 3000;

std::vector<std::string> corpus(const char* folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& file : std::filesystem::directory_iterator(std::string(HOLDFAST_CORPUS) + "/" + folder)) {
    paths.push_back(file.path());
  }
  std::ranges::sort(paths);
  std::vector<std::string> inputs;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return inputs;
}

// Runs inputs of one fuzzer.
class Replay {
 public:
  explicit Replay(std::string name, void (*target)(std::string_view)) : file_(name + "-fuzz-input"), target_(target) {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    file_ = ::testing::TempDir() + test->name() + "-" + file_;
  }
  ~Replay() {
    if (!kept_) std::filesystem::remove(file_);
  }

  // False when there was a finding.
  bool passes(std::string_view input, const std::string& what) {
    std::ofstream(file_, std::ios::binary | std::ios::trunc)
        .write(input.data(), static_cast<std::streamsize>(input.size()));
    try {
      target_(input);
      return true;
    } catch (const Finding& finding) {
      kept_ = true;
      ADD_FAILURE() << what << " (kept in " << file_ << "): " << finding.what();
      return false;
    }
  }

 private:
  std::string file_;
  void (*target_)(std::string_view);
  bool kept_ = false;
};

std::string change_bytes(std::string bytes, RandomSource& random) {
  for (uint64_t times = 1 + random.below(4); times > 0; --times) {
    const size_t at = random.below(bytes.size() + 1);
    switch (random.below(4)) {
      case 0:
        bytes.insert(at, 1, static_cast<char>(random.below(256)));
        break;
      case 1:
        bytes.erase(at, 1 + random.below(4));
        break;
      case 2:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
        break;
      default:
        if (at < bytes.size()) bytes[at] = static_cast<char>(random.below(256));
        break;
    }
  }
  return bytes;
}

TEST(Commands, PassTheCorpus) {
  Replay replay("commands", fuzz_commands);
  const auto inputs = corpus("commands");
  ASSERT_GE(inputs.size(), 6u);
  for (size_t i = 0; i < inputs.size(); ++i) replay.passes(inputs[i], "file " + std::to_string(i + 1));
}

TEST(Commands, PassChangesOfTheCorpus) {
  Replay replay("commands", fuzz_commands);
  const auto inputs = corpus("commands");
  for (uint64_t seed = 1; seed <= kCommandInputs; ++seed) {
    SeededRandom random(seed);
    std::string input = inputs[random.below(inputs.size())];
    for (int round = 0; round < 3; ++round) input = mutate(input, random, 4096);
    if (!replay.passes(input, "seed " + std::to_string(seed))) return;
  }
}

TEST(Restore, PassesTheCorpus) {
  Replay replay("restore", fuzz_restore);
  const auto inputs = corpus("restore");
  ASSERT_GE(inputs.size(), 30u);
  for (size_t i = 0; i < inputs.size(); ++i) replay.passes(inputs[i], "file " + std::to_string(i + 1));
}

TEST(Restore, PassesChangesOfTheCorpus) {
  Replay replay("restore", fuzz_restore);
  const auto inputs = corpus("restore");
  for (uint64_t seed = 1; seed <= kRestoreInputs; ++seed) {
    SeededRandom random(seed);
    const std::string input = change_bytes(inputs[random.below(inputs.size())], random);
    if (!replay.passes(input, "seed " + std::to_string(seed))) return;
  }
}

}  // namespace
}  // namespace holdfast::fuzz
