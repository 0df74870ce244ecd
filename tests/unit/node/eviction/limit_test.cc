#include "node/eviction/limit.h"

#include <gtest/gtest.h>

namespace holdfast::node {
namespace {

TEST(MemoryLimit, WhatIsOverItIsTheExcess) {
  EXPECT_EQ(excess({1000, 0}, 0), 0U) << "no limit";
  EXPECT_EQ(excess({1000, 0}, 1000), 0U);
  EXPECT_EQ(excess({1001, 0}, 1000), 1U);
}

TEST(MemoryLimit, BuffersOfTheLogAndOfReplicasAreNotCounted) {
  EXPECT_EQ(excess({1500, 600}, 1000), 0U);
  EXPECT_EQ(excess({1500, 400}, 1000), 100U);
  EXPECT_EQ(excess({1500, 9000}, 1000), 0U);
}

TEST(EvictionTimeLimit, GrowsWithTenacity) {
  EXPECT_EQ(eviction_time_limit(0), Micros(0));
  EXPECT_EQ(eviction_time_limit(1), Micros(50));
  EXPECT_EQ(eviction_time_limit(10), Micros(500));
  EXPECT_EQ(eviction_time_limit(11), Micros(575));
  for (int tenacity = 1; tenacity < 99; ++tenacity) {
    EXPECT_LT(*eviction_time_limit(tenacity), *eviction_time_limit(tenacity + 1));
  }
  EXPECT_GT(*eviction_time_limit(99), Seconds(100));
  EXPECT_LT(*eviction_time_limit(99), Seconds(140));
  EXPECT_FALSE(eviction_time_limit(100)) << "no bound";
}

TEST(ExcessTimer, SumsTheTimesOverTheLimit) {
  ManualClock clock;
  ExcessTimer timer;
  timer.under(clock);
  EXPECT_EQ(timer.total(clock.now()), Nanos(0));
  timer.over(clock);
  clock.advance(Millis(30));
  timer.over(clock);
  EXPECT_EQ(timer.current(clock.now()), Millis(30));
  EXPECT_EQ(timer.total(clock.now()), Millis(30));
  timer.under(clock);
  clock.advance(Millis(500));
  EXPECT_EQ(timer.current(clock.now()), Nanos(0));
  EXPECT_EQ(timer.total(clock.now()), Millis(30));
  timer.over(clock);
  clock.advance(Millis(5));
  EXPECT_EQ(timer.total(clock.now()), Millis(35));
}

}  // namespace
}  // namespace holdfast::node
