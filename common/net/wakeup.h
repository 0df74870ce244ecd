// Wakes an event loop from another thread, by one descriptor: a thread that has left the process's open files
// (common/process/helper_thread.h) can keep it. Signals that come before the callback has run are one.
//
// Threads: signal() from any; the rest on the loop's. The object outlives the threads that signal.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>

#include "common/net/socket.h"

namespace holdfast::net {

class Wakeup {
 public:
  Wakeup(boost::asio::io_context& io, std::function<void()> on_wake);

  void signal();
  // -1 where the system gives none: signal() then needs the loop's own, and so the process's open files.
  int descriptor() const { return number_; }

 private:
  void wait();

  boost::asio::io_context& io_;
  const std::function<void()> on_wake_;
  const int number_;
  boost::asio::posix::basic_stream_descriptor<Executor> descriptor_;
};

}  // namespace holdfast::net
