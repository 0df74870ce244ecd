// bench_stall: pings a server at 127.0.0.1 every half millisecond until SIGTERM and prints the longest stalls as one
// JSON object. While a reply is late no further ping is sent.
//
// The arrival of a reply is the kernel's own time stamp of its packet, which on loopback is the instant at which the
// server sent it: that this client is not scheduled at once, on a core that it shares with the load, counts for nobody.
// A ping whose sending was itself interrupted is not counted.
//
// On a shared machine the host may run somebody else on a processor for tens of milliseconds, which Linux tells ("steal" of
// /proc/stat); if it is the load's, the server may wait for a lock of the kernel that was held there. Given the server's
// pid, a stall of 4 ms or more in which that happened, or in the 12 ms after it in which no ping is sent, is not counted as
// the server's: these are listed by themselves. Of the
// others it says how long the server's main thread was ready to run and did not: the time that other threads, of the
// server's or not, had its processor.
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
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/text.h"
#include "tests/bench/latency_recorder.h"
#include "tests/bench/loopback.h"

namespace holdfast::bench {
namespace {

constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";
constexpr uint64_t kSendInterrupted = 200'000;
constexpr uint64_t kPatience = 120'000'000'000;
constexpr uint64_t kLate = 2'000'000;  // then it is looked what the server does
constexpr double kExaminedMs = 4;
constexpr timespec kSettling{0, 12'000'000};  // Linux learns of stolen time at its next tick, 10 ms at most
constexpr size_t kWorst = 5;

volatile std::sig_atomic_t stopped = 0;

struct Stall {
  double at_seconds = 0;
  double milliseconds = 0;
  double waited_ms = 0;
};

class Server {
 public:
  // Milliseconds since some instant.
  struct Lost {
    double waited = 0;  // the main thread, for a processor
    double stolen = 0;  // all processors, by the machine's host
  };

  explicit Server(uint64_t pid) : pid_(pid) {}  // 0: not known
  Lost lost() const {
    Lost lost;
    if (pid_ == 0) return lost;
    double ran = 0;
    std::ifstream(fmt::format("/proc/{0}/task/{0}/schedstat", pid_)) >> ran >> lost.waited;  // nanoseconds
    lost.waited /= 1e6;
    std::ifstream machine("/proc/stat");
    std::string all;
    machine >> all;
    for (int field = 1; field <= 8; ++field) machine >> lost.stolen;  // the eighth, in ticks
    lost.stolen *= 1e3 / static_cast<double>(sysconf(_SC_CLK_TCK));
    return lost;
  }

 private:
  const uint64_t pid_;
};

struct Figures {
  LatencyRecorder latency;
  std::vector<Stall> worst;   // longest first
  std::vector<Stall> stolen;  // not in `worst` and `latency`
  uint64_t interrupted = 0;
  uint64_t without_stamp = 0;
};

void note(Figures& figures, uint64_t since_begin, uint64_t took, const std::optional<Server::Lost>& late_from,
          const Server& server) {
  Stall stall{.at_seconds = static_cast<double>(since_begin) / 1e9, .milliseconds = static_cast<double>(took) / 1e6};
  if (late_from && stall.milliseconds >= kExaminedMs) {
    stall.waited_ms = server.lost().waited - late_from->waited;
    nanosleep(&kSettling, nullptr);
    if (server.lost().stolen > late_from->stolen) return figures.stolen.push_back(stall);
  }
  figures.latency.record(took);
  const auto place =
      std::ranges::find_if(figures.worst, [&](const Stall& s) { return s.milliseconds < stall.milliseconds; });
  figures.worst.insert(place, stall);
  if (figures.worst.size() > kWorst) figures.worst.pop_back();
}

struct Reply {
  uint64_t arrived = 0;  // the packet with its last byte
  std::optional<Server::Lost> late_from;
};

Result<Reply> receive_reply(int fd, const Server& server, Figures& figures) {
  const uint64_t deadline = monotonic_nanos() + kPatience;
  Reply reply;
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
    if (got < 0 && errno == EAGAIN && monotonic_nanos() < deadline) {
      if (!reply.late_from) reply.late_from = server.lost();
      continue;
    }
    if (got < 0) return fail_errno(errno, "recvmsg");
    if (data[static_cast<size_t>(got) - 1] != '\n') continue;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SO_TIMESTAMPNS) continue;
      timespec stamp{};
      std::memcpy(&stamp, CMSG_DATA(header), sizeof stamp);
      reply.arrived = static_cast<uint64_t>(stamp.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(stamp.tv_nsec);
      return reply;
    }
    ++figures.without_stamp;
    reply.arrived = now;
    return reply;
  }
}

