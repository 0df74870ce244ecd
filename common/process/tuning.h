// What a process asks of the kernel for itself: its OOM score, transparent huge pages, its CPUs.
//
// OomScore: owner's thread, and the children it forks. The functions: the thread (or child) that is meant.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace holdfast::process {

// oom-score-adj: what is added to the score that the process had, or stands in its place, while it is on.
class OomScore {
 public:
  enum class Mode : uint8_t { off, relative, absolute };

  // Sets /proc/self/oom_score_adj; off puts back what was there before it was switched on, and else leaves it alone.
  Result<> apply(Mode mode, int value);

 private:
  std::optional<int> before_;  // while it is on
};

// disable-thp: no transparent huge pages for this process from now on. False: the kernel does not do that.
bool disable_huge_pages();

// The CPUs of this thread: "0,2-5", "0-10:2" (each second), as taskset writes them. "" changes nothing.
Result<> use_cpus(std::string_view list);

}  // namespace holdfast::process
