#include "common/base/text.h"
#include "sentinel/commands/handlers.h"
#include "sentinel/commands/info.h"

namespace holdfast::sentinel {

void info_command(Context& context) {
  context.reply.bulk(info_text(context.server, context.stats, context.host, context.args.subspan(1)));
}

void role_command(Context& context) {
  const auto names = context.host.core().primary_names();
  context.reply.array(2);
  context.reply.bulk("sentinel");
  context.reply.array(names.size());
  for (const std::string& name : names) context.reply.bulk(name);
}

// The words about saving and waiting mean nothing here (no data, nothing to wait for), but are accepted as they are by
// the reference. There is no reply: the connection ends.
void shutdown_command(Context& context) {
  bool save = false, nosave = false, abort = false;
  for (const auto& word : context.args.subspan(1)) {
    if (iequals(word, "SAVE")) {
      save = true;
    } else if (iequals(word, "NOSAVE")) {
      nosave = true;
    } else if (iequals(word, "ABORT")) {
      abort = true;
    } else if (!iequals(word, "NOW") && !iequals(word, "FORCE")) {
      return context.reply.error("ERR syntax error");
    }
  }
  if ((save && nosave) || (abort && context.args.size() > 2)) return context.reply.error("ERR syntax error");
  if (abort) return context.reply.error("ERR No shutdown in progress.");
  context.host.request_shutdown("User requested shutdown...");
  context.session.close_now();
}

}  // namespace holdfast::sentinel
