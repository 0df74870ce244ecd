// The server itself: TIME, saving, SHUTDOWN, MONITOR.
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"

namespace holdfast::node::handlers {

void time(Call& call) {
  const int64_t micros = call.node.process().unix_micros();
  call.reply.array(2);
  call.reply.bulk_integer(micros / 1'000'000);
  call.reply.bulk_integer(micros % 1'000'000);
}

void lastsave(Call& call) { call.reply.integer(to_unix_ms(call.node.persistence().last_save()) / 1000); }

namespace {

void reply_status(Call& call, const Result<std::string>& status) {
  status ? call.reply.simple(*status) : call.reply.error(status.error().text);
}

}  // namespace

void save(Call& call) {
  const Result<> saved = call.node.persistence().save();
  saved ? call.reply.ok() : call.reply.error(saved.error().text);
}

void bgsave(Call& call) {
  const bool schedule = call.argc() == 2 && iequals(call.args[1], "SCHEDULE");
  if (call.argc() > 1 && !schedule) return call.reply.error(kSyntaxError);
  reply_status(call, call.node.persistence().background_save(schedule));
}

void bgrewriteaof(Call& call) { reply_status(call, call.node.persistence().rewrite_log()); }

void shutdown(Call& call) {
  ShutdownRequest request;
  bool abort = false;
  for (const std::string_view word : call.args.subspan(1)) {
    const auto save = request.save;
    if (iequals(word, "NOSAVE") && save != ShutdownRequest::Save::always) {
      request.save = ShutdownRequest::Save::never;
    } else if (iequals(word, "SAVE") && save != ShutdownRequest::Save::never) {
      request.save = ShutdownRequest::Save::always;
    } else if (iequals(word, "NOW")) {
      request.now = true;
    } else if (iequals(word, "FORCE")) {
      request.force = true;
    } else if (iequals(word, "ABORT")) {
      abort = true;
    } else {
      return call.reply.error(kSyntaxError);
    }
  }
  const bool others = request.now || request.force || request.save != ShutdownRequest::Save::by_save_points;
  if (abort && others) return call.reply.error(kSyntaxError);
  if (abort) {
    if (!call.node.process().abort_shutdown()) return call.reply.error("ERR No shutdown in progress.");
    return call.reply.ok();
  }
  // No reply when it succeeds: the connection ends. Until then the client waits, and may be gone when it fails.
  Node& node = call.node;
  const uint64_t id = call.session.id;
  call.session.blocked = true;
  call.session.suspend();
  call.node.process().shutdown(request, [&node, id](std::string_view error) {
    server::Session* session = node.server().find(id);
    if (session == nullptr) return;
    session->blocked = false;
    session->reply().error(error);
    session->output_ready();
    session->resume();
  });
}

void monitor(Call& call) {
  if (call.in_exec) return call.reply.error("ERR MONITOR isn't allowed for DENY BLOCKING client");
  call.node.add_monitor(call.session);
  call.reply.ok();
}

}  // namespace holdfast::node::handlers
