// Which piece of background work runs next, and when. Pure; executor thread only.
//
// Background work (active expiry, compaction) runs on the executor in slices of some hundred microseconds, one for each
// round of the event loop, so that no client waits for more than that. Each task has a share of the executor's time:
// after a slice it is due again when the slice has become that share of the time since its begin. Among tasks that are
// due, the one that has waited longest runs. A task that wants nothing costs nothing.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "common/time/clock.h"

namespace holdfast::node {

class SlicePlanner {
 public:
  using TaskId = size_t;

  TaskId add();
  // The task has work, at `share` (above 0, up to 1) of the time. Again: only the share changes.
  void want(TaskId task, double share, Instant now);
  void rest(TaskId task) { tasks_[task].wants = false; }
  bool wants(TaskId task) const { return tasks_[task].wants; }

  struct Next {
    TaskId task;
    Instant due;
  };
  // The task that is due first; nothing: no task has work.
  std::optional<Next> next() const;
  void ran(TaskId task, Instant begin, Instant end);

 private:
  struct Task {
    bool wants = false;
    double share = 1;
    Instant due{};
  };
  std::vector<Task> tasks_;
};

}  // namespace holdfast::node
