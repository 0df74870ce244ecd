#include "common/net/stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/detail/epoll_reactor.hpp>
#include <boost/asio/detail/reactor_op.hpp>
#include <boost/version.hpp>

#include "common/base/assert.h"
#include "common/net/socket.h"

namespace holdfast::net {

static_assert(BOOST_VERSION / 100 == 1081, "net::Stream uses internals of asio 1.81: check them before another version");

using Reactor = boost::asio::detail::epoll_reactor;

struct Stream::Registration {
  Reactor& reactor;
  Reactor::per_descriptor_data data = nullptr;
};

// Stays in the descriptor's queue until that is given up. Never done, so never completed but for being aborted.
struct Stream::Reader final : boost::asio::detail::reactor_op {
  explicit Reader(StreamEvents& events)
      : reactor_op(boost::system::error_code(), &Reader::perform, &Reader::complete), events(&events) {}

  static status perform(reactor_op* base) {
    static_cast<Reader*>(base)->events->readable();
    return not_done;
  }
  // Taken out of the queue: the stream has closed, or the io_context is being destroyed.
  static void complete(void*, boost::asio::detail::scheduler_operation* base, const boost::system::error_code&, size_t) {
    auto* reader = static_cast<Reader*>(base);
    reader->queued = false;
    if (reader->released) delete reader;
  }

  StreamEvents* events;
  bool queued = false;
  bool released = false;
};

// One call of an event's function. It lives as long as its stream or, when the stream goes first, until asio has dropped
// it.
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
    : fd_(fd), registration_(new Registration{boost::asio::use_service<Reactor>(io)}), reader_(new Reader(events)),
      events_(events) {
  (void)::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  HOLDFAST_ASSERT(boost::asio::use_service<boost::asio::detail::scheduler>(io).concurrency_hint() == kOneThread);
  registration_->reactor.init_task();
  if (registration_->reactor.register_descriptor(fd, registration_->data) != 0) close();
}

Stream::~Stream() {
  close();
  delete registration_;
}

void Stream::start() {
  if (fd_ < 0) return;
  reader_->queued = true;
  // Not speculative: asio then modifies the registration, which raises an event if something is there.
  registration_->reactor.start_op(Reactor::read_op, fd_, registration_->data, reader_, true, false);
}

void Stream::close() {
  if (fd_ < 0) return;
  // Taken out of the epoll set by hand: while a forked child has a copy of the descriptor, closing it would not do that.
  registration_->reactor.deregister_descriptor(fd_, registration_->data, false);
  ::close(fd_);
  fd_ = -1;
  registration_->reactor.cleanup_descriptor_data(registration_->data);
  if (reader_->queued) {
    reader_->released = true;  // asio has it among its completions
  } else {
    delete reader_;
  }
  Operation::release(again_);
  Operation::release(write_);
  reader_ = nullptr;
  again_ = write_ = nullptr;
}

bool Stream::waits_writable() const { return write_ != nullptr && write_->queued; }

void Stream::read_again() {
  if (fd_ < 0) return;
  if (again_ == nullptr) again_ = new Operation(*this, &StreamEvents::readable);
  if (again_->queued) return;
  again_->queued = true;
  registration_->reactor.post_immediate_completion(again_, true);
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
