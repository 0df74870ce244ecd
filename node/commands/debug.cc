// DEBUG: what tests need. Gated by enable-debug-command, but for SLEEP from loopback (dispatch.cc).
#include "node/commands/debug.h"

#include <cmath>

#include "common/command/command_replies.h"
#include "common/config/values.h"
#include "common/log/log.h"
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"

namespace holdfast::node::handlers {
namespace {

void debug_sleep(Call& call) {
  const auto seconds = parse_double(call.args[2]);
  // Redis reads a bad number as 0.
  const double micros = seconds && *seconds > 0 ? std::min(*seconds * 1e6, 1e12) : 0;
  call.node.process().block_for(Micros(static_cast<int64_t>(micros)));
  call.reply.ok();
}

// Redis reads these with atoi: what is no number is 0.
bool is_on(std::string_view text) { return parse_int64(text).value_or(0) != 0; }

void debug_set_active_expire(Call& call) {
  call.node.set_active_expiry(is_on(call.args[2]));
  call.reply.ok();
}

void debug_pause_cron(Call& call) {
  call.node.debug().cron_paused = is_on(call.args[2]);
  call.reply.ok();
}

void debug_skip_checksums(Call& call) {
  call.node.debug().payload_checksums = !is_on(call.args[2]);
  call.reply.ok();
}

void debug_disable_deny_scripts(Call& call) {
  call.node.debug().deny_scripts = !is_on(call.args[2]);
  call.reply.ok();
}

void debug_dict_resizing(Call& call) {
  call.node.debug().dict_resizing = is_on(call.args[2]);
  call.keys.set_shrinking(call.node.debug().dict_resizing);
  call.reply.ok();
}

void debug_packed_threshold(Call& call) {
  constexpr uint64_t kMost = (uint64_t{1} << 32) - 1;
  const auto bytes = config::parse_memory(call.args[2]);
  if (!bytes || *bytes >= kMost) {
    return call.reply.error("ERR argument must be a memory value bigger than 1 and smaller than 4gb");
  }
  call.node.debug().packed_threshold = *bytes == 0 ? DebugSwitches::kPackedThreshold : *bytes;
  call.reply.ok();
}

void debug_change_repl_id(Call& call) {
  log::notice("Changing replication IDs after receiving change-repl-id");
  call.node.replication().change_id();
  call.reply.ok();
}

void debug_config_rewrite_all(Call& call) {
  const Result<> rewritten = call.node.config_control().rewrite_all();
  rewritten ? call.reply.ok() : call.reply.error(rewritten.error().text);
}

// MALLCTL <key> [<value>]: a control of the allocator that is a number.
void debug_mallctl(Call& call) {
  std::optional<int64_t> value;
  if (call.argc() == 4 && !(value = read_integer(call, call.args[3]))) return;
  const auto found = call.node.process().allocator_control(std::string(call.args[2]), value);
  if (!found) return call.reply.error(fmt::format("ERR the allocator has no number named '{}'", call.args[2]));
  call.reply.integer(*found);
}

// MALLCTL-STR <key> VOID: a control of the allocator that does something. Those that are texts are not shown: a name
// that is none of a text would have a number read as an address.
void debug_mallctl_str(Call& call) {
  if (!iequals(call.args[3], "void")) return call.reply.error("ERR syntax error");
  if (!call.node.process().allocator_act(std::string(call.args[2]))) {
    return call.reply.error(fmt::format("ERR the allocator can do nothing named '{}'", call.args[2]));
  }
  call.reply.ok();
}

// STRINGMATCH-LEN <pattern> <string>: what the patterns of KEYS, SCAN and PSUBSCRIBE match.
void debug_stringmatch(Call& call) { call.reply.integer(glob_match(call.args[2], call.args[3]) ? 1 : 0); }

// Random patterns over few letters against random texts: it must end, and touch nothing that is not its own.
void debug_stringmatch_test(Call& call) {
  constexpr std::string_view kLetters = "[]\\?*-^ab0";
  constexpr int kRounds = 100'000;
  constexpr size_t kLongest = 16;
  RandomSource& random = call.node.random();
  const auto text = [&] {
    std::string made(random.next() % kLongest, ' ');
    for (char& c : made) c = kLetters[random.next() % kLetters.size()];
    return made;
  };
  for (int i = 0; i < kRounds; ++i) (void)glob_match(text(), text(), i % 2 == 0);
  call.reply.simple("Apparently Redis did not crash: test passed");
}

void debug_reload(Call& call) {
  PersistenceControl::ReloadOptions options;
  for (const std::string_view word : call.args.subspan(2)) {
    if (iequals(word, "MERGE")) {
      options.merge = true;
    } else if (iequals(word, "NOFLUSH")) {
      options.flush = false;
    } else if (iequals(word, "NOSAVE")) {
      options.save = false;
    } else {
      return call.reply.error("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
    }
  }
  call.no_propagation();
  const Result<> reloaded = call.node.persistence().reload(options);
  reloaded ? call.reply.ok() : call.reply.error(reloaded.error().text);
}

void debug_loadaof(Call& call) {
  call.no_propagation();
  const Result<> loaded = call.node.persistence().reload_log();
  loaded ? call.reply.ok() : call.reply.error(loaded.error().text);
}

void debug_error(Call& call) { call.reply.error(call.args[2]); }

void debug_log(Call& call) {
  log::warning("DEBUG LOG: {}", call.args[2]);
  call.reply.ok();
}

void debug_help(Call& call) {
  static constexpr std::string_view kLines[] = {
      "CHANGE-REPL-ID",
      "    Change the replication IDs of the instance.",
      "    Dangerous: should be used only for testing the replication subsystem.",
      "CONFIG-REWRITE-FORCE-ALL",
      "    Like CONFIG REWRITE but writes all configuration options, including",
      "    keywords not listed in original configuration file or default values.",
      "DICT-RESIZING <0|1>",
      "    Enable or disable giving back the memory of tables that have become sparse.",
      "DIGEST",
      "    Output a hex signature representing the current DB content.",
      "DIGEST-VALUE <key> [<key> ...]",
      "    Output a hex signature of the values of all the specified keys.",
      "ERROR <string>",
      "    Return a Redis protocol error with <string> as message. Useful for clients",
      "    unit tests to simulate Redis errors.",
      "LOG <message>",
      "    Write <message> to the server log.",
      "HTSTATS <dbid>",
      "    Return hash table statistics of the specified Redis database.",
      "HTSTATS-KEY <key>",
      "    Like HTSTATS but for the hash table stored at <key>'s value.",
      "LOADAOF",
      "    Flush the AOF buffers on disk and reload the AOF in memory.",
      "OBJECT <key>",
      "    Show low level info about `key` and associated value.",
      "POPULATE <count> [<prefix>] [<size>]",
      "    Create <count> string keys named key:<num>. If <prefix> is specified then",
      "    it is used instead of the 'key' prefix. These are not propagated to",
      "    replicas.",
      "PROTOCOL <type>",
      "    Reply with a test value of the specified type. <type> can be: string,",
      "    integer, double, bignum, null, array, set, map, attrib, push, verbatim,",
      "    true, false.",
      "RELOAD [option ...]",
      "    Save the RDB on disk and reload it back to memory. Valid <option> values:",
      "    * MERGE: conflicting keys will be loaded from RDB.",
      "    * NOFLUSH: the existing database will not be removed before load; a",
      "      conflicting key ends the load with an error.",
      "    * NOSAVE: the database will be loaded from an existing RDB file.",
      "    Examples:",
      "    * DEBUG RELOAD: verify that the server is able to persist, flush and reload",
      "      the database.",
      "    * DEBUG RELOAD NOSAVE: replace the current database with the contents of an",
      "      existing RDB file.",
      "    * DEBUG RELOAD NOSAVE NOFLUSH MERGE: add the contents of an existing RDB",
      "      file to the database.",
      "REPLYBUFFER <PEAK-RESET-TIME <NEVER|RESET|time>|RESIZING <0|1>>",
      "    Sets after how many milliseconds the peak of what clients' reply buffers hold is",
      "    counted anew, and whether the buffers are resized.",
      "SET-ACTIVE-EXPIRE <0|1>",
      "    Setting it to 0 disables expiring keys in background when they are not",
      "    accessed (otherwise the Redis behavior). Setting it to 1 reenables back the",
      "    default.",
      "SET-DISABLE-DENY-SCRIPTS <0|1>",
      "    Setting it to 1 lets scripts call commands that they may not call otherwise.",
      "QUICKLIST-PACKED-THRESHOLD <size>",
      "    Sets the threshold for elements to be inserted as plain vs packed nodes",
      "    Default value is 1GB, allows values up to 4GB. Setting to 0 restores to default.",
      "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
      "    Enables or disables checksum checks for RESTORE's payload.",
      "SLEEP <seconds>",
      "    Stop the server for <seconds>. Decimals allowed.",
      "STRINGMATCH-LEN <pattern> <string>",
      "    Reply 1 if the glob-style <pattern> matches all of <string>, else 0.",
      "STRINGMATCH-TEST",
      "    Run a fuzz tester against the matching of glob-style patterns.",
      "STRUCTSIZE",
      "    Return the size of different core structures.",
      "LISTPACK <key>",
      "    Show low level info about the listpack encoding of <key>.",
      "MALLCTL <key> [<value>]",
      "    Get or set a malloc tuning integer.",
      "MALLCTL-STR <key> VOID",
      "    Make the allocator do what the control named <key> is for.",
      "QUICKLIST <key> [<0|1>]",
      "    Show low level info about the quicklist encoding of <key>.",
      "    The optional argument (0 by default) sets the level of detail",
      "PAUSE-CRON <0|1>",
      "    Stop periodic cron job processing.",
  };
  command::reply_help("DEBUG", kLines, call.reply);
}

struct Subcommand {
  std::string_view name;
  size_t least, most;  // arguments, DEBUG itself included
  void (*handler)(Call&);
};

constexpr Subcommand kSubcommands[] = {
    {"sleep", 3, 3, debug_sleep},
    {"object", 3, 3, debug_object},
    {"set-active-expire", 3, 3, debug_set_active_expire},
    {"reload", 2, SIZE_MAX, debug_reload},
    {"loadaof", 2, 2, debug_loadaof},
    {"populate", 3, 5, debug_populate},
    {"digest", 2, 2, debug_digest},
    {"digest-value", 2, SIZE_MAX, debug_digest_value},
    {"protocol", 3, 3, debug_protocol},
    {"error", 3, 3, debug_error},
    {"log", 3, 3, debug_log},
    {"replybuffer", 4, 4, debug_reply_buffer},
    {"htstats", 3, 3, debug_htstats},
    {"htstats-key", 3, 3, debug_htstats_key},
    {"listpack", 3, 3, debug_listpack},
    {"quicklist", 3, 4, debug_quicklist},
    {"quicklist-packed-threshold", 3, 3, debug_packed_threshold},
    {"pause-cron", 3, 3, debug_pause_cron},
    {"dict-resizing", 3, 3, debug_dict_resizing},
    {"set-disable-deny-scripts", 3, 3, debug_disable_deny_scripts},
    {"set-skip-checksum-validation", 3, 3, debug_skip_checksums},
    {"change-repl-id", 2, 2, debug_change_repl_id},
    {"config-rewrite-force-all", 2, 2, debug_config_rewrite_all},
    {"structsize", 2, 2, debug_structsize},
    {"mallctl", 3, 4, debug_mallctl},
    {"mallctl-str", 4, 4, debug_mallctl_str},
    {"stringmatch-len", 4, 4, debug_stringmatch},
    {"stringmatch-test", 2, 2, debug_stringmatch_test},
    {"help", 2, 2, debug_help},
};

}  // namespace

void debug(Call& call) {
  for (const Subcommand& subcommand : kSubcommands) {
    if (!iequals(subcommand.name, call.args[1])) continue;
    if (call.argc() >= subcommand.least && call.argc() <= subcommand.most) return subcommand.handler(call);
  }
  call.reply.error(fmt::format("ERR unknown subcommand or wrong number of arguments for '{}'. Try DEBUG HELP.",
                               call.args[1].substr(0, call.args[1].find('\0')).substr(0, 128)));
}

}  // namespace holdfast::node::handlers
