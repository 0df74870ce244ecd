#include "node/commands/latency_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace holdfast::node {
namespace {

constexpr size_t kMostColumns = 79;
constexpr size_t kGraphRows = 4;
constexpr std::string_view kTops = "_o#";  // the top of a column, a third of a row each

std::string age(int64_t seconds) {
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m", seconds / 60);
  if (seconds < 3600 * 24) return fmt::format("{}h", seconds / 3600);
  return fmt::format("{}d", seconds / (3600 * 24));
}

int64_t highest(const LatencyMonitor::Event& event) {
  return std::ranges::max(event.samples, {}, &LatencyMonitor::Sample::milliseconds).milliseconds;
}

int64_t lowest(const LatencyMonitor::Event& event) {
  return std::ranges::min(event.samples, {}, &LatencyMonitor::Sample::milliseconds).milliseconds;
}

}  // namespace

std::string latency_graph(std::string_view name, const LatencyMonitor::Event& event, int64_t unix_seconds) {
  const int64_t high = highest(event), low = lowest(event);
  std::string text =
      fmt::format("{} - high {} ms, low {} ms (all time high {} ms)\n{:-<80}\n", name, high, low, event.most_ms, "");
  const size_t columns = std::min(event.samples.size(), kMostColumns);
  const auto first = event.samples.end() - static_cast<std::ptrdiff_t>(columns);
  std::array<std::string, kGraphRows> rows;
  std::vector<std::string> ages;
  size_t longest = 0;
  for (auto sample = first; sample != event.samples.end(); ++sample) {
    const size_t steps = kGraphRows * kTops.size();
    const int64_t range = std::max<int64_t>(high - low, 1);
    const size_t step =
        std::min(static_cast<size_t>((sample->milliseconds - low) * static_cast<int64_t>(steps) / range), steps - 1);
    for (size_t row = 0; row < kGraphRows; ++row) {
      const size_t base = (kGraphRows - 1 - row) * kTops.size();
      rows[row] += step < base ? ' ' : step < base + kTops.size() ? kTops[step - base] : '|';
    }
    ages.push_back(age(unix_seconds - sample->unix_seconds));
    longest = std::max(longest, ages.back().size());
  }
  for (std::string& row : rows) text += row + '\n';
  text += std::string(columns, ' ') + '\n';
  for (size_t i = 0; i < longest; ++i) {
    std::string line;
    for (const std::string& label : ages) line += i < label.size() ? label[i] : ' ';
    text += line + '\n';
  }
  return text;
}

namespace {

struct Summary {
  double average = 0, deviation = 0;  // milliseconds; the deviation is the mean of the absolute ones
  double period = 0;                  // seconds from one to the next
};

Summary summary_of(const LatencyMonitor::Event& event, int64_t unix_seconds) {
  Summary summary;
  const auto count = static_cast<double>(event.samples.size());
  for (const auto& sample : event.samples) summary.average += static_cast<double>(sample.milliseconds) / count;
  for (const auto& sample : event.samples) {
    summary.deviation += std::abs(static_cast<double>(sample.milliseconds) - summary.average) / count;
  }
  summary.period = static_cast<double>(unix_seconds - event.samples.front().unix_seconds) / count;
  return summary;
}

std::string advices(const LatencyEvents& events, const DoctorFacts& facts) {
  const auto any = [&](auto... names) { return (events.contains(std::string_view(names)) || ...); };
  const bool commands = any("command");
  const bool slowlog_off = facts.slowlog_slower_than_us < 0;
  const bool slowlog_late = !slowlog_off && facts.slowlog_slower_than_us / 1000 > facts.threshold_ms;
  const std::string slowlog_value = fmt::format("{}", facts.threshold_ms * 1000);
  std::string text;
  const auto advise = [&](bool given, std::string_view advice) {
    if (given) text += fmt::format("- {}\n", advice);
  };
  advise(
      commands && slowlog_off,
      fmt::format("There are latency issues with potentially slow commands you are using. Try to enable the Slow Log "
                  "Redis feature using the command 'CONFIG SET slowlog-log-slower-than {}'. If the Slow log is "
                  "disabled Redis is not able to log slow commands execution for you.",
                  slowlog_value));
  advise(
      commands && slowlog_late,
      fmt::format("Your current Slow Log configuration only logs events that are slower than your configured latency "
                  "monitor threshold. Please use 'CONFIG SET slowlog-log-slower-than {}'.",
                  slowlog_value));
  advise(
      commands,
      "Check your Slow Log to understand what are the commands you are running which are too slow to execute. Please "
      "check https://redis.io/commands/slowlog for more information.");
  advise(any("fork"),
         "Saving and rewriting fork the process, which takes time in proportion to its memory. Save more seldom, or "
         "where fewer clients notice: on a replica.");
  advise(any("aof-fsync-always", "aof-write"),
         "Writing the append-only file takes long: use a faster disk, or one that nothing else writes to, and see "
         "whether 'appendfsync everysec' is enough for you.");
  advise(commands || any("expire-cycle", "eviction-cycle", "expire-del", "eviction-del"),
         "Deleting, expiring or evicting (because of maxmemory policy) large objects is a blocking operation. If you "
         "have very large objects that are often deleted, expired, or evicted, try to fragment those objects into "
         "multiple smaller objects.");
  return text;
}

}  // namespace

std::string latency_doctor(const LatencyEvents& events, const DoctorFacts& facts) {
  if (events.empty() && facts.threshold_ms == 0) {
    return "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. You may use "
           "\"CONFIG SET latency-monitor-threshold <milliseconds>.\" in order to enable it. If we weren't in a deep "
           "space mission I'd suggest to take a look at https://redis.io/topics/latency-monitor.\n";
  }
  if (events.empty()) {
    return "Dave, no latency spike was observed during the lifetime of this Redis instance, not in the slightest bit. "
           "I honestly think you ought to sit down calmly, take a stress pill, and think things over.\n";
  }
  std::string text =
      "Dave, I have observed latency spikes in this Redis instance. You don't mind talking about it, do you Dave?\n\n";
  int number = 0;
  for (const auto& [name, event] : events) {
    const Summary summary = summary_of(event, facts.unix_seconds);
    text += fmt::format(
        "{}. {}: {} latency spikes (average {}ms, mean deviation {}ms, period {:.2f} sec). Worst all time "
        "event {}ms.\n",
        ++number, name, event.samples.size(), static_cast<int64_t>(summary.average),
        static_cast<int64_t>(summary.deviation), summary.period, event.most_ms);
  }
  const std::string advice = advices(events, facts);
  if (advice.empty()) {
    text +=
        "\nWhile there are latency events logged, I'm not able to suggest any easy fix. Please use the Redis "
        "community to get some help, providing this report in your help request.\n";
  } else {
    text += "\nI have a few advices for you:\n\n" + advice;
  }
  return text;
}

}  // namespace holdfast::node
