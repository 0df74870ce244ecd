#include "common/net/wakeup.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cstdint>
#include <utility>

namespace holdfast::net {

Wakeup::Wakeup(boost::asio::io_context& io, std::function<void()> on_wake)
    : io_(io), on_wake_(std::move(on_wake)), number_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), descriptor_(io.get_executor()) {
  if (number_ < 0) return;
  descriptor_.assign(number_);
  wait();
}

void Wakeup::signal() {
  if (number_ < 0) {
    boost::asio::post(io_.get_executor(), on_wake_);
    return;
  }
  const uint64_t one = 1;
  (void)!::write(number_, &one, sizeof one);  // fails only while it stands at its highest
}

void Wakeup::wait() {
  descriptor_.async_wait(boost::asio::posix::descriptor_base::wait_read, [this](boost::system::error_code error) {
    if (error == boost::asio::error::operation_aborted) return;  // `this` is gone
    uint64_t count = 0;
    (void)!::read(number_, &count, sizeof count);
    wait();
    on_wake_();
  });
}

}  // namespace holdfast::net
