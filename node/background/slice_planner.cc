#include "node/background/slice_planner.h"

#include <algorithm>

#include "common/base/assert.h"

namespace holdfast::node {

SlicePlanner::TaskId SlicePlanner::add() {
  tasks_.emplace_back();
  return tasks_.size() - 1;
}

void SlicePlanner::want(TaskId task, double share, Instant now) {
  HOLDFAST_ASSERT(share > 0 && share <= 1);
  Task& known = tasks_[task];
  known.share = share;
  if (known.wants) return;
  known.wants = true;
  // What it is still behind by from an earlier slice stands.
  known.due = std::max(known.due, now);
}

std::optional<SlicePlanner::Next> SlicePlanner::next() const {
  std::optional<Next> first;
  for (TaskId task = 0; task < tasks_.size(); ++task) {
    if (tasks_[task].wants && (!first || tasks_[task].due < first->due)) first = Next{task, tasks_[task].due};
  }
  return first;
}

void SlicePlanner::ran(TaskId task, Instant begin, Instant end) {
  const auto taken = static_cast<double>((end - begin).count());
  tasks_[task].due = begin + Nanos(static_cast<int64_t>(taken / tasks_[task].share));
}

}  // namespace holdfast::node
