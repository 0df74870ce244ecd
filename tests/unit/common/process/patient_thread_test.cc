#include "common/process/patient_thread.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <semaphore>
#include <vector>

#include "tests/support/eventually.h"

namespace holdfast::process {
namespace {

void burn(Nanos time) {
  const Nanos end = thread_cpu_time() + time;
  while (thread_cpu_time() < end) {
  }
}

TEST(PatientThread, WorksInTimeThatNobodyElseWants) {
  PatientThread thread;
  std::vector<int> part_at;
  int body_at = -1;
  ASSERT_TRUE(thread.start("patient", [&] {
    thread.patiently([&] {
      part_at.push_back(::sched_getscheduler(0));
      burn(Millis(3));
    });
    body_at = ::sched_getscheduler(0);
  }));
  thread.join();
  EXPECT_EQ(part_at, std::vector<int>{SCHED_IDLE});
  EXPECT_EQ(body_at, SCHED_OTHER);
  EXPECT_GE(thread.cpu_time(), Millis(3));
  EXPECT_LT(thread.cpu_time(), Seconds(3));
  EXPECT_FALSE(thread.runnable());
}

TEST(PatientThread, GoesOnAtNormalPriorityWhenItIsToHurry) {
  PatientThread thread;
  std::vector<int> part_at;
  std::atomic<bool> begun{false};
  ASSERT_TRUE(thread.start("patient", [&] {
    thread.patiently([&] {
      part_at.push_back(::sched_getscheduler(0));
      burn(Millis(2));
      begun = true;
      while (part_at.size() == 1 && !thread.leaving()) {
      }
    });
  }));
  ASSERT_TRUE(test::eventually([&] { return begun.load(); }));
  thread.hurry();
  thread.join();
  EXPECT_EQ(part_at, (std::vector<int>{SCHED_IDLE, SCHED_OTHER}));
  EXPECT_GE(thread.cpu_time(), Millis(4));
}

TEST(PatientThread, TellsWhetherItWantsAProcessor) {
  PatientThread thread;
  std::binary_semaphore go_on{0};
  std::atomic<bool> stop{false};
  ASSERT_TRUE(thread.start("patient", [&] {
    thread.patiently([&] {
      go_on.acquire();
      while (!stop) {
      }
    });
  }));
  EXPECT_TRUE(test::eventually([&] { return !thread.runnable(); }));
  go_on.release();
  EXPECT_TRUE(test::eventually([&] { return thread.runnable(); }));
  const Nanos before = thread.cpu_time();
  EXPECT_TRUE(test::eventually([&] { return thread.cpu_time() > before; }));
  stop = true;
  thread.join();
}

}  // namespace
}  // namespace holdfast::process
