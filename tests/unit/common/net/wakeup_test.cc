#include "common/net/wakeup.h"

#include <gtest/gtest.h>

#include <thread>

namespace holdfast::net {
namespace {

TEST(Wakeup, ReachesTheLoopFromAnotherThread) {
  boost::asio::io_context io{kOneThread};
  int woken = 0;
  Wakeup wakeup(io, [&] {
    if (++woken == 2) io.stop();
  });
  ASSERT_GE(wakeup.descriptor(), 0);
  for (int round = 1; round <= 2; ++round) {
    std::thread other([&] {
      wakeup.signal();
      wakeup.signal();
    });
    other.join();
    io.run_one();
    EXPECT_EQ(woken, round) << "two signals are one";
  }
}

}  // namespace
}  // namespace holdfast::net
