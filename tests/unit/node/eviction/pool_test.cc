#include "node/eviction/pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "common/base/random.h"

namespace holdfast::node {
namespace {

TEST(EvictionPool, GivesTheBestFirst) {
  EvictionPool pool;
  pool.offer(5, 0, "five");
  pool.offer(9, 1, "nine");
  pool.offer(7, 2, "seven");
  auto best = pool.take();
  ASSERT_TRUE(best);
  EXPECT_EQ(best->key, "nine");
  EXPECT_EQ(best->db, 1);
  EXPECT_EQ(pool.take()->key, "seven");
  EXPECT_EQ(pool.take()->key, "five");
  EXPECT_FALSE(pool.take());
}

TEST(EvictionPool, KeepsTheBestOfAllThatWereOffered) {
  SeededRandom random(3);
  EvictionPool pool;
  std::vector<uint64_t> scores;
  for (int i = 0; i < 500; ++i) {
    scores.push_back(random.below(1'000'000));
    pool.offer(scores.back(), 0, "key" + std::to_string(i));
  }
  std::ranges::sort(scores, std::greater<>());
  for (size_t i = 0; i < EvictionPool::kMost; ++i) EXPECT_EQ(pool.take()->score, scores[i]);
  EXPECT_EQ(pool.size(), 0U);
}

TEST(EvictionPool, AKeyIsInItOnlyOnceWithItsLatestScore) {
  EvictionPool pool;
  pool.offer(5, 0, "a");
  pool.offer(6, 0, "b");
  pool.offer(5, 0, "a");
  pool.offer(9, 0, "a");
  pool.offer(1, 0, "b");
  pool.offer(3, 1, "b");  // of another database
  EXPECT_EQ(pool.size(), 3U);
  EXPECT_EQ(pool.take()->score, 9U);
  EXPECT_EQ(pool.take()->db, 1);
  EXPECT_EQ(pool.take()->score, 1U);
}

TEST(EvictionPool, AFullPoolRefusesWhatIsNoBetterThanItsWorst) {
  EvictionPool pool;
  for (size_t i = 0; i < EvictionPool::kMost; ++i) pool.offer(10 + i, 0, "key" + std::to_string(i));
  pool.offer(10, 0, "same");
  pool.offer(3, 0, "worse");
  pool.offer(100, 0, "better");
  EXPECT_EQ(pool.size(), EvictionPool::kMost);
  EXPECT_EQ(pool.take()->key, "better");
  std::vector<std::string> rest;
  while (auto next = pool.take()) rest.push_back(next->key);
  EXPECT_EQ(rest.back(), "key1") << "key0 made room";
}

}  // namespace
}  // namespace holdfast::node
