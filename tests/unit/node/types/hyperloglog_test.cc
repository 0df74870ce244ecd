// Registers and counts are those of Redis 7.0.15, taken from a running server.
#include "node/types/hyperloglog.h"

#include <gtest/gtest.h>

#include "common/base/random.h"

namespace holdfast::node::hyperloglog {
namespace {

constexpr uint64_t kSparseBytes = 3000;

std::string sketch_of_numbers(int from, int to, uint64_t sparse_bytes = kSparseBytes) {
  std::string sketch = empty_sketch();
  for (int i = from; i < to; ++i) raise(sketch, rank_of(std::to_string(i)), sparse_bytes);
  return sketch;
}

TEST(HyperLogLog, KeepsTheRunsThatRedisKeeps) {
  std::string sketch = empty_sketch();
  EXPECT_EQ(describe_runs(sketch), "Z:16384");
  for (const char* element : {"a", "b", "c"}) raise(sketch, rank_of(element), kSparseBytes);
  EXPECT_EQ(describe_runs(sketch), "Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603");
  EXPECT_EQ(describe_runs(sketch_of_numbers(0, 20)),
            "Z:495 v:2,1 Z:1042 v:1,1 Z:1041 v:1,1 Z:1315 v:1,1 Z:246 v:3,1 Z:529 v:1,1 Z:1237 v:1,1 Z:1394 v:5,1 "
            "Z:220 v:1,1 Z:854 v:1,1 Z:850 v:4,1 Z:273 v:1,1 Z:1317 v:1,1 Z:147 v:1,1 Z:2251 v:4,1 Z:884 v:1,1 "
            "Z:728 v:1,1 Z:531 v:4,1 Z:185 v:1,1 z:22 v:2,1 Z:803");
}

TEST(HyperLogLog, CountsAsRedisCounts) {
  EXPECT_EQ(count(empty_sketch()), 0u);
  EXPECT_EQ(count(sketch_of_numbers(0, 10)), 10u);
  EXPECT_EQ(count(sketch_of_numbers(0, 100)), 100u);
  EXPECT_EQ(count(sketch_of_numbers(0, 1000)), 1001u);
  EXPECT_EQ(count(sketch_of_numbers(0, 10000)), 9987u);
  EXPECT_EQ(count(sketch_of_numbers(0, 100000)), 99565u);
}

TEST(HyperLogLog, TakesTheBytesThatRedisTakes) {
  EXPECT_EQ(empty_sketch().size(), 18u);
  EXPECT_EQ(sketch_of_numbers(0, 10).size(), 48u);
  EXPECT_EQ(sketch_of_numbers(0, 100).size(), 287u);
  EXPECT_EQ(sketch_of_numbers(0, 1000).size(), 1923u);
  EXPECT_EQ(sketch_of_numbers(0, 10000).size(), kDenseBytes);
}

TEST(HyperLogLog, SparseAndDenseSketchesHoldTheSameRegisters) {
  for (const int elements : {1, 50, 700, 5000}) {
    const std::string sparse = sketch_of_numbers(0, elements, SIZE_MAX);
    ASSERT_TRUE(is_sparse(sparse));
    std::string dense = sparse;
    ASSERT_TRUE(make_dense(dense));
    ASSERT_TRUE(is_valid(dense));
    Registers from_sparse{}, from_dense{};
    ASSERT_TRUE(merge_into(from_sparse, sparse));
    ASSERT_TRUE(merge_into(from_dense, dense));
    EXPECT_EQ(from_sparse, from_dense);
    EXPECT_EQ(count(sparse), count(dense));
    EXPECT_EQ(count(sparse), count(from_dense));
  }
}

TEST(HyperLogLog, RaisesRegistersAsAModelDoes) {
  SeededRandom random(3);
  std::string sketch = empty_sketch();
  Registers model{};
  for (int step = 0; step < 6000; ++step) {
    // Neighbours with few values, so that runs are split and joined often.
    const Rank rank{static_cast<uint32_t>(random.below(step % 2 == 0 ? 40 : kRegisters)),
                    static_cast<uint8_t>(1 + random.below(3))};
    const bool higher = model[rank.index] < rank.value;
    ASSERT_EQ(would_raise(sketch, rank) == Raised::yes, higher);
    ASSERT_EQ(raise(sketch, rank, SIZE_MAX) == Raised::yes, higher);
    if (higher) model[rank.index] = rank.value;
  }
  ASSERT_TRUE(is_sparse(sketch));
  Registers found{};
  ASSERT_TRUE(merge_into(found, sketch));
  EXPECT_EQ(found, model);
}

TEST(HyperLogLog, BecomesDenseForAValueThatNoRunHolds) {
  std::string sketch = empty_sketch();
  EXPECT_EQ(raise(sketch, {5, 32}, kSparseBytes), Raised::yes);
  EXPECT_TRUE(is_sparse(sketch));
  EXPECT_EQ(raise(sketch, {5, 33}, kSparseBytes), Raised::yes);
  EXPECT_FALSE(is_sparse(sketch));
  EXPECT_EQ(would_raise(sketch, {5, 33}), Raised::no);
  EXPECT_EQ(would_raise(sketch, {16383, 1}), Raised::yes);
}

TEST(HyperLogLog, KeepsACountUntilARegisterChanges) {
  std::string sketch = sketch_of_numbers(0, 10);
  EXPECT_EQ(cached_count(sketch), std::nullopt);
  cache_count(sketch, 10);
  EXPECT_EQ(cached_count(sketch), 10u);
  raise(sketch, rank_of("3"), kSparseBytes);  // has been there
  EXPECT_EQ(cached_count(sketch), 10u);
  raise(sketch, rank_of("x"), kSparseBytes);
  EXPECT_EQ(cached_count(sketch), std::nullopt);
}

TEST(HyperLogLog, FindsRunsThatDoNotAddUp) {
  const std::string sound = sketch_of_numbers(0, 3);
  for (const std::string& broken :
       {sound.substr(0, sound.size() - 1), sound.substr(0, 16), sound + std::string(1, '\0'), sound.substr(0, 17),
        sound + "\x7f\xff", sound + "\x7f"}) {
    ASSERT_TRUE(is_valid(broken));
    EXPECT_EQ(count(broken), std::nullopt) << broken.size();
    Registers registers{};
    EXPECT_FALSE(merge_into(registers, broken));
    std::string copy = broken;
    EXPECT_FALSE(make_dense(copy));
    EXPECT_EQ(copy, broken);
  }
  const std::string none = sound.substr(0, 16);
  EXPECT_EQ(would_raise(none, {0, 1}), Raised::corrupt);
}

TEST(HyperLogLog, KnowsASketchByItsHeader) {
  EXPECT_TRUE(is_valid(empty_sketch()));
  EXPECT_FALSE(is_valid(""));
  EXPECT_FALSE(is_valid("HYLL"));
  std::string other = empty_sketch();
  other[0] = 'h';
  EXPECT_FALSE(is_valid(other));
  other = empty_sketch();
  other[4] = 2;
  EXPECT_FALSE(is_valid(other));
  other[4] = 0;  // dense, but too short
  EXPECT_FALSE(is_valid(other));
}

TEST(HyperLogLog, PassesItsSelfTest) { EXPECT_EQ(self_test(), std::nullopt); }

}  // namespace
}  // namespace holdfast::node::hyperloglog
