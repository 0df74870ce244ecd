#include "sentinel/commands/rows.h"

#include <array>

#include "sentinel/commands/handlers.h"

namespace holdfast::sentinel {

namespace {

using command::CommandSpec;
using command::kAdmin;

// Subcommands of SENTINEL, as COMMAND DOCS of the reference describes them.
constexpr CommandSpec sub(std::string_view name, int arity, std::string_view since, std::string_view complexity,
                          std::string_view summary) {
  return {name, arity, kAdmin, {}, 0, "sentinel", since, complexity, summary};
}

constexpr std::string_view kConstant = "O(1)";
constexpr std::string_view kUntold;  // the reference names no complexity
constexpr std::string_view kPerPrimary = "O(N) where N is the number of masters";
constexpr std::string_view kPerInstance = "O(N) where N is the number of instances";

constexpr std::string_view kGetAddressSummary = "Get port and address of a master";
constexpr std::string_view kIsDownSummary = "Check if a master is down";
constexpr std::string_view kMasterSummary = "Shows the state of a master";
constexpr std::string_view kMastersSummary = "List the monitored masters";

constexpr std::array<CommandRow, 27> kSentinel = {{
    {sub("ckquorum", 3, "2.8.4", kUntold, "Check for a Sentinel quorum"), check_quorum_command},
    {sub("config", -3, "6.2.0", kConstant, "Configure Sentinel"), config_command},
    {sub("debug", -2, "7.0.0", "O(N) where N is the number of configurable parameters",
         "List or update the current configurable parameters"),
     debug_command},
    {sub("failover", -3, "2.8.4", kUntold, "Force a failover"), failover_command},
    {sub("failover-history", 3, "7.0.15", "O(N) where N is the number of recorded failovers",
         "List the last failovers of a master"),
     failover_history_command},
    {sub("flushconfig", 2, "2.8.4", kConstant, "Rewrite configuration file"), flush_config_command},
    {sub("forget", 5, "7.0.15", kConstant, "Forget a replica or another Sentinel of a master"), forget_command},
    {sub("get-master-addr-by-name", 3, "2.8.4", kConstant, kGetAddressSummary), get_master_addr_command},
    {sub("get-primary-addr-by-name", 3, "2.8.4", kConstant, kGetAddressSummary), get_master_addr_command},
    {{"help",
      2,
      command::kLoading | command::kStale,
      {},
      0,
      "sentinel",
      "6.2.0",
      kConstant,
      "Show helpful text about the different subcommands"},
     sentinel_help_command},
    {sub("info-cache", -3, "3.2.0", kPerInstance, "Get cached INFO from the instances in the deployment"),
     info_cache_command},
    {sub("is-master-down-by-addr", 6, "2.8.4", kConstant, kIsDownSummary), is_master_down_command},
    {sub("is-primary-down-by-addr", 6, "2.8.4", kConstant, kIsDownSummary), is_master_down_command},
    {sub("master", 3, "2.8.4", kConstant, kMasterSummary), master_command},
    {sub("masters", 2, "2.8.4", kPerPrimary, kMastersSummary), masters_command},
    {sub("monitor", 6, "2.8.4", kConstant, "Start monitoring"), monitor_command},
    {sub("myid", 2, "6.2.0", kConstant, "Get the Sentinel instance ID"), my_id_command},
    {sub("pending-scripts", 2, "2.8.4", kUntold, "Get information about pending scripts"), pending_scripts_command},
    {sub("primaries", 2, "2.8.4", kPerPrimary, kMastersSummary), masters_command},
    {sub("primary", 3, "2.8.4", kConstant, kMasterSummary), master_command},
    {sub("remove", 3, "2.8.4", kConstant, "Stop monitoring"), remove_command},
    {sub("replicas", 3, "5.0.0", "O(N) where N is the number of replicas", "List the monitored replicas"),
     replicas_command},
    {sub("reset", 3, "2.8.4", "O(N) where N is the number of monitored masters", "Reset masters by name pattern"),
     reset_masters_command},
    {sub("sentinels", 3, "2.8.4", "O(N) where N is the number of Sentinels", "List the Sentinel instances"),
     sentinels_command},
    {sub("set", -5, "2.8.4", kConstant, "Change the configuration of a monitored master"), set_command},
    {sub("simulate-failure", -3, "3.2.0", kUntold, "Simulate failover scenarios"), simulate_failure_command},
    {sub("slaves", 3, "2.8.0", "O(N) where N is the number of slaves", "List the monitored slaves"), replicas_command},
}};

constexpr std::array<CommandRow, 5> kTop = {{
    {{"info",
      -1,
      command::kLoading | command::kStale,
      {},
      command::kDangerous,
      "server",
      "1.0.0",
      "O(1)",
      "Get information and statistics about the server",
      nullptr,
      {},
      "nondeterministic_output request_policy:all_shards response_policy:special"},
     info_command},
    {{"publish",
      3,
      command::kPubsub | command::kLoading | command::kStale | command::kFast,
      {},
      0,
      "pubsub",
      "2.0.0",
      "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of "
      "subscribed "
      "patterns (by any client).",
      "Post a message to a channel"},
     publish_command},
    {{"role",
      1,
      command::kNoScript | command::kLoading | command::kStale | command::kFast,
      {},
      command::kAdminCategory | command::kDangerous,
      "server",
      "2.8.12",
      "O(1)",
      "Return the role of the instance in the context of replication"},
     role_command},
    {{"sentinel",
      -2,
      kAdmin,
      {},
      0,
      "sentinel",
      "2.8.4",
      "Depends on subcommand.",
      "A container for Sentinel commands"},
     nullptr,
     kSentinel},
    {{"shutdown",
      -1,
      kAdmin | command::kNoScript | command::kLoading | command::kStale | command::kNoMulti | command::kAllowBusy,
      {},
      0,
      "server",
      "1.0.0",
      "O(1)",
      "Stop the server"},
     shutdown_command},
}};

}  // namespace

std::span<const CommandRow> sentinel_rows() { return kTop; }

}  // namespace holdfast::sentinel
