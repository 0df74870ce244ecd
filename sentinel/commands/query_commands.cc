#include <array>

#include "common/command/command_replies.h"
#include "sentinel/commands/handlers.h"

namespace holdfast::sentinel {

namespace {

void write_fields(const InstanceFields& fields, resp::Writer& reply) {
  reply.map(fields.size());
  for (const auto& [name, value] : fields) {
    reply.bulk(name);
    reply.bulk(value);
  }
}

void write_instances(const Result<std::vector<InstanceFields>>& instances, resp::Writer& reply) {
  if (!instances) return reply.error(instances.error().text);
  reply.array(instances->size());
  for (const InstanceFields& fields : *instances) write_fields(fields, reply);
}

}  // namespace

void masters_command(Context& context) {
  const auto names = context.host.core().primary_names();
  context.reply.array(names.size());
  for (const std::string& name : names) {
    const auto fields = context.host.core().primary_fields(name, context.server.now());
    write_fields(fields.value_or(InstanceFields()), context.reply);
  }
}

void master_command(Context& context) {
  const auto fields = context.host.core().primary_fields(context.args[2], context.server.now());
  if (!fields) return context.reply.error(fields.error().text);
  write_fields(*fields, context.reply);
}

void replicas_command(Context& context) {
  write_instances(context.host.core().replica_fields(context.args[2], context.server.now()), context.reply);
}

void sentinels_command(Context& context) {
  write_instances(context.host.core().sentinel_fields(context.args[2], context.server.now()), context.reply);
}

void get_master_addr_command(Context& context) {
  const auto address = context.host.core().primary_address(context.args[2]);
  if (!address) return context.reply.null_array();
  context.reply.array(2);
  context.reply.bulk(address->host);
  context.reply.bulk_integer(address->port);
}

void check_quorum_command(Context& context) {
  const auto verdict = context.host.core().check_quorum(context.args[2]);
  if (verdict) {
    context.reply.simple(*verdict);
  } else {
    context.reply.error(verdict.error().text);
  }
}

void my_id_command(Context& context) { context.reply.bulk(context.host.core().run_id().view()); }

// For each primary named: its name and a list of [milliseconds since, text], the primary's first, then the replicas'.
// [0, null] stands for one that has not answered yet. Unknown names are left out.
void info_cache_command(Context& context) {
  const Sentinel& core = context.host.core();
  const auto instances = core.instance_summaries();
  const size_t mark = context.reply.begin_deferred();
  size_t found = 0;
  const auto write_cached = [&](const Endpoint& address) {
    context.reply.array(2);
    const CachedInfo* cached = context.host.cached_info(address);
    if (cached == nullptr) {
      context.reply.integer(0);
      context.reply.null();
      return;
    }
    context.reply.integer(count_ms(context.server.now() - cached->received));
    context.reply.bulk(cached->text);
  };
  for (const auto& name : context.args.subspan(2)) {
    if (!core.knows(name)) continue;
    std::vector<Endpoint> nodes;
    for (const InstanceSummary& instance : instances) {
      if (instance.primary != name || instance.kind == "sentinel") continue;
      nodes.insert(instance.kind == "master" ? nodes.begin() : nodes.end(), instance.address);
    }
    context.reply.bulk(name);
    context.reply.array(nodes.size());
    for (const Endpoint& address : nodes) write_cached(address);
    ++found;
  }
  context.reply.end_deferred_array(mark, 2 * found);  // no map: the reference keeps the array in RESP3
}

void pending_scripts_command(Context& context) {
  const Instant now = context.server.now();
  const auto& scripts = context.host.scripts().scripts();
  context.reply.array(scripts.size());
  for (const ScriptQueue::Script& script : scripts) {
    const bool runs = script.pid != 0;
    context.reply.map(5);
    context.reply.bulk("argv");
    context.reply.array(script.argv.size());
    for (const std::string& word : script.argv) context.reply.bulk(word);
    context.reply.bulk("flags");
    context.reply.bulk(runs ? "running" : "scheduled");
    context.reply.bulk("pid");
    context.reply.bulk_integer(script.pid);
    context.reply.bulk(runs ? "run-time" : "run-delay");
    context.reply.bulk_integer(std::max<int64_t>(0, count_ms(runs ? now - script.since : script.since - now)));
    context.reply.bulk("retry-num");
    context.reply.bulk_integer(script.tries);
  }
}

void sentinel_help_command(Context& context) {
  static constexpr auto kLines = std::to_array<std::string_view>({
      "CKQUORUM <master-name>",
      "    Check if the current Sentinel configuration is able to reach the quorum",
      "    needed to failover a master and the majority needed to authorize the",
      "    failover.",
      "CONFIG SET <param> <value>",
      "    Set a global Sentinel configuration parameter.",
      "CONFIG GET <param>",
      "    Get global Sentinel configuration parameter.",
      "DEBUG [<param> <value> ...]",
      "    Show a list of configurable time parameters and their values (milliseconds).",
      "    Or update current configurable parameters values (one or more).",
      "FORGET <master-name> <ip> <port>",
      "    Forget a replica or another Sentinel that is gone for good.",
      "GET-MASTER-ADDR-BY-NAME <master-name>",
      "    Return the ip and port number of the master with that name.",
      "FAILOVER <master-name> [TO <ip> <port>] [COORDINATED]",
      "    Manually failover a master node, to the best replica or to the given one. A",
      "    master that is up and supports FAILOVER hands over without losing a write;",
      "    with COORDINATED it does so or nothing changes.",
      "FAILOVER-HISTORY <master-name>",
      "    Show the last failovers of the specified master, newest first.",
      "FLUSHCONFIG",
      "    Force Sentinel to rewrite its configuration on disk, including the current",
      "    Sentinel state.",
      "INFO-CACHE <master-name>",
      "    Return last cached INFO output from masters and all its replicas.",
      "IS-MASTER-DOWN-BY-ADDR <ip> <port> <current-epoch> <runid>",
      "    Check if the master specified by ip:port is down from current Sentinel's",
      "    point of view.",
      "MASTER <master-name>",
      "    Show the state and info of the specified master.",
      "MASTERS",
      "    Show a list of monitored masters and their state.",
      "MONITOR <name> <ip> <port> <quorum>",
      "    Start monitoring a new master with the specified name, ip, port and quorum.",
      "MYID",
      "    Return the ID of the Sentinel instance.",
      "PENDING-SCRIPTS",
      "    Get pending scripts information.",
      "REMOVE <master-name>",
      "    Remove master from Sentinel's monitor list.",
      "REPLICAS <master-name>",
      "    Show a list of replicas for this master and their state.",
      "RESET <pattern>",
      "    Reset masters for specific master name matching this pattern.",
      "SENTINELS <master-name>",
      "    Show a list of Sentinel instances for this master and their state.",
      "SET <master-name> <option> <value> [<option> <value> ...]",
      "    Set configuration parameters for certain masters.",
      "SIMULATE-FAILURE [CRASH-AFTER-ELECTION] [CRASH-AFTER-PROMOTION] [HELP]",
      "    Simulate a Sentinel crash.",
  });
  command::reply_help("SENTINEL", kLines, context.reply);
}

}  // namespace holdfast::sentinel
