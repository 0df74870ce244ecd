#include "node/background/compaction_policy.h"

#include <algorithm>

namespace holdfast::node {
namespace {

// A walk that removes less than this part of the waste is not repeated at once, unless the waste grows by as much again.
constexpr uint64_t kLeastGain = 5;
// Looks before a walk that won nothing is repeated although nothing has changed.
constexpr int kShortestPause = 4;
constexpr int kLongestPause = 1024;
// A run goes on below what starts one: deletes during its walk leave holes in what it has just packed.
constexpr uint64_t kFinishing = 16;

double percent(const MemoryUse& use) {
  return use.allocated_bytes == 0
             ? 0
             : 100.0 * static_cast<double>(use.waste()) / static_cast<double>(use.allocated_bytes);
}

int effort_for(const MemoryUse& use, const CompactionConfig& config) {
  const double range = std::max(1, config.upper_percent - config.lower_percent);
  const double level = std::clamp((percent(use) - config.lower_percent) / range, 0.0, 1.0);
  const int most = std::max(config.least_effort, config.most_effort);
  return std::max(1, config.least_effort + static_cast<int>(level * (most - config.least_effort)));
}

}  // namespace

bool CompactionPolicy::worth_it(const MemoryUse& use, const CompactionConfig& config, uint64_t least_waste) {
  return config.enabled && use.waste() >= least_waste && percent(use) >= config.lower_percent;
}

void CompactionPolicy::begin(const MemoryUse& use, const CompactionConfig& config) {
  effort_ = effort_for(use, config);
  at_begin_ = use;
}

void CompactionPolicy::measured(const MemoryUse& use, const CompactionConfig& config) {
  if (!config.enabled) return stop();
  if (running()) {
    effort_ = std::max(effort_, effort_for(use, config));
    return;
  }
  if (!worth_it(use, config, config.ignore_bytes)) {
    hopeless_waste_ = 0;
    pause_ = 0;
    return;
  }
  const bool grown = use.waste() >= hopeless_waste_ + hopeless_waste_ / kLeastGain;
  if (hopeless_waste_ > 0 && !grown && waited_++ < pause_) return;
  begin(use, config);
}

void CompactionPolicy::walked(const MemoryUse& use, const CompactionConfig& config) {
  if (!running()) return;
  // Of what was deleted during the walk all became waste: slabs given up are then what it has won.
  const auto fall = [](uint64_t before, uint64_t after) { return before > after ? before - after : 0; };
  const uint64_t gain =
      std::max(fall(at_begin_.waste(), use.waste()), fall(at_begin_.active_bytes, use.active_bytes));
  const bool hopeless = gain < at_begin_.waste() / kLeastGain;
  effort_ = 0;
  if (hopeless) {
    hopeless_waste_ = std::max<uint64_t>(use.waste(), 1);
    pause_ = std::clamp(pause_ * 2, kShortestPause, kLongestPause);
    waited_ = 0;
  } else {
    pause_ = 0;
    if (worth_it(use, config, config.ignore_bytes / kFinishing)) begin(use, config);
  }
}

void CompactionPolicy::stop() {
  effort_ = 0;
  hopeless_waste_ = 0;
  pause_ = 0;
}

}  // namespace holdfast::node
