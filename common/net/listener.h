// Accepts connections on TCP addresses or a unix socket and hands each accepted descriptor (non-blocking, close-on-exec)
// to a callback, which owns it from then on. Executor thread only. Out of descriptors it pauses 100 ms and tries again.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/net/socket.h"

namespace holdfast::net {

class Listener {
 public:
  using OnAccept = std::function<void(int fd)>;

  // `address`: numeric IPv4 or IPv6, or "*" (any IPv4) and "::*" (any IPv6). EADDRNOTAVAIL and EAFNOSUPPORT come back in
  // Error::code, since an address written with '-' may be missing.
  static Result<std::unique_ptr<Listener>> tcp(boost::asio::io_context& io, const std::string& address, uint16_t port,
                                               int backlog, OnAccept on_accept);
  // Replaces an existing socket file; `permissions` 0 keeps the umask's. The file is removed with the listener.
  static Result<std::unique_ptr<Listener>> unix_socket(boost::asio::io_context& io, const std::string& path,
                                                       unsigned permissions, int backlog, OnAccept on_accept);
  ~Listener();

  uint16_t port() const;  // the bound one

 private:
  Listener(boost::asio::io_context& io, int fd, std::string path, OnAccept on_accept);
  void wait();
  void accept_all();

  using Descriptor = boost::asio::posix::basic_stream_descriptor<Executor>;
  Descriptor descriptor_;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>
      retry_;
  const std::string path_;
  const OnAccept on_accept_;
};

}  // namespace holdfast::net
