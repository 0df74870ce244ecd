// Runs slices of background work between the events of the loop, as SlicePlanner says. Executor thread only.
//
// A slice is posted to the loop, so that what is ready to be served comes first; while nothing is due a timer waits, and
// while nothing is wanted there is not even that.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <optional>
#include <vector>

#include "common/net/socket.h"
#include "common/time/clock.h"
#include "node/background/slice_planner.h"

namespace holdfast::node {

class BackgroundDriver {
 public:
  static constexpr Micros kSlice{200};

  BackgroundDriver(boost::asio::io_context& io, const Clock& clock);

  // Works until about the instant that it is given; false: nothing is left to do for now.
  using Slice = std::function<bool(Instant until)>;
  SlicePlanner::TaskId add(Slice slice);
  // The task has work, at this share of the executor's time.
  void want(SlicePlanner::TaskId task, double share);
  bool wants(SlicePlanner::TaskId task) const { return planner_.wants(task); }

 private:
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, net::Executor>;
  void schedule();
  void run();

  boost::asio::io_context& io_;
  const Clock& clock_;
  SlicePlanner planner_;
  std::vector<Slice> slices_;
  Timer timer_;
  std::optional<Instant> scheduled_;  // when the next slice comes
};

}  // namespace holdfast::node
