#include "common/process/helper_thread.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

namespace holdfast::process {
namespace {

TEST(HelperThread, TakesNoSignalsWhereTheirHandlersHaveNoFiles) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  bool shared = true;
  sigset_t blocked;
  ::sigemptyset(&blocked);
  std::thread helper([&] {
    (void)leave_open_files();
    shared = ::fcntl(ends[1], F_GETFD) != -1;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  });
  helper.join();
  if (shared) GTEST_SKIP() << "the kernel cannot give a thread open files of its own";
  EXPECT_NE(::fcntl(ends[1], F_GETFD), -1) << "everybody else's stay";
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD}) EXPECT_EQ(::sigismember(&blocked, number), 1) << number;
  for (const int number : {SIGSEGV, SIGBUS, SIGABRT}) EXPECT_EQ(::sigismember(&blocked, number), 0) << number;
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(HelperThread, MayKeepOneOpenFile) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const int far = ::fcntl(ends[1], F_DUPFD_CLOEXEC, 500);
  ASSERT_GE(far, 500);
  bool left = false, lower_gone = false, higher_gone = false, wrote = false;
  std::thread helper([&] {
    left = leave_open_files(ends[1]);
    lower_gone = ::fcntl(ends[0], F_GETFD) == -1;
    higher_gone = ::fcntl(far, F_GETFD) == -1;
    wrote = ::write(ends[1], "x", 1) == 1;
  });
  helper.join();
  EXPECT_TRUE(wrote);
  EXPECT_EQ(left, lower_gone);
  EXPECT_EQ(left, higher_gone);
  char byte = 0;
  EXPECT_EQ(::read(ends[0], &byte, 1), 1);
  EXPECT_NE(::fcntl(far, F_GETFD), -1);
  for (const int fd : {ends[0], ends[1], far}) ::close(fd);
}

}  // namespace
}  // namespace holdfast::process
