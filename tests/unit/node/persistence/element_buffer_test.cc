#include "node/persistence/element_buffer.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "common/base/random.h"

namespace holdfast::node {
namespace {

struct Kept {
  std::string name, value;
  double score;
  int64_t expires_ms;
};

TEST(ElementBuffer, GivesBackWhatWasAddedInOrder) {
  SeededRandom random(1);
  ElementBuffer buffer;
  std::deque<Kept> expected;
  const auto take = [&] {
    const ElementView got = buffer.next();
    const Kept& want = expected.front();
    ASSERT_EQ(got.name, want.name);
    ASSERT_EQ(got.value, want.value);
    ASSERT_EQ(got.score, want.score);
    ASSERT_EQ(got.expires_ms, want.expires_ms);
    expected.pop_front();
  };
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_EQ(buffer.empty(), expected.empty());
    if (!expected.empty() && random.below(3) == 0) {
      take();
      continue;
    }
    const size_t most = random.below(500) == 0 ? 2 * ElementBuffer::kBlockBytes : 50;
    Kept kept{std::to_string(i), std::string(random.below(most + 1), 'v'), static_cast<double>(i), i};
    buffer.add({kept.name, kept.value, kept.score, kept.expires_ms});
    expected.push_back(std::move(kept));
  }
  while (!expected.empty()) take();
  EXPECT_TRUE(buffer.empty());
  buffer.clear();
  EXPECT_EQ(buffer.bytes(), 0u);
}

// Growing by doubling, it once held clients up for 10 ms while 16 MB moved.
TEST(ElementBuffer, GrowsAndShrinksInSmallSteps) {
  constexpr int kElements = 300'000;
  constexpr size_t kStep = 2 * ElementBuffer::kBlockBytes;
  const std::string name(20, 'n'), value(40, 'v');
  ElementBuffer buffer;
  for (int i = 0; i < kElements; ++i) {
    const size_t before = buffer.bytes();
    buffer.add({name, value, 0, 0});
    ASSERT_LE(buffer.bytes(), before + kStep);
  }
  EXPECT_GT(buffer.bytes(), 25'000'000u);
  for (int i = 0; i < kElements; ++i) {
    const size_t before = buffer.bytes();
    (void)buffer.next();
    ASSERT_GE(buffer.bytes() + kStep, before);
  }
  EXPECT_LE(buffer.bytes(), kStep);
}

}  // namespace
}  // namespace holdfast::node
