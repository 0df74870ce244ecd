#include "common/server/permissions.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/server/connection.h"
#include "common/server/connection_commands.h"

namespace holdfast::server {

namespace {

void drop(Session& session, const Session& me) {
  if (&session == &me) {
    session.close_after_reply();
  } else {
    session.close_now();
  }
}

bool listens_in_vain(const Session& session, const access::User& user) {
  const auto refused = [&](bool literal) {
    return [&user, literal](const std::string& name) { return !user.may_listen(name, literal); };
  };
  return std::ranges::any_of(session.channels, refused(false)) ||
         std::ranges::any_of(session.shard_channels, refused(false)) ||
         std::ranges::any_of(session.patterns, refused(true));
}

// What the user's permissions say, with a line in ACL LOG if it is no.
access::Denial refused(Server& server, const Session& session, int id, std::span<const std::string_view> args,
                       std::string_view context) {
  const access::User* user = session.user.get();
  if (user == nullptr || user->unrestricted()) return access::Denial::none;
  const access::Catalog::Command& command = server.users.catalog().of(id);
  const access::Verdict verdict = user->check(command, args);
  constexpr std::string_view kReasons[] = {"", "command", "key", "channel"};
  if (verdict.denial == access::Denial::none) return verdict.denial;
  const bool command_itself = verdict.denial == access::Denial::command;
  server.denials.add({.reason = kReasons[static_cast<size_t>(verdict.denial)],
                      .context = context,
                      .object = command_itself ? command.name : std::string(args[verdict.at]),
                      .user = user->name(),
                      .client = client_line(server, session),
                      .at = server.now()});
  return verdict.denial;
}

}  // namespace

std::optional<std::string> refusal_by_user(Server& server, const Session& session, int id,
                                           std::span<const std::string_view> args, std::string_view context) {
  switch (refused(server, session, id, args, context)) {
    case access::Denial::none:
      return std::nullopt;
    case access::Denial::command:
      return fmt::format("NOPERM this user has no permissions to run the '{}' command",
                         server.users.catalog().of(id).name);
    case access::Denial::key:
      return "NOPERM this user has no permissions to access one of the keys used as arguments";
    case access::Denial::channel:
      return "NOPERM this user has no permissions to access one of the channels used as arguments";
  }
  return std::nullopt;
}

std::optional<std::string> refusal_in_exec(Server& server, const Session& session, int id,
                                           std::span<const std::string_view> args) {
  constexpr std::string_view kReasons[] = {
      "", "no permission to execute the command or subcommand", "no permission to touch the specified keys",
      "no permission to access one of the channels used as arguments to the command"};
  const access::Denial denial = refused(server, session, id, args, "multi");
  if (denial == access::Denial::none) return std::nullopt;
  return fmt::format(
      "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is "
      "no "
      "longer allowed for the following reason: {}",
      kReasons[static_cast<size_t>(denial)]);
}

bool may_read_all_keys(const Server& server, const Session& session, int id, std::span<const std::string_view> args) {
  const access::User* user = session.user.get();
  if (user == nullptr || user->unrestricted()) return true;
  const access::Catalog::Command& command = server.users.catalog().of(id);
  return std::ranges::any_of(user->selectors(), [&](const access::Selector& selector) {
    if (selector.check(command, args).denial != access::Denial::none) return false;
    const std::string keys = selector.keys_text();
    return std::ranges::any_of(split(keys, ' '), [](std::string_view one) { return one == "~*" || one == "%R~*"; });
  });
}

void log_failed_login(Server& server, const Session& session, std::string_view command, std::string_view user) {
  server.denials.add({.reason = "auth",
                      .context = "toplevel",
                      .object = std::string(command),
                      .user = std::string(user),
                      .client = client_line(server, session),
                      .at = server.now()});
}

void drop_clients_of_removed(Server& server, Session& me) {
  for (const auto& [id, connection] : server.connections()) {
    if (connection->user != nullptr && server.users.find(connection->user->name()) != connection->user) {
      drop(*connection, me);
    }
  }
}

void drop_named_clients(Server& server, Session& me) {
  for (const auto& [id, connection] : server.connections()) {
    if (connection->user != server.users.default_user()) drop(*connection, me);
  }
}

void follow_changed_user(Server& server, Session& me, const access::User& user) {
  for (const auto& [id, connection] : server.connections()) {
    if (connection->user.get() == &user && listens_in_vain(*connection, user)) drop(*connection, me);
  }
}

}  // namespace holdfast::server
