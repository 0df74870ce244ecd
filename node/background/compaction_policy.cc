#include "node/background/compaction_policy.h"

#include <algorithm>

namespace holdfast::node {
namespace {

// A walk that removes less than this part of the waste is not repeated until the waste has grown by as much again.
constexpr uint64_t kLeastGain = 5;
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

void CompactionPolicy::measured(const MemoryUse& use, const CompactionConfig& config) {
  if (!config.enabled) return stop();
  if (running()) {
    effort_ = std::max(effort_, effort_for(use, config));
    return;
  }
  if (!worth_it(use, config, config.ignore_bytes)) {
    hopeless_waste_ = 0;
    return;
  }
  if (hopeless_waste_ > 0 && use.waste() < hopeless_waste_ + hopeless_waste_ / kLeastGain) return;
  effort_ = effort_for(use, config);
  waste_at_begin_ = use.waste();
}

void CompactionPolicy::walked(const MemoryUse& use, const CompactionConfig& config) {
  if (!running()) return;
  const uint64_t gain = waste_at_begin_ > use.waste() ? waste_at_begin_ - use.waste() : 0;
  const bool hopeless = gain < waste_at_begin_ / kLeastGain;
  effort_ = 0;
  if (hopeless) {
    hopeless_waste_ = std::max<uint64_t>(use.waste(), 1);
  } else if (worth_it(use, config, config.ignore_bytes / kFinishing)) {
    effort_ = effort_for(use, config);
    waste_at_begin_ = use.waste();
  }
}

void CompactionPolicy::stop() {
  effort_ = 0;
  hopeless_waste_ = 0;
}

}  // namespace holdfast::node
