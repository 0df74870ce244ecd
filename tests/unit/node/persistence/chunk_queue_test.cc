#include "node/persistence/chunk_queue.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "common/base/random.h"

namespace holdfast::node {
namespace {

Chunk chunk(size_t value, size_t capacity = Chunk::kBytes) {
  Chunk made{std::make_unique<char[]>(capacity), sizeof value, capacity};
  std::memcpy(made.bytes.get(), &value, sizeof value);
  return made;
}

size_t value_of(const Chunk& chunk) {
  size_t value = 0;
  std::memcpy(&value, chunk.bytes.get(), sizeof value);
  return value;
}

TEST(ChunkQueue, KeepsTheOrderAndTellsTheEnd) {
  ChunkQueue queue;
  for (size_t i = 0; i < ChunkQueue::kMost; ++i) {
    ASSERT_TRUE(queue.has_room());
    queue.push(chunk(i, 64));
  }
  EXPECT_FALSE(queue.has_room());
  queue.end();
  for (size_t i = 0; i < ChunkQueue::kMost; ++i) {
    EXPECT_FALSE(queue.at_end());
    auto next = queue.pop();
    ASSERT_TRUE(next);
    EXPECT_EQ(value_of(*next), i);
    EXPECT_EQ(queue.waiting(), ChunkQueue::kMost - i) << "the one in hand counts";
    queue.worked_off(std::move(next));
  }
  EXPECT_TRUE(queue.at_end());
  EXPECT_FALSE(queue.pop());
  EXPECT_EQ(queue.waiting(), 0U);
}

TEST(ChunkQueue, AWakeUpCostsNoChunk) {
  ChunkQueue queue;
  queue.wake();
  EXPECT_FALSE(queue.pop());
  queue.wake();
  queue.push(chunk(7));
  queue.end();
  std::vector<size_t> seen;
  while (!queue.at_end()) {
    if (auto next = queue.pop()) {
      seen.push_back(value_of(*next));
      queue.worked_off(std::move(next));
    }
  }
  EXPECT_EQ(seen, std::vector<size_t>{7});
}

TEST(ChunkQueue, GivesBackWhatIsUsedUp) {
  ChunkQueue queue;
  for (size_t i = 0; i < 20; ++i) {
    queue.push(chunk(i));
    queue.worked_off(queue.pop());
  }
  for (size_t i = 0; i < 20; ++i) {
    const auto used = queue.used();
    ASSERT_TRUE(used);
    EXPECT_EQ(value_of(*used), i);
  }
  EXPECT_FALSE(queue.used());
}

TEST(ChunkQueue, MayBeWorkedOffFarBeyondWhatIsTakenBack) {
  ChunkQueue queue;
  for (size_t i = 0; i < 10 * ChunkQueue::kMost; ++i) {
    queue.push(chunk(i, 64));
    queue.worked_off(queue.pop());
  }
  EXPECT_EQ(queue.waiting(), 0U);
}

// Both threads pause at random; whoever waits is woken up.
TEST(ChunkQueue, TwoThreads) {
  ChunkQueue queue;
  constexpr size_t kChunks = 5000;
  std::vector<size_t> seen;
  std::thread writer([&] {
    SeededRandom random(1);
    while (!queue.at_end()) {
      auto next = queue.pop();
      if (!next) continue;
      seen.push_back(value_of(*next));
      if (random.below(10) == 0) std::this_thread::yield();
      queue.worked_off(std::move(next));
    }
  });
  SeededRandom random(2);
  for (size_t i = 0; i < kChunks;) {
    if (random.below(20) == 0) queue.wake();
    auto used = queue.used();
    if (queue.waiting() >= 4) {
      queue.wait(Millis(50));
      continue;
    }
    if (!used) used = chunk(0);
    std::memcpy(used->bytes.get(), &i, sizeof i);
    queue.push(std::move(*used));
    ++i;
  }
  queue.end();
  writer.join();
  ASSERT_EQ(seen.size(), kChunks);
  for (size_t i = 0; i < kChunks; ++i) ASSERT_EQ(seen[i], i);
}

TEST(ChunkQueue, AWaitEndsWithAChunkOrItsTime) {
  ChunkQueue queue;
  const SystemClock clock;
  queue.wait(Seconds(100));  // nothing is to be worked off
  queue.push(chunk(1));
  Instant begin = clock.now();
  queue.wait(Millis(20));
  EXPECT_GE(clock.now() - begin, Millis(20));
  std::thread writer([&] { queue.worked_off(queue.pop()); });
  begin = clock.now();
  while (queue.waiting() > 0) queue.wait(Seconds(100));
  EXPECT_LT(clock.now() - begin, Seconds(50));
  writer.join();
}

}  // namespace
}  // namespace holdfast::node
