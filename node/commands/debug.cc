// DEBUG: what tests need. Gated by enable-debug-command, but for SLEEP from loopback (dispatch.cc).
#include <cmath>

#include "common/command/command_replies.h"
#include "common/log/log.h"
#include "node/commands/arguments.h"
#include "node/commands/digest.h"
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

void debug_object(Call& call) {
  const Entry* entry = call.keys.find_raw(call.db(), call.args[2]);
  if (entry == nullptr) return call.reply.error(kNoSuchKey);
  Value::Scratch scratch;
  call.reply.simple(fmt::format("Value at:{} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}",
                                fmt::ptr(entry), entry->value().encoding(), entry->value().bytes(scratch).size() + 1,
                                (call.now_ms() - entry->idle_ms(call.now_ms())) / 1000 & 0xffffff,
                                entry->idle_ms(call.now_ms()) / 1000));
}

void debug_set_active_expire(Call& call) {
  call.node.set_active_expiry(call.args[2] != "0");
  call.reply.ok();
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

// POPULATE <count> [<prefix>] [<size>]: keys that nobody is told of.
void debug_populate(Call& call) {
  const auto count = read_integer_in(call, call.args[2], 0, INT64_MAX, "ERR value is out of range, must be positive");
  if (!count) return;
  const std::string_view prefix = call.argc() > 3 ? call.args[3] : "key";
  int64_t size = 0;
  if (call.argc() > 4) {
    const auto given = read_integer_in(call, call.args[4], 0, call.node.config().max_bulk_bytes,
                                       "ERR value is out of range, must be positive");
    if (!given) return;
    size = *given;
  }
  call.no_propagation();
  for (int64_t i = 0; i < *count; ++i) {
    const std::string key = fmt::format("{}:{}", prefix, i);
    if (call.keys.find(call.db(), key) != nullptr) continue;
    std::string value = fmt::format("value:{}", i);
    if (size > 0) value.resize(static_cast<size_t>(size), '\0');
    call.keys.set(call.db(), key, Value::raw_string(std::move(value)));
  }
  call.reply.ok();
}

void debug_digest(Call& call) { call.reply.simple(to_hex(data_set_digest(call.keys))); }

void debug_digest_value(Call& call) {
  call.reply.array(call.argc() - 2);
  for (const std::string_view key : call.args.subspan(2)) {
    call.reply.simple(to_hex(value_digest(call.keys.find_raw(call.db(), key))));
  }
}

// PROTOCOL <type>: a value of each reply type, for client libraries' tests.
void debug_protocol(Call& call) {
  const std::string_view type = call.args[2];
  resp::Writer& reply = call.reply;
  if (iequals(type, "string")) return reply.bulk("Hello World");
  if (iequals(type, "integer")) return reply.integer(12345);
  if (iequals(type, "double")) return reply.real(3.141);
  if (iequals(type, "null")) return reply.null();
  if (iequals(type, "bignum")) return reply.big_number("1234567999999999999999999999999999999");
  if (iequals(type, "true") || iequals(type, "false")) return reply.boolean(iequals(type, "true"));
  if (iequals(type, "verbatim")) return reply.verbatim("This is a verbatim\nstring");
  if (iequals(type, "array") || iequals(type, "set")) {
    iequals(type, "set") ? reply.set(3) : reply.array(3);
    for (int i = 0; i < 3; ++i) reply.integer(i);
    return;
  }
  if (iequals(type, "map")) {
    reply.map(3);
    for (int i = 0; i < 3; ++i) reply.integer(i), reply.boolean(i == 1);
    return;
  }
  reply.error(
      "ERR Wrong protocol type name. Please use one of the following: "
      "string|integer|double|null|array|set|map|verbatim|true|false");
}

void debug_error(Call& call) { call.reply.error(call.args[2]); }

void debug_log(Call& call) {
  log::warning("DEBUG LOG: {}", call.args[2]);
  call.reply.ok();
}

void debug_help(Call& call) {
  static constexpr std::string_view kLines[] = {
      "DIGEST",
      "    Output a hex signature representing the current DB content.",
      "DIGEST-VALUE <key> [<key> ...]",
      "    Output a hex signature of the values of all the specified keys.",
      "ERROR <string>",
      "    Return a Redis protocol error with <string> as message. Useful for clients",
      "    unit tests to simulate Redis errors.",
      "LOADAOF",
      "    Flush the AOF buffers on disk and reload the AOF in memory.",
      "LOG <message>",
      "    Write <message> to the server log.",
      "OBJECT <key>",
      "    Show low level info about `key` and associated value.",
      "POPULATE <count> [<prefix>] [<size>]",
      "    Create <count> string keys named key:<num>. If <prefix> is specified then",
      "    it is used instead of the 'key' prefix. These are not propagated to",
      "    replicas.",
      "PROTOCOL <type>",
      "    Reply with a test value of the specified type. <type> can be: string,",
      "    integer, double, bignum, null, array, set, map, verbatim, true, false.",
      "RELOAD [option ...]",
      "    Save the RDB on disk and reload it back to memory. Valid <option> values:",
      "    * MERGE: conflicting keys will be loaded from RDB.",
      "    * NOFLUSH: the existing database will not be removed before load.",
      "    * NOSAVE: the database will be loaded from an existing RDB file.",
      "SET-ACTIVE-EXPIRE <0|1>",
      "    Setting it to 0 disables expiring keys in background when they are not",
      "    accessed (otherwise the Redis behavior). Setting it to 1 reenables back the",
      "    default.",
      "SLEEP <seconds>",
      "    Stop the server for <seconds>. Decimals allowed.",
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
    {"object", 3, 4, debug_object},
    {"set-active-expire", 3, 3, debug_set_active_expire},
    {"reload", 2, SIZE_MAX, debug_reload},
    {"loadaof", 2, 2, debug_loadaof},
    {"populate", 3, 5, debug_populate},
    {"digest", 2, 2, debug_digest},
    {"digest-value", 2, SIZE_MAX, debug_digest_value},
    {"protocol", 3, 3, debug_protocol},
    {"error", 3, 3, debug_error},
    {"log", 3, 3, debug_log},
    {"help", 2, 2, debug_help},
};

}  // namespace

void debug(Call& call) {
  for (const Subcommand& subcommand : kSubcommands) {
    if (!iequals(subcommand.name, call.args[1])) continue;
    if (call.argc() >= subcommand.least && call.argc() <= subcommand.most) return subcommand.handler(call);
  }
  call.reply.error(fmt::format("ERR unknown subcommand or wrong number of arguments for '{}'. Try DEBUG HELP.",
                               call.args[1].substr(0, 128)));
}

}  // namespace holdfast::node::handlers
