#include "common/net/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>

namespace holdfast::net {

namespace {

union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
  sockaddr_un local;
  sockaddr_storage storage;
};

std::string name_of(const Address& address) {
  char text[INET6_ADDRSTRLEN];
  switch (address.any.sa_family) {
    case AF_INET:
      inet_ntop(AF_INET, &address.v4.sin_addr, text, sizeof text);
      return fmt::format("{}:{}", text, ntohs(address.v4.sin_port));
    case AF_INET6:
      inet_ntop(AF_INET6, &address.v6.sin6_addr, text, sizeof text);
      return fmt::format("[{}]:{}", text, ntohs(address.v6.sin6_port));
    case AF_UNIX: return fmt::format("{}:0", address.local.sun_path[0] != '\0' ? address.local.sun_path : "");
    default: return "?:0";
  }
}

}  // namespace

std::string peer_name(int fd) {
  Address address{};
  socklen_t size = sizeof address;
  if (::getpeername(fd, &address.any, &size) != 0) return "?:0";
  // A unix client has no name of its own: Redis shows the socket's path, which is our end's.
  return address.any.sa_family == AF_UNIX ? local_name(fd) : name_of(address);
}

std::string local_name(int fd) {
  Address address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, &address.any, &size) != 0) return "?:0";
  return name_of(address);
}

bool peer_is_loopback(int fd) {
  Address address{};
  socklen_t size = sizeof address;
  if (::getpeername(fd, &address.any, &size) != 0) return false;
  switch (address.any.sa_family) {
    case AF_UNIX: return true;
    case AF_INET: return (ntohl(address.v4.sin_addr.s_addr) >> 24) == 127;
    case AF_INET6:
      return IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr) ||
             (IN6_IS_ADDR_V4MAPPED(&address.v6.sin6_addr) && address.v6.sin6_addr.s6_addr[12] == 127);
    default: return false;
  }
}

void set_no_delay(int fd, bool enabled) {
  const int value = enabled ? 1 : 0;
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value);
}

void set_keepalive(int fd, int seconds) {
  const int on = seconds > 0 ? 1 : 0;
  (void)::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  if (on == 0) return;
  const int interval = std::max(1, seconds / 3), count = 3;
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

}  // namespace holdfast::net
