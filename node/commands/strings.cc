// Strings as a whole: GET, SET and their relatives.
#include <optional>
#include <vector>

#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"

namespace holdfast::node::handlers {
namespace {

// Replies with the string at `key`, or null. False when it was not a string.
bool reply_string(Call& call, std::string_view key) {
  const Entry* entry = call.keys.read(call.db(), key);
  if (!string_or_none(call, entry)) return false;
  if (entry == nullptr) {
    call.reply.null();
    return true;
  }
  Value::Scratch scratch;
  call.reply.bulk(entry->bytes(scratch));
  return true;
}

struct SetOptions {
  bool nx = false, xx = false, get = false, keep_ttl = false, persist = false;
  std::optional<ExpiryUnit> unit;
  std::string_view expiry;
};

// The options of SET (from argument 3) and GETEX (from 2). False when the syntax is wrong.
bool parse_options(std::span<const std::string_view> args, bool for_set, SetOptions& options) {
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string_view word = args[i];
    const bool alone = !options.unit && !options.keep_ttl && !options.persist;
    std::optional<ExpiryUnit> unit;
    if (iequals(word, "EX")) unit = ExpiryUnit::ex;
    if (iequals(word, "PX")) unit = ExpiryUnit::px;
    if (iequals(word, "EXAT")) unit = ExpiryUnit::exat;
    if (iequals(word, "PXAT")) unit = ExpiryUnit::pxat;
    if (unit) {
      if (!alone || i + 1 == args.size()) return false;
      options.unit = unit;
      options.expiry = args[++i];
    } else if (for_set && iequals(word, "NX") && !options.xx) {
      options.nx = true;
    } else if (for_set && iequals(word, "XX") && !options.nx) {
      options.xx = true;
    } else if (for_set && iequals(word, "GET")) {
      options.get = true;
    } else if (for_set && iequals(word, "KEEPTTL") && !options.unit) {
      options.keep_ttl = true;
    } else if (!for_set && iequals(word, "PERSIST") && !options.unit) {
      options.persist = true;
    } else {
      return false;
    }
  }
  return true;
}

void set_generic(Call& call, std::string_view value, const SetOptions& options) {
  const std::string_view key = call.args[1];
  int64_t expires_ms = 0;
  if (options.unit) {
    const auto expiry = read_expiry(call, options.expiry, *options.unit);
    if (!expiry) return;
    expires_ms = *expiry;
  }
  if (options.get && !reply_string(call, key)) return;
  if (options.nx || options.xx) {
    const bool found = call.keys.find(call.db(), key) != nullptr;
    if (found ? options.nx : options.xx) {
      if (!options.get) call.reply.null();
      return;
    }
  }
  if (options.unit) {
    call.keys.set(call.db(), key, Value::borrowed_string(value), from_unix_ms(expires_ms));
    call.rewrite({"SET", key, value, "PXAT", fmt::format_int(expires_ms).c_str()});
    call.notify(kNotifyString, "set", key);
    call.notify(kNotifyGeneric, "expire", key);
    if (!options.get) call.reply.ok();
    return;
  }
  call.keys.set(call.db(), key, Value::borrowed_string(value),
                options.keep_ttl ? Keyspace::Expiry::keep : Keyspace::Expiry::clear);
  call.notify(kNotifyString, "set", key);
  if (options.get) {
    // What the replicas need is the same command without GET.
    std::vector<std::string> words;
    for (size_t i = 0; i < call.argc(); ++i) {
      if (i < 3 || !iequals(call.args[i], "GET")) words.emplace_back(call.args[i]);
    }
    call.rewrite(std::move(words));
  }
  if (!options.get) call.reply.ok();
}

}  // namespace

void get(Call& call) { reply_string(call, call.args[1]); }

void set(Call& call) {
  if (call.argc() == 3) {  // the plain form, at the least cost
    call.keys.set(call.db(), call.args[1], Value::borrowed_string(call.args[2]));
    call.notify(kNotifyString, "set", call.args[1]);
    return call.reply.ok();
  }
  SetOptions options;
  if (!parse_options(call.args.subspan(3), true, options)) return call.reply.error(kSyntaxError);
  set_generic(call, call.args[2], options);
}

void setnx(Call& call) {
  if (call.keys.find(call.db(), call.args[1]) != nullptr) return call.reply.integer(0);
  call.keys.set(call.db(), call.args[1], Value::borrowed_string(call.args[2]));
  call.notify(kNotifyString, "set", call.args[1]);
  call.reply.integer(1);
}

