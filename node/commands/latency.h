// How long things took: a histogram for each command (LATENCY HISTOGRAM, INFO latencystats), and the latency monitor's
// events (LATENCY LATEST, HISTORY). Executor thread only.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/time/clock.h"

namespace holdfast::node {

// Nanoseconds in buckets of two significant digits: each power of two is cut into 128, so a value is known to 1 %.
class CommandHistogram {
 public:
  void add(Nanos taken);
  uint64_t count() const { return count_; }
  // The highest value of the bucket that holds this share (0..100) of all, in microseconds.
  double percentile_us(double percent) const;
  // How many took at most so many microseconds.
  uint64_t count_up_to_us(uint64_t microseconds) const;

 private:
  static constexpr unsigned kSubBits = 7;
  static constexpr unsigned kPowers = 30;  // up to 2^37 ns, over two minutes; longer counts as that
  static size_t index_of(uint64_t nanos);
  static uint64_t highest_of(size_t index);

  uint64_t count_ = 0;
  std::vector<uint32_t> buckets_;  // empty until the first value
};

class LatencyMonitor {
 public:
  struct Sample {
    int64_t unix_seconds;
    int64_t milliseconds;
  };
  struct Event {
    std::vector<Sample> samples;  // oldest first, 160 at most
    int64_t most_ms = 0;
  };

  void add_event(std::string_view event, int64_t unix_seconds, int64_t milliseconds);
  const std::map<std::string, Event, std::less<>>& events() const { return events_; }
  // How many were forgotten; an empty name forgets all.
  size_t forget(std::string_view event);

  void add_command(int id, Nanos taken) {
    if (static_cast<size_t>(id) >= commands_.size()) commands_.resize(static_cast<size_t>(id) + 1);
    commands_[static_cast<size_t>(id)].add(taken);
  }
  // Null when it was never called.
  const CommandHistogram* command(int id) const {
    if (static_cast<size_t>(id) >= commands_.size() || commands_[static_cast<size_t>(id)].count() == 0) return nullptr;
    return &commands_[static_cast<size_t>(id)];
  }
  void reset_commands() { commands_.clear(); }

 private:
  std::map<std::string, Event, std::less<>> events_;
  std::vector<CommandHistogram> commands_;
};

}  // namespace holdfast::node
