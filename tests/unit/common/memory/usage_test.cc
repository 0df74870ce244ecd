#include "common/memory/usage.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace holdfast::memory {
namespace {

constexpr int64_t kMegabyte = 1 << 20;

int64_t used() { return static_cast<int64_t>(used_bytes()); }

TEST(MemoryUsage, FollowsAllocationsAndFrees) {
  const int64_t before = used();
  auto block = std::make_unique<std::vector<char>>(10 * kMegabyte, 'x');
  EXPECT_NEAR(used() - before, 10 * kMegabyte, kMegabyte);
  block.reset();
  EXPECT_NEAR(used() - before, 0, kMegabyte);
}

TEST(MemoryUsage, CountsWhatEndedThreadsLeaveBehind) {
  const int64_t before = used();
  std::vector<std::unique_ptr<std::vector<char>>> left(4);
  for (auto& mine : left) {
    std::thread([&] {
      const ThreadAccount account;
      mine = std::make_unique<std::vector<char>>(5 * kMegabyte, 'x');
    }).join();
  }
  EXPECT_NEAR(used() - before, 20 * kMegabyte, kMegabyte);
  left.clear();  // freed by another thread than the one that allocated
  EXPECT_NEAR(used() - before, 0, kMegabyte);
}

TEST(MemoryUsage, CountsWhatAnotherThreadFrees) {
  const int64_t before = used();
  auto block = std::make_unique<std::vector<char>>(8 * kMegabyte, 'x');
  std::thread([&] {
    const ThreadAccount account;
    block.reset();
    EXPECT_NEAR(used() - before, 0, kMegabyte) << "while that thread is still there";
  }).join();
  EXPECT_NEAR(used() - before, 0, kMegabyte);
}

TEST(MemoryUsage, ASlotIsUsedAgainWhenItsThreadHasEnded) {
  for (int i = 0; i < 600; ++i) {  // more than there are slots
    std::thread([] { const ThreadAccount account; }).join();
  }
  SUCCEED();
}

}  // namespace
}  // namespace holdfast::memory
