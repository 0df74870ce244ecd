// The last events that were published, for clients of the HTTP API that come and ask. Bounded. Executor thread only.
#pragma once

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "sentinel/metrics/sentinel_facts.h"

namespace holdfast::sentinel {

class EventLog {
 public:
  static constexpr size_t kKept = 256;

  // Ids count up from the time of the start, so that those of a later run are greater.
  explicit EventLog(int64_t unix_ms) : last_(static_cast<uint64_t>(std::max<int64_t>(0, unix_ms)) * 1000) {}

  void add(std::string_view name, std::string_view payload, int64_t unix_ms) {
    if (events_.size() == kKept) events_.erase(events_.begin());
    events_.push_back({++last_, std::string(name), std::string(payload), unix_ms});
    published_.reset();
  }

  std::shared_ptr<const std::vector<ToldEvent>> published() {
    if (published_ == nullptr) published_ = std::make_shared<const std::vector<ToldEvent>>(events_);
    return published_;
  }

 private:
  std::vector<ToldEvent> events_;
  std::shared_ptr<const std::vector<ToldEvent>> published_;  // null: changed since
  uint64_t last_;
};

}  // namespace holdfast::sentinel
