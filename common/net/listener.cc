#include "common/net/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/log/log.h"

namespace holdfast::net {

namespace {

constexpr int kAcceptsPerWakeup = 1000;

struct BindAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Result<BindAddress> parse_address(const std::string& address, uint16_t port) {
  BindAddress result;
  in_addr v4{};
  in6_addr v6{};
  if (address == "*" || inet_pton(AF_INET, address.c_str(), &v4) == 1) {
    auto* in = reinterpret_cast<sockaddr_in*>(&result.storage);
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    in->sin_addr = v4;
    result.size = sizeof *in;
    return result;
  }
  if (address == "::*" || inet_pton(AF_INET6, address.c_str(), &v6) == 1) {
    auto* in = reinterpret_cast<sockaddr_in6*>(&result.storage);
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(port);
    in->sin6_addr = v6;
    result.size = sizeof *in;
    return result;
  }
  return fail("invalid bind address '{}'", address);
}

std::unexpected<Error> close_and_fail(int fd, const std::string& what) {
  const int code = errno;
  ::close(fd);
  return fail_errno(code, what);
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::tcp(boost::asio::io_context& io, const std::string& address, uint16_t port,
                                                int backlog, OnAccept on_accept) {
  const auto where = parse_address(address, port);
  if (!where) return std::unexpected(where.error());
  const int fd = ::socket(where->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const std::string what = fmt::format("{}:{}", address, port);
  if (fd < 0) return fail_errno(errno, what);
  const int on = 1;
  (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (where->storage.ss_family == AF_INET6) (void)::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&where->storage), where->size) != 0) {
    return close_and_fail(fd, "bind: " + what);
  }
  if (::listen(fd, backlog) != 0) return close_and_fail(fd, "listen: " + what);
  return std::unique_ptr<Listener>(new Listener(io, fd, "", std::move(on_accept)));
}

Result<std::unique_ptr<Listener>> Listener::unix_socket(boost::asio::io_context& io, const std::string& path,
                                                        unsigned permissions, int backlog, OnAccept on_accept) {
  sockaddr_un address{};
  if (path.size() >= sizeof address.sun_path) return fail("unix socket path too long: {}", path);
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  (void)::unlink(path.c_str());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail_errno(errno, path);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return close_and_fail(fd, "bind: " + path);
  }
  if (permissions != 0) (void)::chmod(path.c_str(), permissions);
  if (::listen(fd, backlog) != 0) return close_and_fail(fd, "listen: " + path);
  return std::unique_ptr<Listener>(new Listener(io, fd, path, std::move(on_accept)));
}

Listener::Listener(boost::asio::io_context& io, int fd, std::string path, OnAccept on_accept)
    : descriptor_(io.get_executor(), fd), retry_(io.get_executor()), path_(std::move(path)),
      on_accept_(std::move(on_accept)) {
  wait();
}

Listener::~Listener() {
  if (!path_.empty()) (void)::unlink(path_.c_str());
}

uint16_t Listener::port() const {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  const int fd = const_cast<Descriptor&>(descriptor_).native_handle();
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return 0;
  if (storage.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in*>(&storage)->sin_port);
  if (storage.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port);
  return 0;
}

void Listener::wait() {
  descriptor_.async_wait(boost::asio::posix::descriptor_base::wait_read, [this](boost::system::error_code error) {
    if (error == boost::asio::error::operation_aborted) return;  // `this` is gone
    accept_all();
  });
}

void Listener::accept_all() {
  for (int i = 0; i < kAcceptsPerWakeup; ++i) {
    const int fd = ::accept4(descriptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      on_accept_(fd);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN) break;
    log::warning("Error accepting a client connection: {}", std::strerror(errno));
    retry_.expires_after(std::chrono::milliseconds(100));
    retry_.async_wait([this](boost::system::error_code error) {
      if (!error) wait();
    });
    return;
  }
  wait();
}

}  // namespace holdfast::net
