// When memory is worth compacting, and with how much effort. Pure; executor thread only.
//
// Waste is what the allocator's slabs hold beyond what is allocated in them. A run begins when the waste passes both
// `active-defrag-ignore-bytes` and `active-defrag-threshold-lower` percent. It walks the table until the waste is below
// the percentage or a sixteenth of the bytes, so that it leaves less than what starts one. It gets
// `active-defrag-cycle-min` to `-max` percent of the executor's time, as the waste lies between the lower and the upper
// threshold. A walk that removes next to nothing (what is in the way does not belong to the keyspace, or keys that were
// deleted meanwhile left new holes) is repeated when the waste has grown, or else after a pause, which doubles each time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace holdfast::node {

struct CompactionConfig {
  bool enabled = true;
  uint64_t ignore_bytes = 100 << 20;
  int lower_percent = 10;
  int upper_percent = 100;
  int least_effort = 1;  // percent of the executor's time
  int most_effort = 25;

  bool operator==(const CompactionConfig&) const = default;
};

struct MemoryUse {
  uint64_t allocated_bytes = 0;
  uint64_t active_bytes = 0;  // the slabs that this lies in
  uint64_t waste() const { return active_bytes > allocated_bytes ? active_bytes - allocated_bytes : 0; }
};

class CompactionPolicy {
 public:
  // Idle: starts a run when it is worth it. Running: the effort may rise. To be called now and then.
  void measured(const MemoryUse& use, const CompactionConfig& config);
  // A walk of the run has come to its end; `use` is what it left.
  void walked(const MemoryUse& use, const CompactionConfig& config);
  // Stops a run; the next one may begin at once.
  void stop();
  bool running() const { return effort_ > 0; }
  // Percent of the executor's time; 0: idle.
  int effort() const { return effort_; }

 private:
  static bool worth_it(const MemoryUse& use, const CompactionConfig& config, uint64_t least_waste);

  int effort_ = 0;
  void begin(const MemoryUse& use, const CompactionConfig& config);

  MemoryUse at_begin_;           // of this walk
  uint64_t hopeless_waste_ = 0;  // what a walk could not remove; 0: unknown
  int pause_ = 0, waited_ = 0;   // looks (calls of measured) between two such walks, and since the last
};

}  // namespace holdfast::node
