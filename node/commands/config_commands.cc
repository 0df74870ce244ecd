// CONFIG: over ConfigControl, which knows the options.
#include "common/command/command_replies.h"
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"

namespace holdfast::node::handlers {

void config_get(Call& call) {
  const auto found = call.node.config_control().get(call.args.subspan(2));
  call.reply.map(found.size());
  for (const auto& [name, value] : found) {
    call.reply.bulk(name);
    call.reply.bulk(value);
  }
}

void config_set(Call& call) {
  if (call.argc() % 2 != 0) return call.reply.error(kSyntaxError);
  const Result<> set = call.node.config_control().set(call.args.subspan(2), is_local(call.session));
  set ? call.reply.ok() : call.reply.error(set.error().text);
}

void config_rewrite(Call& call) {
  const Result<> rewritten = call.node.config_control().rewrite();
  rewritten ? call.reply.ok() : call.reply.error(rewritten.error().text);
}

void config_resetstat(Call& call) {
  call.node.reset_stats();
  call.reply.ok();
}

void config_help(Call& call) {
  static constexpr std::string_view kLines[] = {
      "GET <pattern>",
      "    Return parameters matching the glob-like <pattern> and their values.",
      "SET <directive> <value>",
      "    Set the configuration <directive> to <value>.",
      "RESETSTAT",
      "    Reset statistics reported by the INFO command.",
      "REWRITE",
      "    Rewrite the configuration file.",
  };
  command::reply_help("CONFIG", kLines, call.reply);
}

}  // namespace holdfast::node::handlers
