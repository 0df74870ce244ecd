// Runs the operator's scripts as child processes: notification-script and client-reconfig-script. What runs when is the
// queue's decision (sentinel/core/script_queue.h).
//
// A script gets the environment and the standard streams of the sentinel, no other open file, and the signals' default
// actions. One that cannot be executed counts as exit status 2: it is not tried again. Those that run when the sentinel
// ends go on. Executor thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <string>
#include <vector>

#include "common/net/socket.h"
#include "common/time/clock.h"
#include "sentinel/core/event.h"
#include "sentinel/core/script_queue.h"
#include "sentinel/core/types.h"

namespace holdfast::sentinel {

class ScriptRunner {
 public:
  // `timings` gives those in force; `announce` is told of -script-error and -script-timeout. Both outlive this.
  ScriptRunner(boost::asio::io_context& io, const Clock& clock, std::function<const Timings&()> timings,
               std::function<void(const Notice&)> announce);

  void run(std::vector<std::string> argv);
  const ScriptQueue& queue() const { return queue_; }

 private:
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, net::Executor>;

  ScriptQueue::Limits limits() const;
  void step();
  void start(uint64_t id, std::vector<std::string> argv);
  void wait_for_children();
  void reap();
  void ended(uint64_t id, const ScriptQueue::End& end);

  const Clock& clock_;
  const std::function<const Timings&()> timings_;
  const std::function<void(const Notice&)> announce_;
  ScriptQueue queue_;
  boost::asio::signal_set children_;
  Timer timer_;
};

}  // namespace holdfast::sentinel
