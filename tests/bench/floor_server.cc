// The floor under any server with this event model: only the system calls. Level-triggered epoll; for each client that
// is ready, one recv and one send a turn. It stores nothing: a request that begins like GET is answered with a bulk
// string of 64 bytes, any other with +OK.
//
//   bench_floor PORT [LOG]
//
// With a file as LOG the requests that are not like GET are answered once they are in it and synced (floor_log.h): what
// is under `appendfsync always`.
//
// Requests are counted by the '*' that begins each, so keys and values must not hold one (bench_load's do not). One
// thread; ends by a signal.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/text.h"
#include "tests/bench/floor_log.h"

namespace holdfast::bench {
namespace {

constexpr size_t kReadBytes = 64 * 1024;
constexpr size_t kRepliesReady = kReadBytes / 8;  // the smallest request, "*1\r\n$4\r\nPING\r\n", has 14 bytes
constexpr size_t kBacklog = 4096;
// "*2\r\n$3\r\nGET": the command's first letter.
constexpr size_t kCommandOffset = 8;

// `kRepliesReady` copies of a reply in a row, so that a pipeline's answer is sent as it lies.
class RepeatedReply {
 public:
  explicit RepeatedReply(std::string_view reply) : size_(reply.size()) {
    for (size_t i = 0; i < kRepliesReady; ++i) text_.append(reply);
  }
  std::string_view times(size_t count) const { return std::string_view(text_).substr(0, count * size_); }

 private:
  size_t size_;
  std::string text_;
};

const RepeatedReply& ok_reply() {
  static const RepeatedReply reply("+OK\r\n");
  return reply;
}

const RepeatedReply& bulk_reply() {
  static const RepeatedReply reply("$64\r\n" + std::string(64, 'x') + "\r\n");
  return reply;
}

// Sends all; waits where the socket is full, which a client that reads its replies does not let happen.
bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      pollfd wait{.fd = fd, .events = POLLOUT, .revents = 0};
      poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

// One recv and, in the usual case, one send, unless `log` is to have the requests first. False when the client is gone.
bool serve(int fd, std::array<char, kReadBytes>& buffer, FloorLog* log) {
  const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
  if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
  const char* const end = buffer.data() + got;
  size_t count = 0;
  size_t reads = 0;
  for (const char* at = buffer.data();
       (at = static_cast<const char*>(std::memchr(at, '*', static_cast<size_t>(end - at)))) != nullptr; ++at) {
    ++count;
    if (end - at > static_cast<ssize_t>(kCommandOffset) && at[kCommandOffset] == 'G') ++reads;
    if (at + 1 == end) break;
  }
  // A mix within one pipeline is answered with as many of each; the order does not matter to who only counts.
  size_t writes = count - reads;
  if (log != nullptr) {
    if (writes > 0) log->add(fd, {buffer.data(), static_cast<size_t>(got)});
    writes = 0;
  }
  return (reads == 0 || send_all(fd, bulk_reply().times(reads))) &&
         (writes == 0 || send_all(fd, ok_reply().times(writes)));
}

int listen_on(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd, kBacklog) != 0)
    return -1;
  return fd;
}

void accept_client(int listener, int epoll) {
  const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int run(uint16_t port, FloorLog* log) {
  const int listener = listen_on(port);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (listener < 0 || epoll < 0) {
    std::perror("bench_floor");
    return 1;
  }
  epoll_event event{.events = EPOLLIN, .data = {.fd = listener}};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  if (log != nullptr) {
    epoll_event done{.events = EPOLLIN, .data = {.fd = log->done_event()}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, log->done_event(), &done);
  }
  static std::array<char, kReadBytes> buffer;
  std::array<epoll_event, 1024> events;
  for (;;) {
    const int ready = epoll_wait(epoll, events.data(), events.size(), -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == listener) {
        accept_client(listener, epoll);
      } else if (log != nullptr && fd == log->done_event()) {
        for (const int client : log->take_done()) send_all(client, ok_reply().times(1));
      } else if (!serve(fd, buffer, log)) {
        close(fd);
      }
    }
    if (log != nullptr) log->flush();
  }
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) {
  const auto port = argc == 2 || argc == 3 ? holdfast::parse_uint64(argv[1]) : std::nullopt;
  if (!port || *port == 0 || *port > 65535) {
    fmt::print(stderr, "bench_floor PORT [LOG]\n");
    return 2;
  }
  std::optional<holdfast::bench::FloorLog> log;
  if (argc == 3) log.emplace(argv[2]);
  return holdfast::bench::run(static_cast<uint16_t>(*port), log ? &*log : nullptr);
}
