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
    leave_open_files();
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

}  // namespace
}  // namespace holdfast::process
