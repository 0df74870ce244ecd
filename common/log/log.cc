#include "common/log/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "common/base/text.h"
#include "common/time/clock.h"

namespace holdfast::log {

namespace {

constexpr std::array<std::string_view, 5> kNames = {"debug", "verbose", "notice", "warning", "nothing"};

struct State {
  State();
  std::atomic<Level> level{Level::notice};
  std::atomic<char> role{'M'};
  std::atomic<bool> syslog{false};
  std::mutex mutex;  // guards what follows
  std::string path;
  std::string syslog_identity;
};

State& state() {
  static State instance;
  return instance;
}

// A child of fork logs too: no other thread may hold the lock (or the C library's of localtime) when it comes to be.
State::State() {
  ::pthread_atfork([] { state().mutex.lock(); }, [] { state().mutex.unlock(); }, [] { state().mutex.unlock(); });
}

int open_log(const std::string& path) { return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644); }

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count <= 0) return;  // a log that cannot be written must not stop the server
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

}  // namespace

std::optional<Level> parse_level(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (iequals(name, kNames[i])) return static_cast<Level>(i);
  }
  return std::nullopt;
}

std::string_view level_name(Level level) { return kNames[static_cast<size_t>(level)]; }

void set_level(Level level) { state().level.store(level, std::memory_order_relaxed); }
Level level() { return state().level.load(std::memory_order_relaxed); }
void set_role(char role) { state().role.store(role, std::memory_order_relaxed); }

Result<> set_file(std::string path) {
  Result<> writable;
  if (!path.empty()) {
    const int fd = open_log(path);
    if (fd < 0) writable = std::unexpected(Error{std::strerror(errno), errno});
    if (fd >= 0) ::close(fd);
  }
  const std::lock_guard lock(state().mutex);
  state().path = std::move(path);
  return writable;
}

void set_syslog(bool enabled, const std::string& identity, int facility) {
  const std::lock_guard lock(state().mutex);
  state().syslog_identity = identity;  // openlog keeps the pointer
  if (enabled) ::openlog(state().syslog_identity.c_str(), LOG_PID | LOG_NDELAY | LOG_NOWAIT, facility);
  state().syslog.store(enabled, std::memory_order_relaxed);
}

int syslog_facility(std::string_view name) {
  if (iequals(name, "user")) return LOG_USER;
  constexpr std::array locals = {LOG_LOCAL0, LOG_LOCAL1, LOG_LOCAL2, LOG_LOCAL3,
                                 LOG_LOCAL4, LOG_LOCAL5, LOG_LOCAL6, LOG_LOCAL7};
  const bool known = name.size() == 6 && iequals(name.substr(0, 5), "local") && name[5] >= '0' && name[5] <= '7';
  return known ? locals[static_cast<size_t>(name[5] - '0')] : LOG_LOCAL0;
}

void write(Level level, std::string_view message) {
  State& s = state();
  if (level < s.level.load(std::memory_order_relaxed)) return;
  const int64_t micros = system_unix_micros();
  const time_t seconds = micros / 1'000'000;
  tm local{};
  const std::lock_guard lock(s.mutex);
  localtime_r(&seconds, &local);
  char stamp[64];
  strftime(stamp, sizeof stamp, "%d %b %Y %H:%M:%S", &local);
  const std::string line = fmt::format("{}:{} {}.{:03} {} {}\n", ::getpid(), s.role.load(std::memory_order_relaxed), stamp,
                                       micros / 1000 % 1000, ".-*#"[static_cast<size_t>(level) & 3], message);
  if (s.path.empty()) {
    write_all(STDOUT_FILENO, line);
  } else if (const int fd = open_log(s.path); fd >= 0) {
    write_all(fd, line);
    ::close(fd);
  }
  if (s.syslog.load(std::memory_order_relaxed)) {
    constexpr std::array priorities = {LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING};
    ::syslog(priorities[static_cast<size_t>(level) & 3], "%.*s", static_cast<int>(message.size()), message.data());
  }
}

}  // namespace holdfast::log
