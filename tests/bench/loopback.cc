#include "tests/bench/loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace holdfast::bench {

namespace {

uint64_t read_clock(clockid_t id) {
  timespec now{};
  if (clock_gettime(id, &now) != 0) return 0;
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

Result<int> connect_loopback(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail_errno(errno, "socket");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    const int code = errno;
    close(fd);
    return fail_errno(code, "connect");
  }
  return fd;
}

uint64_t monotonic_nanos() { return read_clock(CLOCK_MONOTONIC); }

uint64_t realtime_nanos() { return read_clock(CLOCK_REALTIME); }

uint64_t cpu_nanos_of(pid_t pid) {
  clockid_t id = 0;
  if (pid <= 0 || clock_getcpuclockid(pid, &id) != 0) return 0;
  return read_clock(id);
}

}  // namespace holdfast::bench
