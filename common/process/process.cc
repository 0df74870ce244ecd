#include "common/process/process.h"

#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "common/base/version.h"
#include "common/log/log.h"

namespace holdfast::process {

namespace {

constexpr uint32_t kOwnFiles = 32;  // listeners, logs, links: Redis's reserve

// Async-signal-safe as far as a crash allows: fixed texts and backtrace_symbols_fd. (The sanitizers have their own.)
[[maybe_unused]] void crashed(int number) {
  const auto say = [](std::string_view text) { (void)!::write(STDERR_FILENO, text.data(), text.size()); };
  say("\n=== HOLDFAST CRASH REPORT: build ");
  say(build_commit());
  say(", signal ");
  const char digits[3] = {static_cast<char>('0' + number / 10), static_cast<char>('0' + number % 10), '\n'};
  say({digits, sizeof digits});
  void* frames[64];
  ::backtrace_symbols_fd(frames, ::backtrace(frames, 64), STDERR_FILENO);
  say("=== end of the report; please send it with the log\n");
  ::signal(number, SIG_DFL);
  ::raise(number);
}

}  // namespace

Result<> daemonize() {
  const pid_t child = ::fork();
  if (child < 0) return fail_errno(errno, "fork");
  if (child > 0) ::_exit(0);
  ::setsid();
  const int null = ::open("/dev/null", O_RDWR);
  if (null < 0) return fail_errno(errno, "/dev/null");
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, fd);
  if (null > STDERR_FILENO) ::close(null);
  return {};
}

Result<> write_pid_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return fail_errno(errno, path);
  const std::string text = fmt::format("{}\n", ::getpid());
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int code = errno;
  ::close(fd);
  if (!written) return fail_errno(code, path);
  return {};
}

void remove_pid_file(const std::string& path) { (void)::unlink(path.c_str()); }

uint32_t fit_open_files(uint32_t clients) {
  rlimit limit{};
  const rlim_t wanted = rlim_t{clients} + kOwnFiles;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    log::warning("Unable to obtain the current NOFILE limit ({}), assuming 1024 and setting the max clients configuration "
                 "accordingly.", std::strerror(errno));
    return 1024 - kOwnFiles;
  }
  const rlim_t before = limit.rlim_cur;
  if (before >= wanted) return clients;
  int refused = 0;
  // As far as it goes, in small steps down from what is wanted.
  for (rlim_t attempt = wanted; attempt > before; attempt -= std::min<rlim_t>(attempt - before, 16)) {
    rlimit raised{attempt, std::max(limit.rlim_max, attempt)};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) {
      limit.rlim_cur = attempt;
      break;
    }
    refused = errno;
  }
  if (limit.rlim_cur >= wanted) {
    log::notice("Increased maximum number of open files to {} (it was originally set to {}).", wanted, before);
    return clients;
  }
  if (limit.rlim_cur <= kOwnFiles) {
    log::warning("Your current 'ulimit -n' of {} is not enough for the server to start. Please increase your open file "
                 "limit to at least {}. Exiting.", before, wanted);
    std::exit(1);
  }
  const auto fits = static_cast<uint32_t>(limit.rlim_cur - kOwnFiles);
  log::warning("You requested maxclients of {} requiring at least {} max file descriptors.", clients, wanted);
  log::warning("Server can't set maximum open files to {} because of OS error: {}.", wanted, std::strerror(refused));
  log::warning("Current maximum open files is {}. maxclients has been reduced to {} to compensate for low ulimit. If you "
               "need higher maxclients increase 'ulimit -n'.", limit.rlim_cur, fits);
  return fits;
}

void notify_systemd(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const size_t length = std::strlen(path);
  if (length >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  (void)::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                 static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length));
  ::close(fd);
}

void set_up_signals() {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  void* warm_up[1];
  (void)::backtrace(warm_up, 1);  // loads what it needs now, not in the handler
  struct sigaction action{};
  action.sa_handler = crashed;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) ::sigaction(number, &action, nullptr);
#endif
}

Error execute_beside(const std::string& name, int argc, char** argv) {
  char self[4096];
  const ssize_t length = ::readlink("/proc/self/exe", self, sizeof self);
  if (length <= 0) return Error{"cannot find this executable", errno};
  std::string path(self, static_cast<size_t>(length));
  path = path.substr(0, path.rfind('/') + 1) + name;
  std::vector<char*> arguments(argv, argv + argc);
  arguments[0] = path.data();
  arguments.push_back(nullptr);
  ::execv(path.c_str(), arguments.data());
  return Error{fmt::format("cannot execute {}: {}", path, std::strerror(errno)), errno};
}

}  // namespace holdfast::process
