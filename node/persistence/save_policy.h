// When a save or a rewrite of the log is due. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "common/time/clock.h"

namespace holdfast::node {

// `save <seconds> <changes>`.
struct SaveRule {
  int64_t seconds = 0;
  int64_t changes = 0;
  bool operator==(const SaveRule&) const = default;
};

struct SaveState {
  int64_t dirty = 0;                // changes since the last save
  Instant last_save;                // successful, or the start
  std::optional<Instant> last_try;  // of a background save
  bool last_ok = true;
};

// The first rule that asks for a save now; null: none. After a failure the next try waits 5 seconds.
const SaveRule* due_save_rule(std::span<const SaveRule> rules, const SaveState& state, Instant now);

// auto-aof-rewrite-percentage and auto-aof-rewrite-min-size.
struct RewriteRule {
  int64_t percentage = 100;  // 0: never
  uint64_t min_bytes = 64 * 1024 * 1024;
};

// The growth in percent since the last rewrite when a rewrite is due by it.
std::optional<int64_t> due_rewrite_growth(const RewriteRule& rule, uint64_t base_bytes, uint64_t current_bytes);

// Failed rewrites each leave one more increment behind: after three in a row automatic ones wait a minute, then twice
// as long each time, an hour at most.
class RewriteBackoff {
 public:
  void succeeded() { failures_ = 0; }
  void failed(Instant now) { ++failures_, last_failure_ = now; }
  bool allows(Instant now) const { return now >= last_failure_ + delay(); }
  Nanos delay() const;
  int failures() const { return failures_; }  // in a row

 private:
  int failures_ = 0;
  Instant last_failure_{};
};

}  // namespace holdfast::node
