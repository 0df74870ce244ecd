// The handlers behind sentinel_rows(). Executor thread only. Replies and errors are the reference's, shape by shape
// (tests/unit/sentinel/commands holds them as texts).
#pragma once

#include "sentinel/commands/dispatch.h"

namespace holdfast::sentinel {

// query_commands.cc: what is known; nothing changes.
void masters_command(Context& context);
void master_command(Context& context);
void replicas_command(Context& context);
void sentinels_command(Context& context);
void get_master_addr_command(Context& context);
void check_quorum_command(Context& context);
void my_id_command(Context& context);
void info_cache_command(Context& context);
void pending_scripts_command(Context& context);
void sentinel_help_command(Context& context);

// peer_commands.cc: what other sentinels send.
void is_master_down_command(Context& context);
void publish_command(Context& context);

// operator_commands.cc: what changes the configuration.
void monitor_command(Context& context);
void remove_command(Context& context);
void forget_command(Context& context);
void set_command(Context& context);
void reset_masters_command(Context& context);
void failover_command(Context& context);
void flush_config_command(Context& context);
void debug_command(Context& context);
void simulate_failure_command(Context& context);

// history_command.cc: the failovers that are over.
void failover_history_command(Context& context);

// config_command.cc
void config_command(Context& context);

// process_commands.cc
void info_command(Context& context);
void role_command(Context& context);
void shutdown_command(Context& context);

// The reply of an operator command: OK or its error; a failed save is an error whatever the result.
inline constexpr std::string_view kSaveFailed = "ERR Failed to save config file. Check server logs.";

}  // namespace holdfast::sentinel
