#include "node/persistence/fork_snapshot_saver.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/text.h"
#include "common/log/log.h"

namespace holdfast::node {

namespace {

constexpr uint64_t kKeysPerReport = 64 * 1024;

std::string_view title(SnapshotPurpose purpose) {
  switch (purpose) {
    case SnapshotPurpose::rdb_file:
      return "Background saving";
    case SnapshotPurpose::aof_base:
      return "Background AOF rewrite";
    case SnapshotPurpose::transfer:
      return "Background RDB transfer";
  }
  return "";
}

// Memory of this process that it shares with no other: in a child, what either side has changed since the fork.
uint64_t private_dirty_bytes() {
  const int fd = ::open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[4096];
  const ssize_t size = ::read(fd, text, sizeof text);
  ::close(fd);
  const std::string_view rollup(text, size > 0 ? static_cast<size_t>(size) : 0);
  const size_t at = rollup.find("Private_Dirty:");
  if (at == std::string_view::npos) return 0;
  const std::string_view rest = trim(rollup.substr(at + 14));
  return parse_uint64(rest.substr(0, rest.find(' '))).value_or(0) * 1024;
}

void close_all_but(int keep_a, int keep_b) {
  const unsigned low = static_cast<unsigned>(std::min(keep_a, keep_b));
  const unsigned high = static_cast<unsigned>(std::max(keep_a, keep_b));
  unsigned from = STDERR_FILENO + 1;
  for (const unsigned keep : {low, high}) {
    if (keep < from) continue;
    if (keep > from) ::close_range(from, keep - 1, 0);
    from = keep + 1;
  }
  ::close_range(from, ~0U, 0);
}

void prepare_child(pid_t parent, int report, int target) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it went before we asked
  for (const int signal : {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD}) ::signal(signal, SIG_DFL);
  ::signal(SIGINT, SIG_IGN);  // Ctrl+C is for the parent, which tells us
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::closelog();
  close_all_but(report, target);
  log::set_role('C');
}

void send_report(int report, std::string_view line) {
  while (::write(report, line.data(), line.size()) < 0 && errno == EINTR) {
  }
}

// Runs in the child.
int write_in_child(FileSystem& fs, const DataSource& source, const SnapshotRequest& request, int report) {
  ::fcntl(report, F_SETFL, O_NONBLOCK);  // a report that finds the pipe full is dropped, the save goes on
  const auto progress = [report](const SaveStats& stats) -> Result<> {
    if (stats.keys % kKeysPerReport == 0) send_report(report, fmt::format("progress {} {}\n", stats.keys, stats.bytes));
    return {};
  };
  const auto stats = write_snapshot(fs, source, request, progress);
  ::fcntl(report, F_SETFL, 0);
  if (!stats) {
    log::warning("Error writing the snapshot: {}", stats.error().text);
    send_report(report, fmt::format("error {} {}\n", stats.error().code, stats.error().text));
    return 1;
  }
  const uint64_t copied = private_dirty_bytes();
  if (request.purpose == SnapshotPurpose::rdb_file) log::notice("DB saved on disk");
  if (request.purpose == SnapshotPurpose::aof_base) {
    const std::string name = request.path.substr(request.path.rfind('/') + 1);
    log::notice("Successfully created the temporary AOF base file {}", name);
  }
  log::notice("Fork CoW for {}: current {} MB, peak {} MB, average {} MB",
              request.purpose == SnapshotPurpose::aof_base ? "AOF rewrite" : "RDB", copied >> 20, copied >> 20,
              copied >> 20);
  send_report(report, fmt::format("done {} {} {}\n", stats->keys, stats->bytes, copied));
  return 0;
}

}  // namespace

ForkSnapshotSaver::~ForkSnapshotSaver() { cancel(true); }

