// recv and send on a socket as single system calls. Any thread.
//
// glibc's own are points where a thread may be cancelled: as soon as a process has a second thread, each costs some 30
// instructions more for that. Nobody here cancels threads. Results and errno are those of recv and send; interrupted
// calls are made again.
#pragma once

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace holdfast::net {

inline ssize_t receive_bytes(int fd, char* to, size_t room) {
  long count;
  do {
    count = ::syscall(SYS_recvfrom, fd, to, room, MSG_DONTWAIT, nullptr, nullptr);
  } while (count < 0 && errno == EINTR);
  return count;
}

inline ssize_t send_bytes(int fd, const char* from, size_t count) {
  long sent;
  do {
    sent = ::syscall(SYS_sendto, fd, from, count, MSG_NOSIGNAL | MSG_DONTWAIT, nullptr, 0);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

}  // namespace holdfast::net
