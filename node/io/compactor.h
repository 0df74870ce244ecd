// Compaction of the keyspace's memory: measures the allocator's waste once a second and works off the walks that
// CompactionPolicy asks for, in slices. Executor thread only.
#pragma once

#include <functional>

#include "common/time/clock.h"
#include "node/background/compaction_policy.h"
#include "node/commands/node.h"
#include "node/io/allocator_control.h"
#include "node/io/background_driver.h"

namespace holdfast::node {

class Compactor {
 public:
  // `may_run`: false while a snapshot walks the tables.
  Compactor(BackgroundDriver& background, const Clock& clock, Node& node, std::function<bool()> may_run);

  void configure(const CompactionConfig& config);
  const CompactionConfig& config() const { return configured_; }
  // A few times a second.
  void tick();

 private:
  bool slice(Instant until);
  void go_on();
  void end_run();

  static constexpr Seconds kPeriod{1};

  BackgroundDriver& background_;
  const Clock& clock_;
  Node& node_;
  const std::function<bool()> may_run_;
  CompactionConfig configured_;
  CompactionConfig config_;  // what of it is possible
  CompactionPolicy policy_;
  JemallocMover mover_;
  SlicePlanner::TaskId task_;
  Instant measure_due_{};
  Instant run_began_{};
};

}  // namespace holdfast::node
