// Counters that INFO shows, and rates per second from samples. Executor thread only.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "common/time/clock.h"
#include "node/types/block_mover.h"

namespace holdfast::node {

// The rate of a growing counter over the last samples (16, as INFO's instantaneous_* fields).
class RateMeter {
 public:
  void sample(Instant now, uint64_t counter);
  double per_second() const;
  void reset() { *this = RateMeter(); }

 private:
  static constexpr size_t kSamples = 16;
  std::array<double, kSamples> rates_{};
  size_t next_ = 0;
  Instant last_{};
  uint64_t last_counter_ = 0;
  bool started_ = false;
};

struct NodeStats {
  uint64_t commands_processed = 0;
  uint64_t error_replies = 0;
  uint64_t unexpected_error_replies = 0;
  std::map<std::string, uint64_t, std::less<>> errors;  // by code: "ERR", "WRONGTYPE" ...
  Nanos expire_cycle_time{0};
  uint64_t peak_allocated_bytes = 0;
  void note_used_memory(uint64_t bytes) { peak_allocated_bytes = std::max(peak_allocated_bytes, bytes); }
  RateMeter commands, input, output, replication_input, replication_output;
};

// What compaction of memory does and did, for INFO.
struct CompactionState {
  int running_percent = 0;  // of the executor's time; 0: idle
  CompactionCount count;
  Nanos total_time{0};    // from the begin of a run to its end, summed up
  Nanos current_time{0};  // since this run began
};

inline constexpr size_t kMostErrorCodes = 128;  // a script may invent codes: beyond this they are only summed up

}  // namespace holdfast::node
