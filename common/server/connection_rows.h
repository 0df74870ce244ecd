// The rows of connection_commands.h for a binary's own table: `table.add(connection_rows<MyContext>())`.
// PUBLISH and SPUBLISH are not here: the node propagates them, the sentinel accepts hello messages only.
#pragma once

#include <array>

#include "common/server/connection_commands.h"

namespace holdfast::server {

namespace rows {

using command::CommandRow;
using command::CommandSpec;
using command::Flag;

inline constexpr uint32_t kQuick = command::kNoScript | command::kLoading | command::kStale | command::kFast;
inline constexpr uint32_t kCalm = command::kLoading | command::kStale;
inline constexpr uint32_t kSubscription = command::kPubsub | command::kNoScript | kCalm;

constexpr CommandSpec connection(std::string_view name, int arity, uint32_t flags, std::string_view since,
                                 std::string_view complexity, std::string_view summary, std::string_view tips = {}) {
  return {name, arity, flags, {}, command::kConnection, "connection", since, complexity, summary, nullptr, {}, tips};
}

constexpr CommandSpec server_info(std::string_view name, int arity, uint32_t flags, std::string_view since,
                                  std::string_view complexity, std::string_view summary, std::string_view tips = {}) {
  return {name, arity, flags, {}, command::kConnection, "server", since, complexity, summary, nullptr, {}, tips};
}

constexpr CommandSpec pubsub(std::string_view name, int arity, uint32_t flags, std::string_view since,
                             std::string_view complexity, std::string_view summary) {
  return {name, arity, flags, {}, 0, "pubsub", since, complexity, summary};
}

template <class C>
inline constexpr std::array<CommandRow<C>, 17> client = {{
    {connection("caching", 3, command::kNoScript | kCalm, "6.0.0", "O(1)", "Instruct the server about tracking or not keys in the next request"), adapted<C, client_caching_command>},
    {connection("getname", 2, command::kNoScript | kCalm, "2.6.9", "O(1)", "Get the current connection name"), adapted<C, client_getname_command>},
    {connection("getredir", 2, command::kNoScript | kCalm, "6.0.0", "O(1)", "Get tracking notifications redirection client ID if any"), adapted<C, client_getredir_command>},
    {connection("help", 2, kCalm, "5.0.0", "O(1)", "Show helpful text about the different subcommands"), adapted<C, client_help_command>},
    {connection("id", 2, command::kNoScript | kCalm, "5.0.0", "O(1)", "Returns the client ID for the current connection"), adapted<C, client_id_command>},
    {connection("info", 2, command::kNoScript | kCalm, "6.2.0", "O(1)", "Returns information about the current client connection.", "nondeterministic_output"), adapted<C, client_info_command>},
    {connection("kill", -3, command::kAdmin | command::kNoScript | kCalm, "2.4.0", "O(N) where N is the number of client connections", "Kill the connection of a client"), adapted<C, client_kill_command>},
    {connection("list", -2, command::kAdmin | command::kNoScript | kCalm, "2.4.0", "O(N) where N is the number of client connections", "Get the list of client connections", "nondeterministic_output"), adapted<C, client_list_command>},
    {connection("no-evict", 3, command::kAdmin | command::kNoScript | kCalm, "7.0.0", "O(1)", "Set client eviction mode for the current connection"), adapted<C, client_no_evict_command>},
    {connection("no-touch", 3, command::kNoScript | kCalm, "7.2.0", "O(1)", "Controls whether commands sent by the client affect the LRU/LFU of accessed keys."), adapted<C, client_no_touch_command>},
    {connection("pause", -3, command::kAdmin | command::kNoScript | kCalm, "2.9.50", "O(1)", "Stop processing commands from clients for some time"), adapted<C, client_pause_command>},
    {connection("reply", 3, command::kNoScript | kCalm, "3.2.0", "O(1)", "Instruct the server whether to reply to commands"), adapted<C, client_reply_command>},
    {connection("setname", 3, command::kNoScript | kCalm, "2.6.9", "O(1)", "Set the current connection name"), adapted<C, client_setname_command>},
    {connection("tracking", -3, command::kNoScript | kCalm, "6.0.0", "O(1). Some options may introduce additional complexity.", "Enable or disable server assisted client side caching support"), adapted<C, client_tracking_command>},
    {connection("trackinginfo", 2, command::kNoScript | kCalm, "6.2.0", "O(1)", "Return information about server assisted client side caching for the current connection"), adapted<C, client_trackinginfo_command>},
    {connection("unblock", -3, command::kAdmin | command::kNoScript | kCalm, "5.0.0", "O(log N) where N is the number of client connections", "Unblock a client blocked in a blocking command from a different connection"), adapted<C, client_unblock_command>},
    {connection("unpause", 2, command::kAdmin | command::kNoScript | kCalm, "6.2.0", "O(N) Where N is the number of paused clients", "Resume processing of clients that were paused"), adapted<C, client_unpause_command>},
}};

template <class C>
inline constexpr std::array<CommandRow<C>, 7> command_rows = {{
    {server_info("count", 2, kCalm, "2.8.13", "O(1)", "Get total number of Redis commands"), adapted<C, command_count_command>},
    {server_info("docs", -2, kCalm, "7.0.0", "O(N) where N is the number of commands to look up", "Get array of specific Redis command documentation", "nondeterministic_output_order"), adapted<C, command_docs_command>},
    {server_info("getkeys", -4, kCalm, "2.8.13", "O(N) where N is the number of arguments to the command", "Extract keys given a full Redis command"), adapted<C, command_getkeys_command>},
    {server_info("getkeysandflags", -4, kCalm, "7.0.0", "O(N) where N is the number of arguments to the command", "Extract keys and access flags given a full Redis command"), adapted<C, command_getkeysandflags_command>},
    {server_info("help", 2, kCalm, "5.0.0", "O(1)", "Show helpful text about the different subcommands"), adapted<C, command_help_command>},
    {server_info("info", -2, kCalm, "2.8.13", "O(N) where N is the number of commands to look up", "Get array of specific Redis command details, or all when no argument is given.", "nondeterministic_output_order"), adapted<C, command_info_command>},
    {server_info("list", -2, kCalm, "7.0.0", "O(N) where N is the total number of Redis commands", "Get an array of Redis command names", "nondeterministic_output_order"), adapted<C, command_list_command>},
}};

template <class C>
inline constexpr std::array<CommandRow<C>, 6> pubsub_rows = {{
    {pubsub("channels", -2, command::kPubsub | kCalm, "2.8.0", "O(N) where N is the number of active channels, and assuming constant time pattern matching (relatively short channels and patterns)", "List active channels"), adapted<C, pubsub_channels_command>},
    {pubsub("help", 2, kCalm, "6.2.0", "O(1)", "Show helpful text about the different subcommands"), adapted<C, pubsub_help_command>},
    {pubsub("numpat", 2, command::kPubsub | kCalm, "2.8.0", "O(1)", "Get the count of unique patterns pattern subscriptions"), adapted<C, pubsub_numpat_command>},
    {pubsub("numsub", -2, command::kPubsub | kCalm, "2.8.0", "O(N) for the NUMSUB subcommand, where N is the number of requested channels", "Get the count of subscribers for channels"), adapted<C, pubsub_numsub_command>},
    {pubsub("shardchannels", -2, command::kPubsub | kCalm, "7.0.0", "O(N) where N is the number of active shard channels, and assuming constant time pattern matching (relatively short channels).", "List active shard channels"), adapted<C, pubsub_shardchannels_command>},
    {pubsub("shardnumsub", -2, command::kPubsub | kCalm, "7.0.0", "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested channels", "Get the count of subscribers for shard channels"), adapted<C, pubsub_shardnumsub_command>},
}};

template <class C>
inline constexpr std::array<CommandRow<C>, 15> top = {{
    {connection("auth", -2, kQuick | command::kNoAuth | command::kAllowBusy, "1.0.0", "O(N) where N is the number of passwords defined for the user", "Authenticate to the server"), adapted<C, auth_command>},
    {{"client", -2, 0, {}, 0, "connection", "2.4.0", "Depends on subcommand.", "A container for client connection commands"}, nullptr, client<C>},
    {server_info("command", -1, kCalm, "2.8.13", "O(N) where N is the total number of Redis commands", "Get array of Redis command details", "nondeterministic_output_order"), adapted<C, command_command>, command_rows<C>},
    {connection("echo", 2, command::kLoading | command::kStale | command::kFast, "1.0.0", "O(1)", "Echo the given string"), adapted<C, echo_command>},
    {connection("hello", -1, kQuick | command::kNoAuth | command::kAllowBusy, "6.0.0", "O(1)", "Handshake with Redis"), adapted<C, hello_command>},
    {connection("ping", -1, command::kFast, "1.0.0", "O(1)", "Ping the server", "request_policy:all_shards response_policy:all_succeeded"), adapted<C, ping_command>},
    {pubsub("psubscribe", -2, kSubscription, "2.0.0", "O(N) where N is the number of patterns the client is already subscribed to.", "Listen for messages published to channels matching the given patterns"), adapted<C, psubscribe_command>},
    {pubsub("pubsub", -2, 0, "2.8.0", "Depends on subcommand.", "A container for Pub/Sub commands"), nullptr, pubsub_rows<C>},
    {pubsub("punsubscribe", -1, kSubscription, "2.0.0", "O(N+M) where N is the number of patterns the client is already subscribed and M is the number of total patterns subscribed in the system (by any client).", "Stop listening for messages posted to channels matching the given patterns"), adapted<C, punsubscribe_command>},
    {connection("quit", -1, kQuick | command::kNoAuth | command::kAllowBusy, "1.0.0", "O(1)", "Close the connection"), adapted<C, quit_command>},
    {connection("reset", 1, kQuick | command::kNoAuth | command::kAllowBusy, "6.2.0", "O(1)", "Reset the connection"), adapted<C, reset_command>},
    {{"ssubscribe", -2, kSubscription, {1, -1, 1, command::kKeyNotKey}, 0, "pubsub", "7.0.0", "O(N) where N is the number of shard channels to subscribe to.", "Listen for messages published to the given shard channels"}, adapted<C, ssubscribe_command>},
    {pubsub("subscribe", -2, kSubscription, "2.0.0", "O(N) where N is the number of channels to subscribe to.", "Listen for messages published to the given channels"), adapted<C, subscribe_command>},
    {{"sunsubscribe", -1, kSubscription, {1, -1, 1, command::kKeyNotKey}, 0, "pubsub", "7.0.0", "O(N) where N is the number of clients already subscribed to a shard channel.", "Stop listening for messages posted to the given shard channels"}, adapted<C, sunsubscribe_command>},
    {pubsub("unsubscribe", -1, kSubscription, "2.0.0", "O(N) where N is the number of clients already subscribed to a channel.", "Stop listening for messages posted to the given channels"), adapted<C, unsubscribe_command>},
}};

}  // namespace rows

template <class Context>
constexpr std::span<const command::CommandRow<Context>> connection_rows() {
  return rows::top<Context>;
}

}  // namespace holdfast::server