void setex(Call& call) { set_generic(call, call.args[3], {.unit = ExpiryUnit::ex, .expiry = call.args[2]}); }

void psetex(Call& call) { set_generic(call, call.args[3], {.unit = ExpiryUnit::px, .expiry = call.args[2]}); }

void getset(Call& call) {
  if (!reply_string(call, call.args[1])) return;
  call.keys.set(call.db(), call.args[1], Value::borrowed_string(call.args[2]));
  call.notify(kNotifyString, "set", call.args[1]);
  call.rewrite({"SET", call.args[1], call.args[2]});
}

void getdel(Call& call) {
  const std::string_view key = call.args[1];
  if (!reply_string(call, key)) return;
  if (!call.keys.erase(call.db(), key, free_mode(call.node.config().lazyfree_user_del))) return;
  call.notify(kNotifyGeneric, "del", key);
  call.rewrite({delete_command(call.node.config().lazyfree_user_del), key});
}

void getex(Call& call) {
  const std::string_view key = call.args[1];
  SetOptions options;
  if (!parse_options(call.args.subspan(2), false, options)) return call.reply.error(kSyntaxError);
  const Entry* entry = call.keys.read(call.db(), key);
  if (entry == nullptr) return call.reply.null();
  if (!string_or_none(call, entry)) return;
  int64_t expires_ms = 0;
  if (options.unit) {
    const auto expiry = read_expiry(call, options.expiry, *options.unit);
    if (!expiry) return;
    expires_ms = *expiry;
  }
  Value::Scratch scratch;
  call.reply.bulk(entry->bytes(scratch));
  const bool absolute = options.unit == ExpiryUnit::exat || options.unit == ExpiryUnit::pxat;
  if (absolute && already_expired(call, expires_ms)) {
    call.keys.erase(call.db(), key, free_mode(call.node.config().lazyfree_expire));
    call.notify(kNotifyGeneric, "del", key);
    call.rewrite({delete_command(call.node.config().lazyfree_expire), key});
  } else if (options.unit) {
    call.keys.set_expiry(call.db(), key, from_unix_ms(expires_ms));
    call.notify(kNotifyGeneric, "expire", key);
    call.rewrite({"PEXPIREAT", key, fmt::format_int(expires_ms).c_str()});
  } else if (options.persist && call.keys.set_expiry(call.db(), key, std::nullopt)) {
    call.notify(kNotifyGeneric, "persist", key);
    call.rewrite({"PERSIST", key});
  }
}

void mget(Call& call) {
  call.reply.array(call.argc() - 1);
  const auto keys = call.args.subspan(1);
  for (size_t i = 0; i < keys.size(); ++i) {
    if (i % Keyspace::kPrefetch == 0) call.keys.prefetch(call.db(), keys.subspan(i));
    const Entry* entry = call.keys.read(call.db(), keys[i]);
    if (entry == nullptr || entry->type() != ValueType::string) {
      call.reply.null();
      continue;
    }
    Value::Scratch scratch;
    call.reply.bulk(entry->bytes(scratch));
  }
}

namespace {

// False when the arguments are no pairs.
bool pairs_given(Call& call) {
  if (call.argc() % 2 == 1) return true;
  call.reply.error(fmt::format("ERR wrong number of arguments for '{}' command", call.command.name));
  return false;
}

void set_pairs(Call& call) {
  for (size_t i = 1; i < call.argc(); i += 2) {
    if (i % (2 * Keyspace::kPrefetch) == 1) call.keys.prefetch(call.db(), call.args.subspan(i), 2);
    call.keys.set(call.db(), call.args[i], Value::borrowed_string(call.args[i + 1]));
    call.notify(kNotifyString, "set", call.args[i]);
  }
}

}  // namespace

void mset(Call& call) {
  if (!pairs_given(call)) return;
  set_pairs(call);
  call.reply.ok();
}

void msetnx(Call& call) {
  if (!pairs_given(call)) return;
  for (size_t i = 1; i < call.argc(); i += 2) {
    if (call.keys.find(call.db(), call.args[i]) != nullptr) return call.reply.integer(0);
  }
  set_pairs(call);
  call.reply.integer(1);
}

}  // namespace holdfast::node::handlers