Result<> ping_once(int fd, const Server& server, uint64_t begun, Figures& figures) {
  const uint64_t before = realtime_nanos();
  if (send(fd, kPing.data(), kPing.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(kPing.size()))
    return fail_errno(errno, "send");
  const uint64_t after = realtime_nanos();
  const auto reply = receive_reply(fd, server, figures);
  if (!reply) return std::unexpected(reply.error());
  // On a core of its own the server can answer before send() returns.
  if (reply->arrived > after && after - before > kSendInterrupted) {
    ++figures.interrupted;
  } else {
    note(figures, before - begun, reply->arrived > before ? reply->arrived - before : 0, reply->late_from, server);
  }
  return {};
}

Result<Figures> run(uint16_t port, uint64_t interval, const Server& server) {
  auto fd = connect_loopback(port);
  if (!fd) return std::unexpected(fd.error());
  const int on = 1;
  setsockopt(*fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  const timeval late{.tv_sec = 0, .tv_usec = kLate / 1000};
  setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &late, sizeof late);
  Figures figures;
  const uint64_t begun = realtime_nanos();
  uint64_t next = monotonic_nanos();
  while (stopped == 0) {
    if (auto pinged = ping_once(*fd, server, begun, figures); !pinged) return std::unexpected(pinged.error());
    next = std::max(next + interval, monotonic_nanos());
    const timespec until{.tv_sec = static_cast<time_t>(next / 1'000'000'000),
                         .tv_nsec = static_cast<long>(next % 1'000'000'000)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
  }
  close(*fd);
  return figures;
}

void print(const Figures& figures, bool real_time) {
  const auto list = [](const std::vector<Stall>& stalls) {
    auto printed = nlohmann::ordered_json::array();
    for (const Stall& stall : stalls) {
      printed.push_back({{"at_s", stall.at_seconds}, {"ms", stall.milliseconds}, {"waited_ms", stall.waited_ms}});
    }
    return printed;
  };
  const auto millis = [&](double share) { return static_cast<double>(figures.latency.percentile(share)) / 1e6; };
  const nlohmann::ordered_json printed = {
      {"pings", figures.latency.count()},
      {"p50_ms", millis(0.5)},
      {"p99_ms", millis(0.99)},
      {"p999_ms", millis(0.999)},
      {"max_ms", static_cast<double>(figures.latency.max()) / 1e6},
      {"worst", list(figures.worst)},
      {"stolen", list(figures.stolen)},
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
  const auto interval_us = argc >= 3 ? holdfast::parse_uint64(argv[2]) : 500;
  const auto pid = argc >= 4 ? holdfast::parse_uint64(argv[3]) : 0;
  if (argc > 4 || !port || *port == 0 || *port > 65535 || !interval_us || !pid) {
    fmt::print(stderr, "bench_stall PORT [INTERVAL_US [PID]]\n");
    return 2;
  }
  struct sigaction stop {};
  stop.sa_handler = [](int) { holdfast::bench::stopped = 1; };
  sigaction(SIGTERM, &stop, nullptr);
  sigaction(SIGINT, &stop, nullptr);
  // Before the load on its core, where that is allowed.
  const sched_param priority{.sched_priority = 10};
  const bool real_time = sched_setscheduler(0, SCHED_FIFO, &priority) == 0;
  const auto figures = holdfast::bench::run(static_cast<uint16_t>(*port), *interval_us * 1000,
                                         holdfast::bench::Server(*pid));
  if (!figures) {
    fmt::print(stderr, "bench_stall: {}\n", figures.error().text);
    return 1;
  }
  holdfast::bench::print(*figures, real_time);
  return 0;
}
