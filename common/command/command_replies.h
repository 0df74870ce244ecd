// What COMMAND and its subcommands answer, made from the command rows. Pure.
// Reply shapes: Redis 7.0's documentation of COMMAND, COMMAND INFO, COMMAND DOCS, COMMAND LIST, COMMAND GETKEYS.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "common/command/command_table.h"
#include "common/resp/writer.h"

namespace holdfast::command {

using Commands = std::vector<CommandInfo*>;

// `args` are those of the whole request ("COMMAND", "DOCS", ...).
void reply_command(const Commands& commands, resp::Writer& reply);
void reply_command_count(const Commands& commands, resp::Writer& reply);
void reply_command_info(const Commands& commands, std::span<const std::string_view> args, resp::Writer& reply);
void reply_command_docs(const Commands& commands, std::span<const std::string_view> args, resp::Writer& reply);
void reply_command_list(const Commands& commands, std::span<const std::string_view> args, resp::Writer& reply);
void reply_command_getkeys(const Commands& commands, std::span<const std::string_view> args, bool with_flags,
                           resp::Writer& reply);
// X HELP: the lines after `X <subcommand> ...`.
void reply_help(std::string_view container, std::span<const std::string_view> lines, resp::Writer& reply);

// Error texts every dispatcher needs.
std::string unknown_command_error(std::span<const std::string_view> args);
std::string unknown_subcommand_error(std::string_view container, std::string_view subcommand);
// Where Redis checks the number itself: 'GET' of SLOWLOG GET 1 2.
std::string wrong_subcommand_error(std::string_view container, std::string_view subcommand);
std::string wrong_arity_error(std::string_view full_name);

}  // namespace holdfast::command
