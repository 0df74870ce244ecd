#include "node/io/background_driver.h"

#include <boost/asio/post.hpp>
#include <utility>

namespace holdfast::node {

BackgroundDriver::BackgroundDriver(boost::asio::io_context& io, const Clock& clock)
    : io_(io), clock_(clock), timer_(io.get_executor()) {}

SlicePlanner::TaskId BackgroundDriver::add(Slice slice) {
  slices_.push_back(std::move(slice));
  return planner_.add();
}

void BackgroundDriver::want(SlicePlanner::TaskId task, double share) {
  planner_.want(task, share, clock_.now());
  schedule();
}

void BackgroundDriver::schedule() {
  const auto next = planner_.next();
  if (!next || (scheduled_ && *scheduled_ <= next->due)) return;
  scheduled_ = next->due;
  const Instant now = clock_.now();
  if (next->due <= now) return boost::asio::post(io_.get_executor(), [this] { run(); });
  timer_.expires_after(next->due - now);  // an earlier wait ends with an error
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) run();
  });
}

void BackgroundDriver::run() {
  scheduled_.reset();
  const Instant begin = clock_.now();
  if (const auto next = planner_.next(); next && next->due <= begin) {
    const bool more = slices_[next->task](begin + kSlice);
    planner_.ran(next->task, begin, clock_.now());
    if (!more) planner_.rest(next->task);
  }
  schedule();
}

}  // namespace holdfast::node
