#include "node/persistence/save_policy.h"

#include <gtest/gtest.h>

#include <vector>

namespace holdfast::node {
namespace {

const Instant kStart{Seconds(1000)};

TEST(SavePoints, AreDueWhenTimeAndChangesAreReached) {
  const std::vector<SaveRule> rules = {{3600, 1}, {300, 100}, {60, 10'000}};
  SaveState state{.dirty = 0, .last_save = kStart};
  EXPECT_EQ(due_save_rule(rules, state, kStart + Seconds(100'000)), nullptr);
  state.dirty = 1;
  EXPECT_EQ(due_save_rule(rules, state, kStart + Seconds(3600)), nullptr);
  EXPECT_EQ(due_save_rule(rules, state, kStart + Seconds(3601)), &rules[0]);
  state.dirty = 100;
  EXPECT_EQ(due_save_rule(rules, state, kStart + Seconds(301)), &rules[1]);
  state.dirty = 10'000;
  EXPECT_EQ(due_save_rule(rules, state, kStart + Seconds(61)), &rules[2]);
  EXPECT_EQ(due_save_rule({}, state, kStart + Seconds(10'000)), nullptr);
}

TEST(SavePoints, WaitFiveSecondsAfterAFailure) {
  const std::vector<SaveRule> rules = {{1, 1}};
  SaveState state{.dirty = 5, .last_save = kStart, .last_try = kStart + Seconds(10), .last_ok = false};
  EXPECT_EQ(due_save_rule(rules, state, kStart + Seconds(15)), nullptr);
  EXPECT_NE(due_save_rule(rules, state, kStart + Seconds(16)), nullptr);
  state.last_ok = true;
  EXPECT_NE(due_save_rule(rules, state, kStart + Seconds(11)), nullptr);
}

TEST(AutomaticRewrite, IsDueByGrowthBeyondTheMinimum) {
  const RewriteRule rule{.percentage = 100, .min_bytes = 1000};
  EXPECT_FALSE(due_rewrite_growth(rule, 1, 1000));
  EXPECT_FALSE(due_rewrite_growth(rule, 1000, 1999));
  EXPECT_EQ(due_rewrite_growth(rule, 1000, 2000), 100);
  EXPECT_EQ(due_rewrite_growth(rule, 0, 2000), 199'900);
  EXPECT_FALSE(due_rewrite_growth({.percentage = 0, .min_bytes = 0}, 1, 1'000'000));
  EXPECT_TRUE(due_rewrite_growth(rule, 1, UINT64_MAX / 200));
}

TEST(AutomaticRewrite, BacksOffAfterThreeFailures) {
  RewriteBackoff backoff;
  Instant now = kStart;
  for (int i = 0; i < 2; ++i) backoff.failed(now);
  EXPECT_TRUE(backoff.allows(now));
  backoff.failed(now);
  EXPECT_FALSE(backoff.allows(now + Seconds(59)));
  EXPECT_TRUE(backoff.allows(now + Seconds(60)));
  backoff.failed(now);
  EXPECT_EQ(backoff.delay(), Seconds(120));
  for (int i = 0; i < 50; ++i) backoff.failed(now);
  EXPECT_EQ(backoff.delay(), Seconds(3600));
  backoff.succeeded();
  EXPECT_TRUE(backoff.allows(now));
}

}  // namespace
}  // namespace holdfast::node
