#include "common/server/connection_commands.h"

#include "common/base/text.h"
#include "common/base/version.h"
#include "common/command/command_replies.h"
#include "common/server/permissions.h"

namespace holdfast::server {

namespace {

// True when the credentials are right; else the error is in the reply.
bool authenticate(CommandContext& context, std::string_view name, std::string_view password) {
  if (auto user = context.server.users.authenticate(name, password)) {
    context.session.user = std::move(user);
    context.session.authenticated = true;
    return true;
  }
  log_failed_login(context.server, context.session, context.args[0], name);
  context.reply.error("WRONGPASS invalid username-password pair or user is disabled.");
  return false;
}

bool valid_client_name(std::string_view name) {
  for (const char c : name) {
    if (c < '!' || c > '~') return false;
  }
  return true;
}

constexpr std::string_view kBadName =
    "ERR Client names cannot contain spaces, newlines or special characters.";

}  // namespace

void auth_command(CommandContext& context) {
  const auto& args = context.args;
  if (args.size() > 3) return context.reply.error("ERR syntax error");
  if (args.size() == 2 && context.server.users.default_user()->nopass()) {
    return context.reply.error(
        "ERR AUTH <password> called without any password configured for the default user. Are you sure your "
        "configuration is correct?");
  }
  const std::string_view user = args.size() == 3 ? args[1] : access::kDefaultUser;
  if (authenticate(context, user, args.back())) context.reply.ok();
}

void hello_command(CommandContext& context) {
  const auto& args = context.args;
  int64_t version = 0;
  if (args.size() > 1) {
    const auto given = parse_int64(args[1]);
    if (!given) return context.reply.error("ERR Protocol version is not an integer or out of range");
    if (*given != 2 && *given != 3) return context.reply.error("NOPROTO unsupported protocol version");
    version = *given;
  }
  std::string_view name;
  bool named = false;
  for (size_t i = 2; i < args.size(); ++i) {
    const size_t left = args.size() - i - 1;
    if (iequals(args[i], "AUTH") && left >= 2) {
      if (!authenticate(context, args[i + 1], args[i + 2])) return;
      i += 2;
    } else if (iequals(args[i], "SETNAME") && left >= 1) {
      name = args[++i];
      named = true;
      if (!valid_client_name(name)) return context.reply.error(kBadName);
    } else {
      return context.reply.error(fmt::format("ERR Syntax error in HELLO option '{}'", args[i]));
    }
  }
  if (!context.server.admits(context.session)) {
    return context.reply.error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option "
        "can be used to authenticate the client and select the RESP protocol version at the same time");
  }
  if (named) context.session.name = name;
  if (version != 0) context.session.set_protocol(static_cast<int>(version));
  const std::string_view role = context.server.handler().role();
  auto& reply = context.reply;
  reply.map(role.empty() ? 6 : 7);
  reply.bulk("server");
  reply.bulk("redis");
  reply.bulk("version");
  reply.bulk(kRedisVersion);
  reply.bulk("proto");
  reply.integer(context.session.protocol());
  reply.bulk("id");
  reply.integer(static_cast<int64_t>(context.session.id));
  reply.bulk("mode");
  reply.bulk(context.server.handler().mode());
  if (!role.empty()) {
    reply.bulk("role");
    reply.bulk(role);
  }
  reply.bulk("modules");
  reply.array(0);
}

void ping_command(CommandContext& context) {
  if (context.args.size() > 2) return context.reply.error(command::wrong_arity_error("ping"));
  const std::string_view text = context.args.size() == 2 ? context.args[1] : std::string_view();
  if (context.session.subscribed() && context.session.protocol() == 2) {
    context.reply.array(2);
    context.reply.bulk("pong");
    context.reply.bulk(text);
  } else if (context.args.size() == 1) {
    context.reply.simple("PONG");
  } else {
    context.reply.bulk(text);
  }
}

void echo_command(CommandContext& context) { context.reply.bulk(context.args[1]); }

void quit_command(CommandContext& context) {
  context.reply.ok();
  context.session.close_after_reply();
}

void reset_command(CommandContext& context) {
  Session& session = context.session;
  context.server.handler().reset(session);
  context.server.pubsub.forget(session);
  session.monitor = false;
  session.no_evict = false;
  session.no_touch = false;
  session.name.clear();
  session.db = 0;
  session.reply_mode = ReplyMode::on;
  session.user = context.server.users.default_user();
  session.authenticated = context.server.users.open_to_all();
  session.set_protocol(2);
  context.reply.simple("RESET");
}

void command_command(CommandContext& context) { command::reply_command(context.server.commands(), context.reply); }
void command_count_command(CommandContext& context) {
  command::reply_command_count(context.server.commands(), context.reply);
}
void command_docs_command(CommandContext& context) {
  command::reply_command_docs(context.server.commands(), context.args, context.reply);
}
void command_info_command(CommandContext& context) {
  command::reply_command_info(context.server.commands(), context.args, context.reply);
}
void command_list_command(CommandContext& context) {
  command::reply_command_list(context.server.commands(), context.args, context.reply);
}
void command_getkeys_command(CommandContext& context) {
  command::reply_command_getkeys(context.server.commands(), context.args, false, context.reply);
}
void command_getkeysandflags_command(CommandContext& context) {
  command::reply_command_getkeys(context.server.commands(), context.args, true, context.reply);
}

void command_help_command(CommandContext& context) {
  static constexpr std::array<std::string_view, 18> kLines = {
      "(no subcommand)",
      "    Return details about all Redis commands.",
      "COUNT",
      "    Return the total number of commands in this Redis server.",
      "LIST",
      "    Return a list of all commands in this Redis server.",
      "INFO [<command-name> ...]",
      "    Return details about multiple Redis commands.",
      "    If no command names are given, documentation details for all",
      "    commands are returned.",
      "DOCS [<command-name> ...]",
      "    Return documentation details about multiple Redis commands.",
      "    If no command names are given, documentation details for all",
      "    commands are returned.",
      "GETKEYS <full-command>",
      "    Return the keys from a full Redis command.",
      "GETKEYSANDFLAGS <full-command>",
      "    Return the keys and the access flags from a full Redis command.",
  };
  command::reply_help("COMMAND", kLines, context.reply);
}

}  // namespace holdfast::server
