// MEMORY: what a key costs.
#include "common/command/command_replies.h"
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"

namespace holdfast::node::handlers {

void memory_usage(Call& call) {
  // Strings have no members to sample: any number of samples gives the same.
  for (size_t i = 3; i < call.argc(); i += 2) {
    if (!iequals(call.args[i], "SAMPLES") || i + 1 >= call.argc()) return call.reply.error(kSyntaxError);
    const auto samples = read_integer(call, call.args[i + 1]);
    if (!samples) return;
    if (*samples < 0) return call.reply.error(kSyntaxError);
  }
  const Entry* entry = call.keys.glance(call.db(), call.args[2]);
  if (entry == nullptr) return call.reply.null();
  call.reply.integer(static_cast<int64_t>(entry->memory_bytes()));
}

void memory_doctor(Call& call) {
  const ProcessFacts facts = call.node.process().facts();
  constexpr uint64_t kSmall = 5 * 1024 * 1024;
  if (facts.allocated_bytes < kSmall) {
    return call.reply.verbatim(
        "Hi Sam, this instance is empty or is using very little memory, my issue detector can't be used in these "
        "conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be "
        "back to our programming as soon as I finished rebooting.\n");
  }
  const double ratio = static_cast<double>(facts.rss_bytes) / static_cast<double>(facts.allocated_bytes);
  if (ratio > 1.4 && facts.rss_bytes - facts.allocated_bytes > 10 * 1024 * 1024) {
    return call.reply.verbatim(
        fmt::format("Sam, I detected a few issues in this instance memory:\n\n * High total RSS: the process holds "
                    "{:.2f} times the memory it uses.\n\nI'm here to keep you safe, Sam. I want to help you.\n",
                    ratio));
  }
  call.reply.verbatim(
      "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on "
      "this base.\n");
}

void memory_help(Call& call) {
  static constexpr std::string_view kLines[] = {
      "DOCTOR",
      "    Return memory problems reports.",
      "USAGE <key> [SAMPLES <count>]",
      "    Return memory in bytes used by <key> and its value. Nested values are",
      "    sampled up to <count> times (default: 5, 0 means sample all).",
  };
  command::reply_help("MEMORY", kLines, call.reply);
}

}  // namespace holdfast::node::handlers
