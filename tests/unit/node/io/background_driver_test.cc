#include "node/io/background_driver.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <vector>

namespace holdfast::node {
namespace {

class BackgroundDriverTest : public ::testing::Test {
 protected:
  boost::asio::io_context io;
  SystemClock clock;
  BackgroundDriver driver{io, clock};
};

TEST_F(BackgroundDriverTest, LoopEndsWhenNoTaskWantsAnything) {
  int slices = 0;
  const auto task = driver.add([&](Instant) { return ++slices < 5; });
  EXPECT_EQ(io.run(), 0u);
  io.restart();
  driver.want(task, 1.0);
  io.run();
  EXPECT_EQ(slices, 5);
  EXPECT_FALSE(driver.wants(task));
}

TEST_F(BackgroundDriverTest, OtherWorkRunsBetweenTwoSlices) {
  std::vector<char> order;
  const auto task = driver.add([&](Instant) {
    order.push_back('s');
    boost::asio::post(io.get_executor(), [&] { order.push_back('r'); });
    return order.size() < 8;
  });
  driver.want(task, 1.0);
  io.run();
  for (size_t i = 1; i < order.size(); ++i) EXPECT_FALSE(order[i] == 's' && order[i - 1] == 's') << i;
}

TEST_F(BackgroundDriverTest, ShareIsKeptOverManySlices) {
  const Instant begin = clock.now();
  Nanos spent{0};
  const auto task = driver.add([&](Instant until) {
    const Instant start = clock.now();
    while (clock.now() < until) {
    }
    spent += clock.now() - start;
    return spent < Millis(5);
  });
  driver.want(task, 0.2);
  io.run();
  // Less is possible on a busy machine, more is not; the last slice is not paid for any more.
  EXPECT_GE(clock.now() - begin, Millis(5) * 4);
}

TEST_F(BackgroundDriverTest, EarlierTaskDoesNotWaitForALaterOne) {
  bool slow_again = false;
  int fast = 0;
  const auto slow = driver.add([&](Instant until) {
    while (clock.now() < until) {
    }
    return !std::exchange(slow_again, true);
  });
  const auto quick = driver.add([&](Instant) { return ++fast < 3; });
  driver.want(slow, 0.0005);  // its second slice comes after 400 ms
  boost::asio::post(io.get_executor(), [&] { driver.want(quick, 1.0); });
  const Instant begin = clock.now();
  while (fast < 3) io.run_one();
  EXPECT_LT(clock.now() - begin, Millis(300));
  while (fast == 3 && !slow_again) io.run_one();
}

}  // namespace
}  // namespace holdfast::node
