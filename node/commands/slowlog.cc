#include "node/commands/slowlog.h"

#include <fmt/format.h>

#include "common/base/text.h"
#include "common/command/command_replies.h"
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"

namespace holdfast::node {
namespace {

constexpr size_t kMostArguments = 32;
constexpr size_t kLongestArgument = 128;

}  // namespace

void Slowlog::add(std::span<const std::string_view> args, int64_t unix_seconds, Micros taken, std::string address,
                  std::string client_name, size_t max_length) {
  if (max_length == 0) return;
  Item item{next_id_++, unix_seconds, taken.count(), {}, std::move(address), std::move(client_name)};
  for (size_t i = 0; i < args.size(); ++i) {
    if (i + 1 == kMostArguments && args.size() > kMostArguments) {
      item.args.push_back(fmt::format("... ({} more arguments)", args.size() - kMostArguments + 1));
      break;
    }
    std::string text(args[i].substr(0, kLongestArgument));
    if (args[i].size() > kLongestArgument)
      text += fmt::format("... ({} more bytes)", args[i].size() - kLongestArgument);
    item.args.push_back(std::move(text));
  }
  items_.push_front(std::move(item));
  trim(max_length);
}

void Slowlog::trim(size_t max_length) {
  while (items_.size() > max_length) items_.pop_back();
}

namespace handlers {

void slowlog_get(Call& call) {
  if (call.argc() > 3) {
    return call.reply.error(command::wrong_subcommand_error("SLOWLOG", call.args[1]));
  }
  int64_t count = 10;
  if (call.argc() == 3) {
    const auto given =
        read_integer_in(call, call.args[2], -1, INT64_MAX, "ERR count should be greater than or equal to -1");
    if (!given) return;
    count = *given;
  }
  const auto& items = call.node.slowlog().items();
  const size_t shown = count < 0 ? items.size() : std::min<size_t>(items.size(), static_cast<size_t>(count));
  call.reply.array(shown);
  for (size_t i = 0; i < shown; ++i) {
    const Slowlog::Item& item = items[i];
    call.reply.array(6);
    call.reply.integer(static_cast<int64_t>(item.id));
    call.reply.integer(item.unix_seconds);
    call.reply.integer(item.microseconds);
    call.reply.array(item.args.size());
    for (const auto& arg : item.args) call.reply.bulk(arg);
    call.reply.bulk(item.address);
    call.reply.bulk(item.client_name);
  }
}

void slowlog_len(Call& call) { call.reply.integer(static_cast<int64_t>(call.node.slowlog().items().size())); }

void slowlog_reset(Call& call) {
  call.node.slowlog().reset();
  call.reply.ok();
}

void slowlog_help(Call& call) {
  static constexpr std::string_view kLines[] = {
      "GET [<count>]",
      "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
      "    Entries are made of:",
      "    id, timestamp, time in microseconds, arguments array, client IP and port,",
      "    client name",
      "LEN",
      "    Return the length of the slowlog.",
      "RESET",
      "    Reset the slowlog.",
  };
  command::reply_help("SLOWLOG", kLines, call.reply);
}

}  // namespace handlers
}  // namespace holdfast::node
