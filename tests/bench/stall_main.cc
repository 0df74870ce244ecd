// bench_stall: pings a server at 127.0.0.1 every half millisecond until SIGTERM and prints the longest stalls as one
// JSON object. While a reply is late no further ping is sent.
//
// The arrival of a reply is the kernel's own time stamp of its packet, which on loopback is the instant at which the
// server sent it: that this client is not scheduled at once, on a core that it shares with the load, counts for nobody.
// A ping whose sending was itself interrupted is not counted.
#include <fmt/format.h>
#include <getopt.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "common/base/text.h"
#include "tests/bench/latency_recorder.h"
#include "tests/bench/loopback.h"

namespace holdfast::bench {
namespace {

constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";
constexpr uint64_t kSendInterrupted = 200'000;
constexpr time_t kPatienceSeconds = 120;
constexpr size_t kWorst = 5;

volatile std::sig_atomic_t stopped = 0;

struct Stall {
  double at_seconds = 0;
  double milliseconds = 0;
};

struct Figures {
  LatencyRecorder latency;
  std::vector<Stall> worst;  // longest first
  uint64_t interrupted = 0;
  uint64_t without_stamp = 0;
};

void note(Figures& figures, uint64_t since_begin, uint64_t took) {
  figures.latency.record(took);
  const Stall stall{.at_seconds = static_cast<double>(since_begin) / 1e9,
                    .milliseconds = static_cast<double>(took) / 1e6};
  const auto place =
      std::ranges::find_if(figures.worst, [&](const Stall& s) { return s.milliseconds < stall.milliseconds; });
  figures.worst.insert(place, stall);
  if (figures.worst.size() > kWorst) figures.worst.pop_back();
}

// When the packet with the reply's last byte arrived; 0 with the connection lost or out of patience.
Result<uint64_t> receive_reply(int fd, Figures& figures) {
  for (;;) {
    std::array<char, 256> data;
    alignas(cmsghdr) std::array<char, 256> control;
    iovec piece{.iov_base = data.data(), .iov_len = data.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = recvmsg(fd, &message, 0);
    const uint64_t now = realtime_nanos();
    if (got == 0) return fail("the server closed the connection");
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "recvmsg");
    if (data[static_cast<size_t>(got) - 1] != '\n') continue;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SO_TIMESTAMPNS) continue;
      timespec stamp{};
      std::memcpy(&stamp, CMSG_DATA(header), sizeof stamp);
      return static_cast<uint64_t>(stamp.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(stamp.tv_nsec);
    }
    ++figures.without_stamp;
    return now;
  }
}

Result<> ping_once(int fd, uint64_t begun, Figures& figures) {
  const uint64_t before = realtime_nanos();
  if (send(fd, kPing.data(), kPing.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(kPing.size()))
    return fail_errno(errno, "send");
  const uint64_t after = realtime_nanos();
  const auto arrived = receive_reply(fd, figures);
  if (!arrived) return std::unexpected(arrived.error());
  // On a core of its own the server can answer before send() returns.
  if (*arrived > after && after - before > kSendInterrupted) {
    ++figures.interrupted;
  } else {
    note(figures, before - begun, *arrived > before ? *arrived - before : 0);
  }
  return {};
}

Result<Figures> run(uint16_t port, uint64_t interval) {
  auto fd = connect_loopback(port);
  if (!fd) return std::unexpected(fd.error());
  const int on = 1;
  setsockopt(*fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  const timeval patience{.tv_sec = kPatienceSeconds, .tv_usec = 0};
  setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  Figures figures;
  const uint64_t begun = realtime_nanos();
  uint64_t next = monotonic_nanos();
  while (stopped == 0) {
    if (auto pinged = ping_once(*fd, begun, figures); !pinged) return std::unexpected(pinged.error());
    next = std::max(next + interval, monotonic_nanos());
    const timespec until{.tv_sec = static_cast<time_t>(next / 1'000'000'000),
                         .tv_nsec = static_cast<long>(next % 1'000'000'000)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
  }
  close(*fd);
  return figures;
}

void print(const Figures& figures, bool real_time) {
  auto worst = nlohmann::ordered_json::array();
  for (const Stall& stall : figures.worst) worst.push_back({{"at_s", stall.at_seconds}, {"ms", stall.milliseconds}});
  const auto millis = [&](double share) { return static_cast<double>(figures.latency.percentile(share)) / 1e6; };
  const nlohmann::ordered_json printed = {
      {"pings", figures.latency.count()},
      {"p50_ms", millis(0.5)},
      {"p99_ms", millis(0.99)},
      {"p999_ms", millis(0.999)},
      {"max_ms", static_cast<double>(figures.latency.max()) / 1e6},
      {"worst", worst},
      {"interrupted", figures.interrupted},
      {"without_stamp", figures.without_stamp},
      {"real_time", real_time},
  };
  fmt::print("{}\n", printed.dump());
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) {
  const auto port = argc >= 2 ? holdfast::parse_uint64(argv[1]) : std::nullopt;
  const auto interval_us = argc == 3 ? holdfast::parse_uint64(argv[2]) : 500;
  if (argc > 3 || !port || *port == 0 || *port > 65535 || !interval_us) {
    fmt::print(stderr, "bench_stall PORT [INTERVAL_US]\n");
    return 2;
  }
  struct sigaction stop {};
  stop.sa_handler = [](int) { holdfast::bench::stopped = 1; };
  sigaction(SIGTERM, &stop, nullptr);
  sigaction(SIGINT, &stop, nullptr);
  // Before the load on its core, where that is allowed.
  const sched_param priority{.sched_priority = 10};
  const bool real_time = sched_setscheduler(0, SCHED_FIFO, &priority) == 0;
  const auto figures = holdfast::bench::run(static_cast<uint16_t>(*port), *interval_us * 1000);
  if (!figures) {
    fmt::print(stderr, "bench_stall: {}\n", figures.error().text);
    return 1;
  }
  holdfast::bench::print(*figures, real_time);
  return 0;
}
