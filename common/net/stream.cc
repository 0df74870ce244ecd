#include "common/net/stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/detail/epoll_reactor.hpp>
#include <boost/asio/detail/reactor_op.hpp>
#include <boost/version.hpp>

#include "common/base/assert.h"

namespace holdfast::net {

static_assert(BOOST_VERSION / 100 == 1081, "net::Stream uses internals of asio 1.81: check them before another version");

using Reactor = boost::asio::detail::epoll_reactor;

struct Stream::Registration {
  Reactor& reactor;
  Reactor::per_descriptor_data data = nullptr;
};

// Readiness is all it waits for: it is "performed" without a system call. It lives as long as its stream or, when the
// stream goes first, until asio has dropped it.
struct Stream::Operation final : boost::asio::detail::reactor_op {
  Operation(Stream& stream, void (StreamEvents::*event)())
      : reactor_op(boost::system::error_code(), &Operation::perform, &Operation::complete), stream(&stream), event(event) {}

  static status perform(reactor_op*) { return done_and_exhausted; }

  static void complete(void* owner, boost::asio::detail::scheduler_operation* base, const boost::system::error_code&,
                       size_t) {
    auto* operation = static_cast<Operation*>(base);
    operation->queued = false;
    if (operation->stream == nullptr) {
      delete operation;
    } else if (owner != nullptr) {  // null: the io_context is being destroyed
      (operation->stream->events_.*operation->event)();
    }
  }

  // The stream goes: the operation goes with it, or follows when asio gives it up.
  static void release(Operation* operation) {
    if (operation == nullptr) return;
    if (operation->queued) {
      operation->stream = nullptr;
    } else {
      delete operation;
    }
  }

  Stream* stream;
  void (StreamEvents::*event)();
  bool queued = false;
};

Stream::Stream(boost::asio::io_context& io, int fd, StreamEvents& events)
    : fd_(fd), registration_(new Registration{boost::asio::use_service<Reactor>(io)}),
      read_(new Operation(*this, &StreamEvents::readable)), events_(events) {
  (void)::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  registration_->reactor.init_task();
  if (registration_->reactor.register_descriptor(fd, registration_->data) != 0) close();
}

Stream::~Stream() {
  close();
  delete registration_;
}

void Stream::close() {
  if (fd_ < 0) return;
  // Taken out of the epoll set by hand: while a forked child has a copy of the descriptor, closing it would not do that.
  registration_->reactor.deregister_descriptor(fd_, registration_->data, false);
  ::close(fd_);
  fd_ = -1;
  registration_->reactor.cleanup_descriptor_data(registration_->data);
  Operation::release(read_);
  Operation::release(write_);
  read_ = write_ = nullptr;
}

bool Stream::waits_readable() const { return read_ != nullptr && read_->queued; }
bool Stream::waits_writable() const { return write_ != nullptr && write_->queued; }

void Stream::wait_readable() {
  if (fd_ < 0 || read_->queued) return;
  read_->queued = true;
  registration_->reactor.start_op(Reactor::read_op, fd_, registration_->data, read_, true, true);
}

void Stream::read_again() {
  if (fd_ < 0 || read_->queued) return;
  read_->queued = true;
  registration_->reactor.post_immediate_completion(read_, true);
}

void Stream::wait_writable() {
  if (fd_ < 0) return;
  if (write_ == nullptr) write_ = new Operation(*this, &StreamEvents::writable);
  if (write_->queued) return;
  write_->queued = true;
  // Not speculative: asio would answer at once. Modifying the registration raises the event if there is room by now.
  registration_->reactor.start_op(Reactor::write_op, fd_, registration_->data, write_, true, false);
}

}  // namespace holdfast::net
