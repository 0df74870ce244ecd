// The commands both binaries serve: connection (AUTH, HELLO, PING, ECHO, QUIT, RESET, CLIENT), COMMAND and pub/sub.
// Executor thread only. Replies: Redis 7.0's documentation of each command.
#pragma once

#include <span>

#include "common/command/command_spec.h"
#include "common/server/command_context.h"

namespace holdfast::server {

// connection_commands.cc
void auth_command(CommandContext& context);
void hello_command(CommandContext& context);
void ping_command(CommandContext& context);
void echo_command(CommandContext& context);
void quit_command(CommandContext& context);
void reset_command(CommandContext& context);
void command_command(CommandContext& context);
void command_count_command(CommandContext& context);
void command_docs_command(CommandContext& context);
void command_info_command(CommandContext& context);
void command_list_command(CommandContext& context);
void command_getkeys_command(CommandContext& context);
void command_getkeysandflags_command(CommandContext& context);
void command_help_command(CommandContext& context);

// client_commands.cc
void client_id_command(CommandContext& context);
void client_list_command(CommandContext& context);
void client_info_command(CommandContext& context);
void client_kill_command(CommandContext& context);
void client_setname_command(CommandContext& context);
void client_getname_command(CommandContext& context);
void client_pause_command(CommandContext& context);
void client_unpause_command(CommandContext& context);
void client_unblock_command(CommandContext& context);
void client_reply_command(CommandContext& context);
void client_no_evict_command(CommandContext& context);
void client_no_touch_command(CommandContext& context);
void client_getredir_command(CommandContext& context);
void client_caching_command(CommandContext& context);
void client_tracking_command(CommandContext& context);
void client_trackinginfo_command(CommandContext& context);
void client_help_command(CommandContext& context);
// The line of CLIENT LIST for one client, without its end.
std::string client_line(Server& server, const Session& session);

// pubsub_commands.cc
void subscribe_command(CommandContext& context);
void unsubscribe_command(CommandContext& context);
void psubscribe_command(CommandContext& context);
void punsubscribe_command(CommandContext& context);
void ssubscribe_command(CommandContext& context);
void sunsubscribe_command(CommandContext& context);
void pubsub_channels_command(CommandContext& context);
void pubsub_numsub_command(CommandContext& context);
void pubsub_numpat_command(CommandContext& context);
void pubsub_shardchannels_command(CommandContext& context);
void pubsub_shardnumsub_command(CommandContext& context);
void pubsub_help_command(CommandContext& context);

}  // namespace holdfast::server