Result<> ForkSnapshotSaver::start(const SnapshotRequest& request, const DataSource& source, OnFinished on_finished) {
  if (child_ >= 0) return fail("Background save already in progress");
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, "pipe");
  const pid_t parent = ::getpid();
  const Instant begin = clock_.now();
  const pid_t pid = ::fork();
  if (pid == 0) {
    prepare_child(parent, ends[1], request.descriptor >= 0 ? request.descriptor : ends[1]);
    if (on_child_start_) on_child_start_(request.purpose);
    ::_exit(write_in_child(fs_, source, request, ends[1]));
  }
  const int code = errno;
  ::close(ends[1]);
  if (pid < 0) {
    ::close(ends[0]);
    log::warning("Can't save in background: fork: {}", std::strerror(code));
    return fail_errno(code, "Can't save in background: fork");
  }
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  child_ = pid;
  pipe_ = ends[0];
  request_ = request;
  on_finished_ = std::move(on_finished);
  started_ = begin;
  fork_duration_ = clock_.now() - begin;
  if (request.purpose == SnapshotPurpose::aof_base) {
    log::notice("Background append only file rewriting started by pid {}", pid);
  } else if (request.purpose == SnapshotPurpose::transfer) {
    log::notice("Background RDB transfer started by pid {}", pid);
  } else {
    log::notice("Background saving started by pid {}", pid);
  }
  return {};
}

std::optional<SnapshotPurpose> ForkSnapshotSaver::running() const {
  if (child_ < 0) return std::nullopt;
  return request_.purpose;
}

void ForkSnapshotSaver::cancel(bool wait) {
  if (child_ < 0) return;
  cancelled_ = true;
  ::kill(child_, SIGKILL);
  if (!wait) return;
  int status = 0;
  while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
  remove_temporary();
  reset();
}

void ForkSnapshotSaver::poll() {
  if (child_ < 0) return;
  read_reports();
  int status = 0;
  const pid_t ended = ::waitpid(child_, &status, WNOHANG);
  if (ended == 0 || (ended < 0 && errno == EINTR)) return;
  read_reports();  // what came between
  const SnapshotResult result = result_of(ended < 0 ? -1 : status);
  const OnFinished finished = std::move(on_finished_);
  reset();
  if (finished) finished(result);
}

void ForkSnapshotSaver::read_reports() {
  char block[4096];
  ssize_t count = 0;
  while (pipe_ >= 0 && (count = ::read(pipe_, block, sizeof block)) > 0) {
    partial_.append(block, static_cast<size_t>(count));
    size_t end = 0;
    while ((end = partial_.find('\n')) != std::string::npos) {
      read_report(std::string_view(partial_).substr(0, end));
      partial_.erase(0, end + 1);
    }
  }
}

void ForkSnapshotSaver::read_report(std::string_view line) {
  const auto fields = split(line, ' ');
  const auto number = [&](size_t i) { return i < fields.size() ? parse_uint64(fields[i]).value_or(0) : 0; };
  if (fields[0] == "progress" || fields[0] == "done") stats_ = {number(1), number(2)};
  if (fields[0] == "done") copied_bytes_ = number(3);
  if (fields[0] == "error" && fields.size() >= 3) {
    const size_t text = fields[0].size() + fields[1].size() + 2;
    error_ = Error{std::string(line.substr(text)), static_cast<int>(number(1))};
  }
}

SnapshotResult ForkSnapshotSaver::result_of(int status) {
  SnapshotResult result;
  result.purpose = request_.purpose;
  result.cancelled = cancelled_;
  result.stats = stats_;
  result.duration = clock_.now() - started_;
  result.copied_bytes = copied_bytes_;
  const std::string_view what = title(request_.purpose);
  const bool ok = status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (ok && !cancelled_) {
    log::notice("{} terminated with success", what);
    return result;
  }
  if (status >= 0 && WIFSIGNALED(status)) {
    if (cancelled_) {
      result.outcome = fail("{} was cancelled", what);
    } else {
      log::warning("{} terminated by signal {}", what, WTERMSIG(status));
      result.outcome = fail("{} terminated by signal {}", what, WTERMSIG(status));
    }
    remove_temporary();
    return result;
  }
  log::warning("{} error", what);
  result.outcome = std::unexpected(error_.value_or(Error{std::string(what) + " error", 0}));
  if (ok) remove_temporary();
  return result;
}

void ForkSnapshotSaver::remove_temporary() {
  if (request_.descriptor >= 0) return;
  (void)fs_.remove(temporary_rdb_path(directory_of(request_.path), child_));
}

void ForkSnapshotSaver::reset() {
  if (pipe_ >= 0) ::close(pipe_);
  child_ = -1;
  pipe_ = -1;
  cancelled_ = false;
  request_ = {};
  on_finished_ = nullptr;
  stats_ = {};
  copied_bytes_ = 0;
  error_.reset();
  partial_.clear();
}

}  // namespace holdfast::node
