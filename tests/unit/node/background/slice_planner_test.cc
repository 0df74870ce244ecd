#include "node/background/slice_planner.h"

#include <gtest/gtest.h>

#include "node/background/effective_hz.h"

namespace holdfast::node {
namespace {

Instant at(int64_t us) { return Instant(Micros(us)); }

TEST(SlicePlanner, NobodyRunsWhileNothingIsWanted) {
  SlicePlanner planner;
  const auto task = planner.add();
  EXPECT_FALSE(planner.next());
  planner.want(task, 0.5, at(10));
  ASSERT_TRUE(planner.next());
  EXPECT_EQ(planner.next()->due, at(10));
  planner.rest(task);
  EXPECT_FALSE(planner.next());
}

TEST(SlicePlanner, SliceIsPaidForWithTheTimeOfItsShare) {
  SlicePlanner planner;
  const auto task = planner.add();
  planner.want(task, 0.25, at(0));
  planner.ran(task, at(0), at(200));
  EXPECT_EQ(planner.next()->due, at(800));
  // Resting in between does not make it cheaper.
  planner.rest(task);
  planner.want(task, 0.25, at(300));
  EXPECT_EQ(planner.next()->due, at(800));
  planner.rest(task);
  planner.want(task, 0.25, at(5000));
  EXPECT_EQ(planner.next()->due, at(5000));
}

TEST(SlicePlanner, TasksTakeTurnsAndKeepTheirShares) {
  SlicePlanner planner;
  const auto fast = planner.add();
  const auto slow = planner.add();
  planner.want(fast, 0.25, at(0));
  planner.want(slow, 0.05, at(0));
  int64_t now = 0;
  int64_t spent[2] = {};
  size_t last = 2;
  while (now < 1'000'000) {
    const auto next = planner.next();
    ASSERT_TRUE(next);
    now = std::max(now, next->due.time_since_epoch().count() / 1000);
    planner.ran(next->task, at(now), at(now + 200));
    spent[next->task] += 200;
    now += 200;
    last = next->task;
  }
  EXPECT_LT(last, 2u);
  EXPECT_NEAR(static_cast<double>(spent[fast]), 250'000, 13'000);
  EXPECT_NEAR(static_cast<double>(spent[slow]), 50'000, 3'000);
}

TEST(EffectiveHz, GrowsWithClientsOnlyWhenDynamic) {
  EXPECT_EQ(effective_hz(10, true, 100), 10);
  EXPECT_EQ(effective_hz(10, true, 2010), 20);
  EXPECT_EQ(effective_hz(10, false, 20'000), 10);
  EXPECT_EQ(effective_hz(10, true, 1'000'000), 500);
  EXPECT_EQ(effective_hz(0, true, 0), 1);
}

}  // namespace
}  // namespace holdfast::node
