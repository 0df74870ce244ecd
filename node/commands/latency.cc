#include "node/commands/latency.h"

#include <algorithm>
#include <bit>

#include "common/base/text.h"
#include "common/command/command_replies.h"
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/latency_report.h"
#include "node/commands/node.h"

namespace holdfast::node {
namespace {

constexpr size_t kSamplesKept = 160;

}  // namespace

// Values below 128 have a bucket each; above, the power of two and the next seven bits name it.
size_t CommandHistogram::index_of(uint64_t nanos) {
  if (nanos < (1u << kSubBits)) return nanos;
  const auto power = static_cast<unsigned>(std::bit_width(nanos)) - kSubBits - 1;
  return (static_cast<size_t>(power) << kSubBits) + static_cast<size_t>(nanos >> power);
}

uint64_t CommandHistogram::highest_of(size_t index) {
  if (index < (2u << kSubBits)) return index;
  const size_t power = (index >> kSubBits) - 1;
  const uint64_t base = index - (power << kSubBits);
  return ((base + 1) << power) - 1;
}

void CommandHistogram::add(Nanos taken) {
  const uint64_t nanos = static_cast<uint64_t>(std::max<int64_t>(taken.count(), 1));
  const size_t last = (static_cast<size_t>(kPowers) + 1) << kSubBits;
  const size_t index = std::min(index_of(nanos), last);
  if (index >= buckets_.size()) buckets_.resize(index + 1);
  ++buckets_[index];
  ++count_;
}

double CommandHistogram::percentile_us(double percent) const {
  const double wanted = percent / 100.0 * static_cast<double>(count_);
  uint64_t seen = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (buckets_[i] > 0 && static_cast<double>(seen) >= wanted) return static_cast<double>(highest_of(i)) / 1000.0;
  }
  return 0;
}

uint64_t CommandHistogram::count_up_to_us(uint64_t microseconds) const {
  uint64_t seen = 0;
  for (size_t i = 0; i < buckets_.size() && highest_of(i) <= microseconds * 1000; ++i) seen += buckets_[i];
  return seen;
}

void LatencyMonitor::add_event(std::string_view name, int64_t unix_seconds, int64_t milliseconds) {
  Event& event = events_.try_emplace(std::string(name)).first->second;
  event.most_ms = std::max(event.most_ms, milliseconds);
  if (!event.samples.empty() && event.samples.back().unix_seconds == unix_seconds) {
    event.samples.back().milliseconds = std::max(event.samples.back().milliseconds, milliseconds);
    return;
  }
  if (event.samples.size() == kSamplesKept) event.samples.erase(event.samples.begin());
  event.samples.push_back({unix_seconds, milliseconds});
}

size_t LatencyMonitor::forget(std::string_view event) {
  if (event.empty()) {
    const size_t gone = events_.size();
    events_.clear();
    return gone;
  }
  const auto found = events_.find(event);
  if (found == events_.end()) return 0;
  events_.erase(found);
  return 1;
}

namespace handlers {

void latency_latest(Call& call) {
  const auto& events = call.node.latency().events();
  call.reply.array(events.size());
  for (const auto& [name, event] : events) {
    call.reply.array(4);
    call.reply.bulk(name);
    call.reply.integer(event.samples.back().unix_seconds);
    call.reply.integer(event.samples.back().milliseconds);
    call.reply.integer(event.most_ms);
  }
}

void latency_history(Call& call) {
  const auto& events = call.node.latency().events();
  const auto found = events.find(call.args[2]);
  if (found == events.end()) return call.reply.array(0);
  call.reply.array(found->second.samples.size());
  for (const auto& sample : found->second.samples) {
    call.reply.array(2);
    call.reply.integer(sample.unix_seconds);
    call.reply.integer(sample.milliseconds);
  }
}

void latency_graph(Call& call) {
  const auto& events = call.node.latency().events();
  const auto found = events.find(call.args[2]);
  if (found == events.end()) {
    return call.reply.error(fmt::format("ERR No samples available for event '{}'", call.args[2]));
  }
  call.reply.verbatim(node::latency_graph(found->first, found->second, call.node.process().unix_micros() / 1'000'000));
}

void latency_doctor(Call& call) {
  const NodeConfig& config = call.node.config();
  call.reply.verbatim(
      node::latency_doctor(call.node.latency().events(), {.unix_seconds = call.node.process().unix_micros() / 1'000'000,
                                                          .threshold_ms = config.latency_threshold_ms,
                                                          .slowlog_slower_than_us = config.slowlog_slower_than_us}));
}

void latency_reset(Call& call) {
  size_t gone = 0;
  if (call.argc() == 2) gone = call.node.latency().forget("");
  for (const std::string_view event : call.args.subspan(2)) {
    if (!event.empty()) gone += call.node.latency().forget(event);
  }
  call.reply.integer(static_cast<int64_t>(gone));
}

namespace {

// One command's calls and its cumulative counts at the powers of two where they grow.
void reply_histogram(Call& call, const command::CommandInfo& info, const CommandHistogram& histogram) {
  call.reply.bulk(info.name);
  call.reply.map(2);
  call.reply.bulk("calls");
  call.reply.integer(static_cast<int64_t>(histogram.count()));
  call.reply.bulk("histogram_usec");
  const size_t mark = call.reply.begin_deferred();
  size_t rows = 0;
  uint64_t before = 0;
  for (uint64_t bound = 1; before < histogram.count() && bound < (uint64_t{1} << 40); bound *= 2) {
    const uint64_t count = histogram.count_up_to_us(bound);
    if (count == before) continue;
    call.reply.integer(static_cast<int64_t>(bound));
    call.reply.integer(static_cast<int64_t>(count));
    before = count;
    ++rows;
  }
  call.reply.end_deferred_map(mark, rows);
}

}  // namespace

void latency_histogram(Call& call) {
  std::vector<const command::CommandInfo*> shown;
  const auto add = [&](const command::CommandInfo* info) {
    if (call.node.latency().command(info->id) != nullptr) shown.push_back(info);
  };
  const auto add_all = [&](const command::CommandInfo* info) {
    add(info);
    for (const auto* child : info->subcommands) add(child);
  };
  if (call.argc() == 2) {
    for (const auto* info : call.node.table().commands()) add_all(info);
  }
  for (const std::string_view name : call.args.subspan(2)) {
    const size_t bar = name.find('|');
    auto* entry = call.node.table().find(name.substr(0, bar));
    if (entry == nullptr) continue;
    if (bar == std::string_view::npos) {
      add_all(entry);
    } else if (const auto* child = entry->find_child(name.substr(bar + 1))) {
      add(child);
    }
  }
  call.reply.map(shown.size());
  for (const auto* info : shown) reply_histogram(call, *info, *call.node.latency().command(info->id));
}

void latency_help(Call& call) {
  static constexpr std::string_view kLines[] = {
      "DOCTOR",
      "    Return a human readable latency analysis report.",
      "GRAPH <event>",
      "    Return an ASCII latency graph for the <event> class.",
      "HISTORY <event>",
      "    Return time-latency samples for the <event> class.",
      "LATEST",
      "    Return the latest latency samples for all events.",
      "RESET [<event> ...]",
      "    Reset latency data of one or more <event> classes.",
      "    (default: reset all data for all event classes)",
      "HISTOGRAM [COMMAND ...]",
      "    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.",
      "    If no commands are specified then all histograms are replied.",
  };
  command::reply_help("LATENCY", kLines, call.reply);
}

}  // namespace handlers
}  // namespace holdfast::node
