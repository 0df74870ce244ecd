#include "common/process/tuning.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <fstream>

namespace holdfast::process {
namespace {

int score() {
  int value = -9999;
  std::ifstream("/proc/self/oom_score_adj") >> value;
  return value;
}

// Scores may only be raised by the unprivileged, so these only go up from the present one, and back.
TEST(OomScore, IsAddedAndTakenBack) {
  const int before = score();
  OomScore oom;
  ASSERT_TRUE(oom.apply(OomScore::Mode::off, 5));
  EXPECT_EQ(score(), before);
  ASSERT_TRUE(oom.apply(OomScore::Mode::relative, 5));
  EXPECT_EQ(score(), std::min(before + 5, 1000));
  ASSERT_TRUE(oom.apply(OomScore::Mode::relative, 7));  // to what it was before, not on top of the five
  EXPECT_EQ(score(), std::min(before + 7, 1000));
  ASSERT_TRUE(oom.apply(OomScore::Mode::absolute, 2000));
  EXPECT_EQ(score(), 1000);
  ASSERT_TRUE(oom.apply(OomScore::Mode::off, 0));
  EXPECT_EQ(score(), before);
}

TEST(UseCpus, TakesListsRangesAndSteps) {
  cpu_set_t all;
  ASSERT_EQ(::sched_getaffinity(0, sizeof all, &all), 0);
  ASSERT_TRUE(use_cpus(""));
  int first = 0;
  while (!CPU_ISSET(first, &all)) ++first;
  for (const std::string& list : {fmt::format("{}", first), fmt::format("{0}-{0}", first),
                                  fmt::format("{0}-{0}:2", first), fmt::format("{0},{0}", first)}) {
    ASSERT_TRUE(use_cpus(list)) << list;
    cpu_set_t now;
    ASSERT_EQ(::sched_getaffinity(0, sizeof now, &now), 0);
    EXPECT_EQ(CPU_COUNT(&now), 1) << list;
    EXPECT_TRUE(CPU_ISSET(first, &now)) << list;
  }
  ASSERT_EQ(::sched_setaffinity(0, sizeof all, &all), 0);
}

TEST(UseCpus, RefusesWhatIsNoList) {
  for (const char* list : {"x", "1-", "-1", "3-2", "0:0", "0,", "100000", "0-1:x"})
    EXPECT_FALSE(use_cpus(list)) << list;
}

}  // namespace
}  // namespace holdfast::process
