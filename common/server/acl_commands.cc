#include "common/server/acl_commands.h"

#include <algorithm>

#include "common/base/random.h"
#include "common/base/text.h"
#include "common/command/command_replies.h"
#include "common/log/log.h"
#include "common/server/permissions.h"

namespace holdfast::server {

namespace {

constexpr std::string_view kNoFile =
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER "
    "command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store "
    "users "
    "in the Redis configuration.";
constexpr int64_t kMostPasswordBits = 4096;
constexpr int64_t kPasswordBits = 256;
constexpr int64_t kShownDenials = 10;

void write_selector(const access::Selector& selector, resp::Writer& reply) {
  reply.bulk("commands");
  reply.bulk(selector.commands_text());
  reply.bulk("keys");
  reply.bulk(selector.keys_text());
  reply.bulk("channels");
  reply.bulk(selector.channels_text());
}

void write_denial(const access::DenialEntry& entry, Instant now, resp::Writer& reply) {
  reply.map(7);
  reply.bulk("count");
  reply.integer(entry.count);
  const auto age = std::chrono::duration_cast<Millis>(now - entry.at).count();
  const std::pair<std::string_view, std::string_view> fields[] = {
      {"reason", entry.reason}, {"context", entry.context}, {"object", entry.object}, {"username", entry.user}};
  for (const auto& [name, value] : fields) {
    reply.bulk(name);
    reply.bulk(value);
  }
  reply.bulk("age-seconds");
  reply.real(static_cast<double>(age) / 1000);
  reply.bulk("client-info");
  reply.bulk(entry.client);
}

bool has_file(CommandContext& context) {
  if (context.server.acl_file() != nullptr && context.server.acl_file()->configured()) return true;
  context.reply.error(kNoFile);
  return false;
}

// The command that DRYRUN's words name, of the right arity; null with the error in the reply.
const access::Catalog::Command* named_command(CommandContext& context, std::span<const std::string_view> words) {
  const access::Catalog& catalog = context.server.users.catalog();
  const access::Catalog::Command* command = words[0].contains('|') ? nullptr : catalog.find(words[0]);
  if (command != nullptr && !command->subcommands.empty() && words.size() > 1) {
    command = catalog.find(fmt::format("{}|{}", words[0], words[1]));
  }
  if (command == nullptr) {
    context.reply.error(fmt::format("ERR Command '{}' not found", words[0]));
    return nullptr;
  }
  if (!command->spec->arity_fits(words.size())) {
    context.reply.error(command::wrong_arity_error(command->name));
    return nullptr;
  }
  return command;
}

}  // namespace

void acl_whoami_command(CommandContext& context) { context.reply.bulk(context.session.user_name()); }

void acl_users_command(CommandContext& context) {
  const auto& table = context.server.users.table();
  context.reply.array(table.size());
  for (const auto& [name, user] : table) context.reply.bulk(name);
}

void acl_list_command(CommandContext& context) {
  const auto& table = context.server.users.table();
  context.reply.array(table.size());
  for (const auto& [name, user] : table) context.reply.bulk(fmt::format("user {}", user->text()));
}

void acl_getuser_command(CommandContext& context) {
  const auto user = context.server.users.find(context.args[2]);
  auto& reply = context.reply;
  if (user == nullptr) return reply.null();
  reply.map(6);
  reply.bulk("flags");
  const auto flags = user->flags();
  reply.set(flags.size());
  for (const std::string_view flag : flags) reply.bulk(flag);
  reply.bulk("passwords");
  reply.array(user->passwords().size());
  for (const std::string& hash : user->passwords()) reply.bulk(hash);
  write_selector(user->selectors().front(), reply);
  reply.bulk("selectors");
  reply.array(user->selectors().size() - 1);
  for (size_t i = 1; i < user->selectors().size(); ++i) {
    reply.map(3);
    write_selector(user->selectors()[i], reply);
  }
}

void acl_setuser_command(CommandContext& context) {
  auto& users = context.server.users;
  if (auto done = users.set(context.args[2], context.args.subspan(3)); !done) {
    return context.reply.error(done.error().text);
  }
  context.reply.ok();
  follow_changed_user(context.server, context.session, *users.find(context.args[2]));
}

void acl_deluser_command(CommandContext& context) {
  const auto names = context.args.subspan(2);
  if (std::ranges::find(names, access::kDefaultUser) != names.end()) {
    return context.reply.error("ERR The 'default' user cannot be removed");
  }
  int64_t removed = 0;
  for (const std::string_view name : names) removed += context.server.users.remove(name) ? 1 : 0;
  context.reply.integer(removed);
  drop_clients_of_removed(context.server, context.session);
}

void acl_cat_command(CommandContext& context) {
  const auto& args = context.args;
  if (args.size() > 3) return context.reply.error(command::wrong_subcommand_error("ACL", args[1]));
  if (args.size() == 2) {
    const auto& names = access::Catalog::categories();
    context.reply.array(names.size());
    for (const std::string_view name : names) context.reply.bulk(name);
    return;
  }
  const auto* members = context.server.users.catalog().category(args[2]);
  if (members == nullptr) return context.reply.error(fmt::format("ERR Unknown category '{}'", args[2]));
  context.reply.array(members->size());
  for (const auto* command : *members) context.reply.bulk(command->name);
}

void acl_genpass_command(CommandContext& context) {
  const auto& args = context.args;
  if (args.size() > 3) return context.reply.error(command::wrong_subcommand_error("ACL", args[1]));
  int64_t bits = kPasswordBits;
  if (args.size() == 3) {
    const auto given = parse_int64(args[2]);
    if (!given) return context.reply.error("ERR value is not an integer or out of range");
    if (*given <= 0 || *given > kMostPasswordBits) {
      return context.reply.error(
          "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096");
    }
    bits = *given;
  }
  std::string password;
  const auto digits = static_cast<size_t>((bits + 3) / 4);
  while (password.size() < digits) password += fmt::format("{:016x}", system_random());
  context.reply.bulk(std::string_view(password).substr(0, digits));
}

void acl_log_command(CommandContext& context) {
  const auto& args = context.args;
  if (args.size() > 3) return context.reply.error(command::wrong_subcommand_error("ACL", args[1]));
  int64_t most = kShownDenials;
  if (args.size() == 3) {
    if (iequals(args[2], "reset")) {
      context.server.denials.clear();
      return context.reply.ok();
    }
    const auto given = parse_int64(args[2]);
    if (!given) return context.reply.error("ERR value is not an integer or out of range");
    most = std::max<int64_t>(*given, 0);
  }
  const auto& entries = context.server.denials.entries();
  const size_t count = std::min(entries.size(), static_cast<size_t>(most));
  context.reply.array(count);
  for (size_t i = 0; i < count; ++i) write_denial(entries[i], context.server.now(), context.reply);
}

void acl_save_command(CommandContext& context) {
  if (!has_file(context)) return;
  if (auto done = context.server.acl_file()->save(context.server.users); !done) {
    log::warning("Saving the ACL file failed: {}", done.error().text);
    return context.reply.error(
        "ERR There was an error trying to save the ACLs. Please check the server logs for more information");
  }
  context.reply.ok();
}

void acl_load_command(CommandContext& context) {
  if (!has_file(context)) return;
  Server& server = context.server;
  if (auto done = server.acl_file()->load(server.users); !done) {
    return context.reply.error(fmt::format("ERR {}", done.error().text));
  }
  context.reply.ok();
  drop_named_clients(server, context.session);
  follow_changed_user(server, context.session, *server.users.default_user());
}

void acl_dryrun_command(CommandContext& context) {
  const auto user = context.server.users.find(context.args[2]);
  if (user == nullptr) return context.reply.error(fmt::format("ERR User '{}' not found", context.args[2]));
  const auto words = context.args.subspan(3);
  const access::Catalog::Command* command = named_command(context, words);
  if (command == nullptr) return;
  const access::Verdict verdict = user->check(*command, words);
  switch (verdict.denial) {
    case access::Denial::none:
      return context.reply.ok();
    case access::Denial::command:
      return context.reply.bulk(fmt::format("This user has no permissions to run the '{}' command", command->name));
    case access::Denial::key:
      return context.reply.bulk(fmt::format("This user has no permissions to access the '{}' key", words[verdict.at]));
    case access::Denial::channel:
      return context.reply.bulk(
          fmt::format("This user has no permissions to access the '{}' channel", words[verdict.at]));
  }
}

void acl_help_command(CommandContext& context) {
  static constexpr std::array<std::string_view, 26> kLines = {
      "CAT [<category>]",
      "    List all commands that belong to <category>, or all command categories",
      "    when no category is specified.",
      "DELUSER <username> [<username> ...]",
      "    Delete a list of users.",
      "DRYRUN <username> <command> [<arg> ...]",
      "    Returns whether the user can execute the given command without executing the command.",
      "GETUSER <username>",
      "    Get the user's details.",
      "GENPASS [<bits>]",
      "    Generate a secure 256-bit user password. The optional `bits` argument can",
      "    be used to specify a different size.",
      "LIST",
      "    Show users details in config file format.",
      "LOAD",
      "    Reload users from the ACL file.",
      "LOG [<count> | RESET]",
      "    Show the ACL log entries.",
      "SAVE",
      "    Save the current config to the ACL file.",
      "SETUSER <username> <attribute> [<attribute> ...]",
      "    Create or modify a user with the specified attributes.",
      "USERS",
      "    List all the registered usernames.",
      "WHOAMI",
      "    Return the current connection username.",
  };
  command::reply_help("ACL", kLines, context.reply);
}

}  // namespace holdfast::server
