#include "node/background/compaction_policy.h"

#include <gtest/gtest.h>

namespace holdfast::node {
namespace {

constexpr uint64_t kMega = 1 << 20;
MemoryUse use(uint64_t allocated, uint64_t active) { return {allocated * kMega, active * kMega}; }

class CompactionPolicyTest : public ::testing::Test {
 protected:
  CompactionConfig config;
  CompactionPolicy policy;
};

TEST_F(CompactionPolicyTest, StartsWhenBothThresholdsArePassed) {
  policy.measured(use(100, 190), config);  // under 100 MB
  EXPECT_FALSE(policy.running());
  policy.measured(use(10'000, 10'900), config);  // under 10 percent
  EXPECT_FALSE(policy.running());
  policy.measured(use(1000, 1101), config);
  EXPECT_EQ(policy.effort(), 1);
}

TEST_F(CompactionPolicyTest, EffortGrowsWithTheWasteAndNeverFallsDuringARun) {
  policy.measured(use(1000, 1550), config);
  EXPECT_EQ(policy.effort(), 13);
  policy.measured(use(1000, 9000), config);
  EXPECT_EQ(policy.effort(), 25);
  policy.measured(use(1000, 1100), config);
  EXPECT_EQ(policy.effort(), 25);
}

TEST_F(CompactionPolicyTest, RunEndsWithItsWalkWhenTheWasteIsGone) {
  policy.measured(use(1000, 9000), config);
  policy.walked(use(1000, 1050), config);
  EXPECT_FALSE(policy.running());
}

TEST_F(CompactionPolicyTest, AnotherWalkFollowsWhileTheyPay) {
  policy.measured(use(1000, 9000), config);
  policy.walked(use(1000, 3000), config);
  EXPECT_TRUE(policy.running());
  policy.walked(use(1000, 2900), config);  // hardly anything
  EXPECT_FALSE(policy.running());
}

TEST_F(CompactionPolicyTest, RunClearsUpBelowWhatStartsOne) {
  policy.measured(use(60, 300), config);
  policy.walked(use(58, 76), config);  // deletes went on meanwhile
  EXPECT_TRUE(policy.running());
  policy.walked(use(55, 58), config);
  EXPECT_FALSE(policy.running());
  policy.measured(use(58, 76), config);
  EXPECT_FALSE(policy.running());
}

TEST_F(CompactionPolicyTest, HopelessWasteIsLeftAloneUntilItGrows) {
  policy.measured(use(1000, 3000), config);
  policy.walked(use(1000, 2990), config);
  policy.measured(use(1000, 3000), config);
  EXPECT_FALSE(policy.running());
  policy.measured(use(1000, 3500), config);
  EXPECT_TRUE(policy.running());
}

TEST_F(CompactionPolicyTest, HopelessWasteIsTriedAgainAfterPausesThatDouble) {
  policy.measured(use(1000, 3000), config);
  const auto looks_until_next_walk = [&] {
    policy.walked(use(1000, 2990), config);
    int looks = 0;
    for (; !policy.running() && looks < 10'000; ++looks) policy.measured(use(1000, 2990), config);
    return looks;
  };
  EXPECT_EQ(looks_until_next_walk(), 5);
  EXPECT_EQ(looks_until_next_walk(), 9);
  EXPECT_EQ(looks_until_next_walk(), 17);
  for (int i = 0; i < 10; ++i) looks_until_next_walk();
  EXPECT_EQ(looks_until_next_walk(), 1025);
}

TEST_F(CompactionPolicyTest, SlabsGivenUpWhileDeletesMadeHolesAreAGain) {
  policy.measured(use(2000, 3000), config);
  policy.walked(use(500, 2500), config);  // more waste than before, in fewer slabs
  EXPECT_TRUE(policy.running());
}

TEST_F(CompactionPolicyTest, HopelessWasteIsForgottenOnceItIsGone) {
  policy.measured(use(1000, 3000), config);
  policy.walked(use(1000, 2990), config);
  policy.measured(use(1000, 1000), config);
  policy.measured(use(1000, 2000), config);
  EXPECT_TRUE(policy.running());
}

TEST_F(CompactionPolicyTest, SwitchedOffItStops) {
  policy.measured(use(1000, 3000), config);
  config.enabled = false;
  policy.measured(use(1000, 3000), config);
  EXPECT_EQ(policy.effort(), 0);
}

}  // namespace
}  // namespace holdfast::node
