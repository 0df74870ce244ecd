#include "node/keyspace/expiry_cycle.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::node {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;

class ExpiryCycleTest : public ::testing::Test {
 protected:
  SeededRandom random{3};
  Keyspace keys{4, random};
  ExpiryCycle cycle;

  ExpiryCycleTest() { keys.begin(from_unix_ms(kNow), ExpiryMode::remove); }
  void fill(int db, int count, int64_t expires_in_ms) {
    for (int i = 0; i < count; ++i) {
      keys.set(db, std::to_string(expires_in_ms) + ":" + std::to_string(i), Value::integer(i),
               from_unix_ms(kNow + expires_in_ms));
    }
  }
  // Slices that each end at the first look at the clock; how many it took.
  int run_cycle(int effort = 1) {
    cycle.begin(keys, effort);
    int slices = 0;
    while (cycle.running()) {
      cycle.slice(keys, [] { return true; });
      ++slices;
    }
    return slices;
  }
};

TEST_F(ExpiryCycleTest, OneCycleRemovesWhatAllExpiredAtOnceInManySlices) {
  fill(0, 5000, -1);
  fill(2, 3000, -1);
  const int slices = run_cycle();
  EXPECT_EQ(keys.key_count(0) + keys.key_count(2), 0u);
  EXPECT_EQ(keys.stats().expired_keys, 8000u);
  EXPECT_GT(slices, 8000 / 32);
}

TEST_F(ExpiryCycleTest, CycleLooksAtFewKeysWhereNothingExpired) {
  fill(1, 50'000, 1'000'000);
  const int slices = run_cycle();
  EXPECT_LT(slices, 20);
  EXPECT_EQ(keys.key_count(1), 50'000u);
  EXPECT_EQ(keys.average_ttl_ms(1), 1'000'000);
}

TEST_F(ExpiryCycleTest, NextCyclesGoOnWhereOneEnded) {
  fill(0, 20'000, 1'000'000);
  fill(0, 200, -1);
  for (int i = 0; i < 3000 && keys.key_count(0) > 20'000; ++i) run_cycle();
  EXPECT_EQ(keys.key_count(0), 20'000u);
}

TEST_F(ExpiryCycleTest, KeysThatNeverExpireAreSteppedOverInBoundedSteps) {
  for (int i = 0; i < 200'000; ++i) keys.set(0, "stay" + std::to_string(i), Value::integer(i));
  fill(0, 3, -1);
  int slices = 0;
  for (int i = 0; i < 1000 && keys.expire_count(0) > 0; ++i) slices += run_cycle();
  EXPECT_EQ(keys.expire_count(0), 0u);
  EXPECT_GT(slices, 10);
}

TEST_F(ExpiryCycleTest, EffortSetsTheShareOfTheTime) {
  EXPECT_DOUBLE_EQ(ExpiryCycle::share(1), 0.25);
  EXPECT_DOUBLE_EQ(ExpiryCycle::share(10), 0.43);
}

TEST_F(ExpiryCycleTest, StoppedForTimeIsCountedAndTheNextCycleGoesOn) {
  fill(0, 1000, -1);
  cycle.begin(keys, 1);
  cycle.slice(keys, [] { return true; });
  ASSERT_TRUE(cycle.running());
  cycle.stop(keys, true);
  EXPECT_FALSE(cycle.running());
  EXPECT_EQ(keys.stats().expired_time_cap_reached, 1u);
  EXPECT_DOUBLE_EQ(keys.stats().expired_stale_percent, 5.0);
  run_cycle();
  EXPECT_EQ(keys.key_count(0), 0u);
  EXPECT_EQ(keys.stats().expired_time_cap_reached, 1u);
}

}  // namespace
}  // namespace holdfast::node
