#include "sentinel/io/script_runner.h"

#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/log/log.h"

namespace holdfast::sentinel {

namespace {

constexpr int kCannotExecute = 2;

// Errors: those of posix_spawn.
Result<int> spawn(const std::vector<std::string>& argv) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, words.front(), &files, &attributes, words.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return std::unexpected(Error{std::strerror(error), error});
  return pid;
}

}  // namespace

ScriptRunner::ScriptRunner(boost::asio::io_context& io, const Clock& clock, std::function<const Timings&()> timings,
                           std::function<void(const Notice&)> announce)
    : clock_(clock),
      timings_(std::move(timings)),
      announce_(std::move(announce)),
      children_(io, SIGCHLD),
      timer_(io.get_executor()) {
  wait_for_children();
}

void ScriptRunner::run(std::vector<std::string> argv) {
  queue_.add(std::move(argv), clock_.now());
  step();
}

ScriptQueue::Limits ScriptRunner::limits() const {
  return {.retry_delay = timings_().script_retry_delay, .max_runtime = timings_().script_max_runtime};
}

void ScriptRunner::step() {
  while (const auto* next = queue_.next_to_start(clock_.now())) start(next->id, next->argv);
  while (const auto* late = queue_.next_to_kill(limits(), clock_.now())) {
    announce_({.event = Event::script_timeout, .payload = fmt::format("{} {}", late->argv.front(), late->pid)});
    ::kill(late->pid, SIGKILL);
  }
  const auto deadline = queue_.next_deadline(limits());
  if (!deadline) {
    timer_.cancel();
    return;
  }
  timer_.expires_after(std::max(Nanos(0), *deadline - clock_.now()));
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) step();
  });
}

void ScriptRunner::start(uint64_t id, std::vector<std::string> argv) {
  const auto pid = spawn(argv);
  queue_.started(id, pid ? *pid : -1, clock_.now());
  if (pid) {
    log::debug("+script-child {}", *pid);
    return;
  }
  log::warning("Could not run the script {}: {}", argv.front(), pid.error().text);
  ended(id, {.code = kCannotExecute});
}

void ScriptRunner::wait_for_children() {
  children_.async_wait([this](boost::system::error_code error, int) {
    if (error) return;
    reap();
    wait_for_children();
  });
}

void ScriptRunner::reap() {
  std::vector<std::pair<uint64_t, int>> running;
  for (const auto& script : queue_.scripts()) {
    if (script.pid > 0) running.emplace_back(script.id, script.pid);
  }
  for (const auto& [id, pid] : running) {
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) != pid) continue;
    const ScriptQueue::End end = WIFSIGNALED(status) ? ScriptQueue::End{WTERMSIG(status), true}
                                                     : ScriptQueue::End{WEXITSTATUS(status), false};
    log::debug("-script-child {} {} {}", pid, end.by_signal ? 0 : end.code, end.by_signal ? end.code : 0);
    ended(id, end);
  }
  step();
}

void ScriptRunner::ended(uint64_t id, const ScriptQueue::End& end) {
  const auto failed = queue_.ended(id, end, limits(), clock_.now());
  if (!failed) return;
  announce_({.event = Event::script_error,
             .payload = fmt::format("{} {} {}", failed->argv.front(), end.by_signal ? end.code : 0,
                                    end.by_signal ? 0 : end.code)});
}

}  // namespace holdfast::sentinel
