#include "sentinel/core/script_queue.h"

#include <gtest/gtest.h>

#include <map>

namespace holdfast::sentinel {
namespace {

using End = ScriptQueue::End;

const ScriptQueue::Limits kLimits{.retry_delay = Seconds(30), .max_runtime = Seconds(60)};

class ScriptQueueTest : public testing::Test {
 protected:
  // Starts all that may start now; their paths in order.
  std::vector<std::string> start() {
    std::vector<std::string> paths;
    while (const auto* next = queue_.next_to_start(now_)) {
      paths.push_back(next->argv.front());
      ids_[next->argv.front()] = next->id;
      queue_.started(next->id, ++pid_, now_);
    }
    return paths;
  }
  bool failed(const std::string& path, End end) { return queue_.ended(ids_[path], end, kLimits, now_).has_value(); }

  ScriptQueue queue_;
  Instant now_ = Instant() + Seconds(1000);
  std::map<std::string, uint64_t> ids_;
  int pid_ = 100;
};

TEST_F(ScriptQueueTest, RunsOneOnce) {
  EXPECT_FALSE(queue_.next_deadline(kLimits));
  queue_.add({"a", "x"}, now_);
  EXPECT_EQ(queue_.next_deadline(kLimits), now_);
  EXPECT_EQ(start(), (std::vector<std::string>{"a"}));
  EXPECT_EQ(queue_.scripts().front().pid, 101);
  EXPECT_EQ(queue_.next_deadline(kLimits), now_ + Seconds(60));
  EXPECT_FALSE(failed("a", {0}));
  EXPECT_TRUE(queue_.scripts().empty());
}

TEST_F(ScriptQueueTest, ReportsAStatusAboveOneAndDoesNotTryAgain) {
  queue_.add({"a"}, now_);
  start();
  EXPECT_TRUE(failed("a", {2}));
  EXPECT_TRUE(queue_.scripts().empty());
}

TEST_F(ScriptQueueTest, TriesStatusOneAndSignalsTenTimesWithDoublingPauses) {
  queue_.add({"a"}, now_);
  Nanos pause = Seconds(30);
  for (int tries = 1; tries <= 10; ++tries) {
    ASSERT_EQ(start().size(), 1U);
    EXPECT_EQ(queue_.scripts().front().tries, tries);
    ASSERT_EQ(failed("a", tries % 2 == 1 ? End{1} : End{9, true}), tries == 10);
    if (tries == 10) break;
    EXPECT_EQ(queue_.next_deadline(kLimits), now_ + pause);
    now_ += pause - Nanos(1);
    EXPECT_TRUE(start().empty());
    now_ += Nanos(1);
    pause *= 2;
  }
  EXPECT_TRUE(queue_.scripts().empty());
}

TEST_F(ScriptQueueTest, RunsSixteenAtATime) {
  for (int i = 0; i < 20; ++i) queue_.add({std::to_string(i)}, now_);
  EXPECT_EQ(start().size(), 16U);
  EXPECT_EQ(queue_.running(), 16U);
  EXPECT_EQ(queue_.next_deadline(kLimits), now_ + Seconds(60));
  EXPECT_FALSE(failed("3", {0}));
  EXPECT_EQ(start(), (std::vector<std::string>{"16"}));
}

TEST_F(ScriptQueueTest, GivesUpTheOldestThatWaitsWhenItIsFull) {
  queue_.add({"runs"}, now_);
  start();
  for (int i = 0; i < 256; ++i) queue_.add({std::to_string(i)}, now_);
  ASSERT_EQ(queue_.scripts().size(), 256U);
  EXPECT_EQ(queue_.scripts().front().argv.front(), "runs");
  EXPECT_EQ(std::next(queue_.scripts().begin())->argv.front(), "1");
}

TEST_F(ScriptQueueTest, KillsWhatRunsTooLongOnceAndTriesItAgain) {
  queue_.add({"a"}, now_);
  start();
  now_ += Seconds(60) - Nanos(1);
  EXPECT_EQ(queue_.next_to_kill(kLimits, now_), nullptr);
  now_ += Nanos(1);
  const auto* late = queue_.next_to_kill(kLimits, now_);
  ASSERT_NE(late, nullptr);
  EXPECT_EQ(late->pid, 101);
  EXPECT_EQ(queue_.next_to_kill(kLimits, now_), nullptr);
  EXPECT_FALSE(queue_.next_deadline(kLimits));  // until its end is reported
  EXPECT_FALSE(failed("a", {9, true}));
  EXPECT_EQ(queue_.next_deadline(kLimits), now_ + Seconds(30));
}

TEST_F(ScriptQueueTest, IgnoresTheEndOfOneItDoesNotHold) {
  EXPECT_FALSE(queue_.ended(7, {2}, kLimits, now_));
  queue_.started(7, 1, now_);
  EXPECT_TRUE(queue_.scripts().empty());
}

}  // namespace
}  // namespace holdfast::sentinel
