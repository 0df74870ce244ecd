#include "common/process/tuning.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/base/text.h"

namespace holdfast::process {

namespace {

constexpr const char* kScoreFile = "/proc/self/oom_score_adj";
constexpr int kLeastScore = -1000, kMostScore = 1000;

Result<int> read_score() {
  const int fd = ::open(kScoreFile, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail_errno(errno, kScoreFile);
  char text[32];
  const ssize_t size = ::read(fd, text, sizeof text);
  ::close(fd);
  const auto score = parse_int64(trim(std::string_view(text, size > 0 ? static_cast<size_t>(size) : 0)));
  if (!score) return fail("{}: no number", kScoreFile);
  return static_cast<int>(*score);
}

Result<> write_score(int score) {
  const int fd = ::open(kScoreFile, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return fail_errno(errno, kScoreFile);
  const std::string text = fmt::format("{}\n", score);
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int code = errno;
  ::close(fd);
  if (!written) return fail_errno(code, kScoreFile);
  return {};
}

}  // namespace

Result<> OomScore::apply(Mode mode, int value) {
  if (mode == Mode::off) {
    if (!before_) return {};
    auto restored = write_score(*before_);
    if (restored) before_.reset();
    return restored;
  }
  int base = 0;
  if (before_) {
    base = *before_;
  } else if (const auto present = read_score()) {
    base = *present;
  } else {
    return std::unexpected(present.error());
  }
  const int score = mode == Mode::absolute ? value : base + value;
  auto written = write_score(std::clamp(score, kLeastScore, kMostScore));
  if (written) before_ = base;
  return written;
}

bool disable_huge_pages() { return ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0; }

Result<> use_cpus(std::string_view list) {
  if (list.empty()) return {};
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  for (const std::string_view part : split(list, ',')) {
    const size_t colon = part.find(':'), dash = part.find('-');
    const std::string_view range = part.substr(0, colon);
    const auto first = parse_uint64(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_uint64(range.substr(dash + 1));
    const auto step =
        colon == std::string_view::npos ? std::optional<uint64_t>(1) : parse_uint64(part.substr(colon + 1));
    if (!first || !last || !step || *step == 0 || *first > *last || *last >= CPU_SETSIZE) {
      return fail("'{}' is no list of CPUs", list);
    }
    for (uint64_t cpu = *first; cpu <= *last; cpu += *step) CPU_SET(cpu, &cpus);
  }
  if (::sched_setaffinity(0, sizeof cpus, &cpus) != 0) return fail_errno(errno, "sched_setaffinity");
  return {};
}

}  // namespace holdfast::process
