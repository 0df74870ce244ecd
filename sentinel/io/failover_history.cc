#include "sentinel/io/failover_history.h"

#include <algorithm>
#include <utility>

namespace holdfast::sentinel {

namespace {

constexpr std::string_view kNotElected = "not_elected";
constexpr int64_t kSameOutageMs = 60'000;

// Both are campaigns that came to nothing, one soon after the other.
bool continues(const FailoverRecord& before, const FailoverRecord& next) {
  return before.leader && next.leader && before.primary == next.primary && before.result == kNotElected &&
         next.result == kNotElected && before.from == next.from && before.trigger == next.trigger &&
         next.started_unix_ms - before.started_unix_ms < kSameOutageMs;
}

}  // namespace

void FailoverHistory::restore(std::vector<FailoverRecord> records) {
  for (FailoverRecord& record : records) {
    // The file has each state of a record that others joined.
    const auto last = last_of(record.primary);
    if (last != records_.end() && continues(*last, record) && record.attempts > last->attempts) records_.erase(last);
    keep(std::move(record));
  }
}

void FailoverHistory::add(FailoverRecord record) {
  measure(record);
  const auto last = last_of(record.primary);
  if (last != records_.end() && continues(*last, record)) {
    record.attempts += last->attempts;
    records_.erase(last);
  }
  keep(std::move(record));
}

std::vector<FailoverRecord>::iterator FailoverHistory::last_of(std::string_view primary) {
  for (auto record = records_.end(); record != records_.begin();) {
    if ((--record)->primary == primary) return record;
  }
  return records_.end();
}

void FailoverHistory::keep(FailoverRecord record) {
  published_.reset();
  const auto of_same = [&](const FailoverRecord& each) { return each.primary == record.primary; };
  if (static_cast<size_t>(std::ranges::count_if(records_, of_same)) >= kKeptOfOnePrimary) {
    records_.erase(std::ranges::find_if(records_, of_same));
  }
  if (records_.size() >= kKept) records_.erase(records_.begin());
  records_.push_back(std::move(record));
}

void FailoverHistory::measure(const FailoverRecord& record) {
  if (!record.leader) return;
  ++failovers_[{record.primary, record.trigger, record.result}];
  if (record.unavailable) unavailability_.observe(*record.unavailable);
  constexpr std::pair<const char*, std::pair<const char*, const char*>> kPhases[] = {
      {"detection", {"sdown", "odown"}},
      {"election", {"wait_start", "select_slave"}},
      {"promotion", {"select_slave", "reconf_slaves"}},
      {"reconfiguration", {"reconf_slaves", "end"}}};
  for (const auto& [name, ends] : kPhases) {
    const auto from = record.began(ends.first), to = record.began(ends.second);
    if (from && to && *to >= *from) phases_[name].observe(*to - *from);
  }
}

std::vector<FailoverRecord> FailoverHistory::of(std::string_view primary) const {
  std::vector<FailoverRecord> found;
  for (auto record = records_.rbegin(); record != records_.rend(); ++record) {
    if (record->primary == primary) found.push_back(*record);
  }
  return found;
}

void FailoverHistory::fill(SentinelFacts& facts) const {
  if (published_ == nullptr) {
    published_ = std::make_shared<const std::vector<FailoverRecord>>(records_.rbegin(), records_.rend());
  }
  facts.history = published_;
  facts.failovers = failovers_;
  facts.failover_phases = phases_;
  facts.failover_unavailability = unavailability_;
  facts.votes = votes_;
}

}  // namespace holdfast::sentinel
