// ACL and its subcommands, for a binary's own table: `table.add(acl_rows<MyContext>())`. The binary asks
// refusal_by_user() before it runs a command. Executor thread only. Replies: Redis 7.0's documentation of each.
#pragma once

#include <array>

#include "common/server/command_context.h"

namespace holdfast::server {

void acl_cat_command(CommandContext& context);
void acl_deluser_command(CommandContext& context);
void acl_dryrun_command(CommandContext& context);
void acl_genpass_command(CommandContext& context);
void acl_getuser_command(CommandContext& context);
void acl_help_command(CommandContext& context);
void acl_list_command(CommandContext& context);
void acl_load_command(CommandContext& context);
void acl_log_command(CommandContext& context);
void acl_save_command(CommandContext& context);
void acl_setuser_command(CommandContext& context);
void acl_users_command(CommandContext& context);
void acl_whoami_command(CommandContext& context);

namespace rows {

constexpr command::CommandSpec acl(std::string_view name, int arity, uint32_t flags, std::string_view complexity,
                                   std::string_view summary, std::string_view since = "6.0.0") {
  return {name, arity, flags, {}, 0, "server", since, complexity, summary};
}

inline constexpr uint32_t kAclAny = command::kNoScript | command::kLoading | command::kStale;
inline constexpr uint32_t kAclAdmin = kAclAny | command::kAdmin;
inline constexpr std::string_view kPerUser = "O(N). Where N is the number of configured users.";

template <class C>
inline constexpr std::array<command::CommandRow<C>, 13> acl_subcommands = {{
    {acl("cat", -2, kAclAny, "O(1) since the categories and commands are a fixed set.",
         "List the ACL categories or the commands inside a category"),
     adapted<C, acl_cat_command>},
    {acl("deluser", -3, kAclAdmin, "O(1) amortized time considering the typical user.",
         "Remove the specified ACL users and the associated rules"),
     adapted<C, acl_deluser_command>},
    {acl("dryrun", -4, kAclAdmin, "O(1).",
         "Returns whether the user can execute the given command without executing the command.", "7.0.0"),
     adapted<C, acl_dryrun_command>},
    {acl("genpass", -2, kAclAny, "O(1)", "Generate a pseudorandom secure password to use for ACL users"),
     adapted<C, acl_genpass_command>},
    {acl("getuser", 3, kAclAdmin,
         "O(N). Where N is the number of password, command and pattern rules that the user has.",
         "Get the rules for a specific ACL user"),
     adapted<C, acl_getuser_command>},
    {acl("help", 2, command::kLoading | command::kStale, "O(1)", "Show helpful text about the different subcommands"),
     adapted<C, acl_help_command>},
    {acl("list", 2, kAclAdmin, kPerUser, "List the current ACL rules in ACL config file format"),
     adapted<C, acl_list_command>},
    {acl("load", 2, kAclAdmin, kPerUser, "Reload the ACLs from the configured ACL file"), adapted<C, acl_load_command>},
    {acl("log", -2, kAclAdmin, "O(N) with N being the number of entries shown.",
         "List latest events denied because of ACLs in place"),
     adapted<C, acl_log_command>},
    {acl("save", 2, kAclAdmin, kPerUser, "Save the current ACL rules in the configured ACL file"),
     adapted<C, acl_save_command>},
    {acl("setuser", -3, kAclAdmin, "O(N). Where N is the number of rules provided.",
         "Modify or create the rules for a specific ACL user"),
     adapted<C, acl_setuser_command>},
    {acl("users", 2, kAclAdmin, kPerUser, "List the username of all the configured ACL rules"),
     adapted<C, acl_users_command>},
    {acl("whoami", 2, kAclAny, "O(1)", "Return the name of the user associated to the current connection"),
     adapted<C, acl_whoami_command>},
}};

template <class C>
inline constexpr std::array<command::CommandRow<C>, 1> acl_top = {{
    {acl("acl", -2, 0, "Depends on subcommand.", "A container for Access List Control commands "), nullptr,
     acl_subcommands<C>},
}};

}  // namespace rows

template <class Context>
constexpr std::span<const command::CommandRow<Context>> acl_rows() {
  return rows::acl_top<Context>;
}

}  // namespace holdfast::server
