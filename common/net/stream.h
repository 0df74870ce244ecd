// A connected stream socket, TCP or unix, as the server uses it: told when it may be readable or writable, it receives
// and sends by itself. Executor thread only; nothing here allocates after construction.
//
// Why not asio's own socket: async_read_some tries to receive twice for each request, since it cannot know that a short
// read has emptied the socket; waiting for readiness instead makes a system call of its own each time. The reactor's
// registration is edge-triggered, so after a short read nothing has to be asked: new bytes raise a new event. This class
// registers with asio's epoll reactor and leaves one operation of its own in the descriptor's queue for good, which is
// never "done": each event calls readable() and nothing is queued anew. It uses asio's internals of the version that CMake
// requires (boost/asio/detail/reactor_op.hpp), and needs an io_context whose objects are not locked
// (BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO): readable() runs inside of the reactor's own work on the descriptor.
//
// One thing raises no event after a short read: an end of the stream (FIN) that had arrived together with the bytes. The
// owner must look once more later (Server does, a moment after the client fell silent).
#pragma once

#include <boost/asio/io_context.hpp>

namespace holdfast::net {

class StreamEvents {
 public:
  // The socket may have bytes, an end or an error to be read: called for every event, and after read_again.
  virtual void readable() = 0;
  // The socket takes bytes again. Asked for by wait_writable.
  virtual void writable() = 0;

 protected:
  ~StreamEvents() = default;
};

class Stream {
 public:
  // Takes over `fd`, which becomes non-blocking. When the kernel has no room to watch it, the stream is closed from the
  // start (fd() is -1). Neither function of `events` is called after close() or destruction.
  Stream(boost::asio::io_context& io, int fd, StreamEvents& events);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  int fd() const { return fd_; }  // -1 when closed

  // From now on events come; what is there already is told soon. Once.
  void start();
  // One call of readable() soon, without an event: not all has been read.
  void read_again();
  // One call of writable() once the socket takes bytes; it has just refused some (EAGAIN).
  void wait_writable();
  bool waits_writable() const;

  // Not from within readable() or writable().
  void close();

 private:
  struct Reader;
  struct Operation;
  struct Registration;

  int fd_;
  Registration* registration_;  // with the reactor
  Reader* reader_;
  Operation* again_ = nullptr;  // made when they are first needed
  Operation* write_ = nullptr;
  StreamEvents& events_;
};

}  // namespace holdfast::net
