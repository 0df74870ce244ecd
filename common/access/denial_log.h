// ACL LOG: who was refused what, newest first. Refusals alike within a minute are one entry with a count. Executor thread
// only.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "common/time/clock.h"

namespace holdfast::access {

struct DenialEntry {
  std::string_view reason;   // "command", "key", "channel" or "auth"
  std::string_view context;  // "toplevel" or "multi"
  std::string object;        // the command, key or channel; of a failed login the command that tried it
  std::string user;
  std::string client;  // its line in CLIENT LIST
  int64_t count = 1;
  Instant at;  // of the newest
};

class DenialLog {
 public:
  void set_limit(size_t entries);
  void add(DenialEntry entry);
  void clear() { entries_.clear(); }
  const std::deque<DenialEntry>& entries() const { return entries_; }

 private:
  static constexpr Nanos kAlike = Seconds(60);
  static constexpr size_t kSearched = 10;  // among the newest, as Redis does

  size_t limit_ = 128;
  std::deque<DenialEntry> entries_;
};

}  // namespace holdfast::access
