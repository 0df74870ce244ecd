#include "node/keyspace/access.h"

#include <gtest/gtest.h>

#include <cmath>

namespace holdfast::node {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;
constexpr int64_t kMinute = 60'000;

TEST(Access, IdleTimeIsTheTimeSinceTheLastAccess) {
  const Access access = Access::at(kNow);
  EXPECT_EQ(access.idle_ms(kNow), 0);
  EXPECT_EQ(access.idle_ms(kNow + 199), 0);
  EXPECT_EQ(access.idle_ms(kNow + 12'400), 12'400);
  EXPECT_EQ(access.idle_ms(kNow + Access::kLongestIdleMs), Access::kLongestIdleMs);
  EXPECT_EQ(access.idle_ms(kNow - 5'000), 0) << "a clock that went back";
  EXPECT_FALSE(access.is_counted());
}

TEST(Access, NewKeysStartWithACounterOfFive) {
  const Access access = Access::of_new_key(kNow, {.count_frequency = true});
  EXPECT_TRUE(access.is_counted());
  EXPECT_EQ(access.frequency(kNow, 1), 5);
  EXPECT_FALSE(Access::of_new_key(kNow, {.count_frequency = false}).is_counted());
}

TEST(Access, TheCounterDecaysByOneEachPeriod) {
  const Access access = Access::counted(100, kNow);
  EXPECT_EQ(access.frequency(kNow, 1), 100);
  EXPECT_EQ(access.frequency(kNow + 10 * kMinute, 1), 90);
  EXPECT_EQ(access.frequency(kNow + 10 * kMinute, 5), 98);
  EXPECT_EQ(access.frequency(kNow + 10 * kMinute, 0), 100) << "0 is never";
  EXPECT_EQ(access.frequency(kNow + 500 * kMinute, 1), 0) << "it stays at 0";
}

TEST(Access, TheMinuteOfTheLastDecayMayWrap) {
  const int64_t start = int64_t{65'530} * kMinute;  // minute 65536 is 0 again
  EXPECT_EQ(Access::counted(50, start).frequency(start + 20 * kMinute, 1), 30);
}

TEST(Access, GrowthBecomesRarerAsTheCounterRises) {
  EXPECT_DOUBLE_EQ(Access::growth_chance(0, 10), 1);
  EXPECT_DOUBLE_EQ(Access::growth_chance(5, 10), 1);
  EXPECT_DOUBLE_EQ(Access::growth_chance(6, 10), 1.0 / 11);
  EXPECT_DOUBLE_EQ(Access::growth_chance(105, 10), 1.0 / 1001);
  EXPECT_DOUBLE_EQ(Access::growth_chance(200, 0), 1) << "a factor of 0 counts each access";
  EXPECT_DOUBLE_EQ(Access::growth_chance(255, 0), 0) << "saturated";
}

// Redis's documentation of lfu-log-factor: with factor 10, 100 hits give about 10, 1000 about 18, 100k about 142.
TEST(Access, CountersFollowTheDocumentedTable) {
  SeededRandom random(7);
  const auto mean_after = [&](int hits, int factor) {
    double sum = 0;
    constexpr int kKeys = 40;
    for (int key = 0; key < kKeys; ++key) {
      Access access = Access::counted(Access::kNewKey, kNow);
      const AccessRules rules{.count_frequency = true, .log_factor = factor, .decay_minutes = 1};
      for (int hit = 0; hit < hits; ++hit) access = access.counted_again(kNow, rules, random);
      sum += access.frequency(kNow, 1);
    }
    return sum / kKeys;
  };
  EXPECT_NEAR(mean_after(100, 10), 10, 1.5);
  EXPECT_NEAR(mean_after(1000, 10), 18, 2.5);
  EXPECT_NEAR(mean_after(100'000, 10), 142, 8);
  EXPECT_NEAR(mean_after(1000, 100), 11, 2);
  EXPECT_EQ(mean_after(1000, 0), 255);
}

TEST(Access, DecayComesBeforeGrowth) {
  SeededRandom random(1);
  const AccessRules rules{.count_frequency = true, .log_factor = 0, .decay_minutes = 1};
  const Access later = Access::counted(10, kNow).counted_again(kNow + 4 * kMinute, rules, random);
  EXPECT_EQ(later.frequency(kNow + 4 * kMinute, 1), 7);
}

TEST(Access, AClockIsNotTakenForACounterAfterAChangeOfPolicy) {
  EXPECT_EQ(Access::at(kNow).frequency(kNow + 99 * kMinute, 1), Access::kNewKey);
  EXPECT_EQ(Access::counted(200, kNow).idle_ms(kNow + 7 * kMinute), 7 * kMinute);
}

}  // namespace
}  // namespace holdfast::node
