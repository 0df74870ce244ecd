#include "tests/bench/load_run.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "tests/bench/loopback.h"

namespace holdfast::bench {

namespace {

constexpr size_t kReadBytes = 256 * 1024;
constexpr uint64_t kSecond = 1'000'000'000;
// A server that answers nothing for so long has failed.
constexpr uint64_t kPatience = 60 * kSecond;

uint64_t nanos(double seconds) { return static_cast<uint64_t>(seconds * static_cast<double>(kSecond)); }

}  // namespace

LoadRun::LoadRun(LoadOptions options) : options_(std::move(options)), random_(options_.seed), input_(kReadBytes) {}

LoadRun::~LoadRun() {
  for (const Client& client : clients_) {
    if (client.fd >= 0) close(client.fd);
  }
  if (epoll_ >= 0) close(epoll_);
}

Result<LoadFigures> LoadRun::run() {
  if (auto connected = connect_all(); !connected) return std::unexpected(connected.error());
  if (auto done = loop(); !done) return std::unexpected(done.error());
  for (const Client& client : clients_) {
    figures_.errors += client.scanner.errors();
    figures_.nulls += client.scanner.nulls();
    if (figures_.first_error.empty()) figures_.first_error = client.scanner.first_error();
  }
  return std::move(figures_);
}

Result<> LoadRun::connect_all() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return fail_errno(errno, "epoll_create1");
  clients_.resize(options_.connections);
  for (size_t i = 0; i < clients_.size(); ++i) {
    auto fd = connect_loopback(options_.port);
    if (!fd) return std::unexpected(fd.error());
    clients_[i].fd = *fd;
    fcntl(*fd, F_SETFL, fcntl(*fd, F_GETFL) | O_NONBLOCK);
    epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, *fd, &event) != 0) return fail_errno(errno, "epoll_ctl");
    idle_.push_back(i);
  }
  return {};
}

Result<> LoadRun::loop() {
  begun_ = now_ = monotonic_nanos();
  if (options_.warmup_seconds <= 0) begin_measuring();
  uint64_t last_reply = now_;
  std::array<epoll_event, 512> events;
  for (;;) {
    if (auto woken = wake_idle(); !woken) return woken;
    if (idle_.size() == clients_.size() && phase_ == Phase::kDraining) return {};
    const int ready = epoll_wait(epoll_, events.data(), events.size(), idle_.empty() ? 100 : 1);
    now_ = monotonic_nanos();
    follow_time();
    for (int i = 0; i < ready; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      Client& client = clients_[event.data.u64];
      if ((event.events & EPOLLOUT) != 0) {
        if (auto flushed = flush(client); !flushed) return flushed;
      }
      if ((event.events & ~EPOLLOUT) == 0) continue;
      if (auto read = read_replies(client); !read) return read;
      last_reply = now_;
      if (client.awaited > 0 || client.output_sent < client.output.size()) continue;
      if (allowance() == 0) {
        idle_.push_back(event.data.u64);
      } else if (auto sent = begin_pipeline(client); !sent) {
        return sent;
      }
    }
    if (now_ - last_reply > kPatience && idle_.size() < clients_.size()) return fail("no reply for 60 seconds");
  }
}

Result<> LoadRun::wake_idle() {
  while (!idle_.empty() && allowance() > 0) {
    const size_t index = idle_.back();
    idle_.pop_back();
    now_ = monotonic_nanos();
    if (auto sent = begin_pipeline(clients_[index]); !sent) return sent;
  }
  return {};
}

size_t LoadRun::allowance() const {
  if (phase_ == Phase::kDraining) return 0;
  size_t allowed = options_.pipeline;
  if (options_.requests > 0)
    allowed = std::min<uint64_t>(allowed, options_.requests - std::min(sent_, options_.requests));
  if (options_.requests_per_second > 0) {
    const double due = options_.requests_per_second * static_cast<double>(now_ - begun_) / static_cast<double>(kSecond);
    if (static_cast<double>(sent_ + allowed) > due + static_cast<double>(options_.pipeline)) allowed = 0;
  }
  return allowed;
}

Result<> LoadRun::begin_pipeline(Client& client) {
  client.awaited = allowance();
  client.output.clear();
  client.output_sent = 0;
  for (size_t i = 0; i < client.awaited; ++i) {
    const size_t chosen = options_.mix.size() == 1 ? 0 : random_.below(options_.mix.size());
    options_.mix[chosen].append(client.output, random_, options_.sequence);
  }
  sent_ += client.awaited;
  client.sent_at = now_;
  return flush(client);
}

Result<> LoadRun::flush(Client& client) {
  while (client.output_sent < client.output.size()) {
    const ssize_t sent = send(client.fd, client.output.data() + client.output_sent,
                              client.output.size() - client.output_sent, MSG_NOSIGNAL);
    if (sent >= 0) {
      client.output_sent += static_cast<size_t>(sent);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      return fail_errno(errno, "send");
    }
  }
  const bool wants_write = client.output_sent < client.output.size();
  if (wants_write != client.wants_write) {
    client.wants_write = wants_write;
    epoll_event event{.events = wants_write ? EPOLLIN | EPOLLOUT : EPOLLIN,
                      .data = {.u64 = static_cast<uint64_t>(&client - clients_.data())}};
    epoll_ctl(epoll_, EPOLL_CTL_MOD, client.fd, &event);
  }
  return {};
}

Result<> LoadRun::read_replies(Client& client) {
  const ssize_t got = recv(client.fd, input_.data(), input_.size(), 0);
  if (got == 0) return fail("the server closed the connection");
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return {};
    return fail_errno(errno, "recv");
  }
  now_ = monotonic_nanos();
  const size_t replies = client.scanner.feed({input_.data(), static_cast<size_t>(got)});
  if (client.scanner.broken()) return fail("the reply is not RESP2");
  if (replies > client.awaited) return fail("more replies than requests");
  client.awaited -= replies;
  answered_ += replies;
  if (phase_ == Phase::kMeasuring && replies > 0) {
    figures_.requests += replies;
    figures_.latency.record(now_ - client.sent_at, replies);
    if (options_.requests > 0 && answered_ >= options_.requests) end_measuring();
  }
  return {};
}

void LoadRun::follow_time() {
  if (phase_ == Phase::kWarmup && now_ - begun_ >= nanos(options_.warmup_seconds)) begin_measuring();
  if (phase_ == Phase::kMeasuring && options_.requests == 0 && now_ - measuring_since_ >= nanos(options_.seconds)) {
    end_measuring();
  }
}

void LoadRun::begin_measuring() {
  phase_ = Phase::kMeasuring;
  server_cpu_ = cpu_nanos_of(options_.server);
  load_cpu_ = cpu_nanos_of(getpid());
  measuring_since_ = now_;
}

void LoadRun::end_measuring() {
  phase_ = Phase::kDraining;
  const auto seconds = [](uint64_t later, uint64_t earlier) {
    return static_cast<double>(later - std::min(earlier, later)) / static_cast<double>(kSecond);
  };
  figures_.server_cpu_seconds = seconds(cpu_nanos_of(options_.server), server_cpu_);
  figures_.load_cpu_seconds = seconds(cpu_nanos_of(getpid()), load_cpu_);
  figures_.seconds = seconds(now_, measuring_since_);
}

}  // namespace holdfast::bench
