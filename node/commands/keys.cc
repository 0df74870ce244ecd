// Single keys whatever their type: DEL, EXISTS, TYPE, RENAME, COPY, MOVE, TOUCH, OBJECT.
#include "common/command/command_replies.h"
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"

namespace holdfast::node::handlers {
namespace {

void delete_keys(Call& call, bool lazily) {
  const auto how = free_mode(lazily);
  int64_t deleted = 0;
  for (const std::string_view key : call.args.subspan(1)) {
    call.keys.peek(call.db(), key);  // an expired one goes as expired and does not count
    if (!call.keys.erase(call.db(), key, how)) continue;
    ++deleted;
    call.notify(kNotifyGeneric, "del", key);
  }
  call.reply.integer(deleted);
}

void rename_key(Call& call, bool only_if_new) {
  const std::string_view from = call.args[1];
  const std::string_view to = call.args[2];
  if (call.keys.find(call.db(), from) == nullptr) return call.reply.error(kNoSuchKey);
  const auto done = [&](bool renamed) { only_if_new ? call.reply.integer(renamed ? 1 : 0) : call.reply.ok(); };
  if (from == to) return done(false);
  if (call.keys.find(call.db(), to) != nullptr && only_if_new) return done(false);
  call.keys.rename(call.db(), from, to);
  call.notify(kNotifyGeneric, "rename_from", from);
  call.notify(kNotifyGeneric, "rename_to", to);
  done(true);
}

}  // namespace

void del(Call& call) { delete_keys(call, call.node.config().lazyfree_user_del); }

void unlink(Call& call) { delete_keys(call, true); }

void exists(Call& call) {
  int64_t count = 0;
  for (const std::string_view key : call.args.subspan(1)) {
    if (call.keys.glance(call.db(), key) != nullptr) ++count;
  }
  call.reply.integer(count);
}

void touch(Call& call) {
  const bool marking = call.keys.set_marking(true);  // what it is for, whatever CLIENT NO-TOUCH says
  int64_t count = 0;
  for (const std::string_view key : call.args.subspan(1)) {
    if (call.keys.read(call.db(), key) != nullptr) ++count;
  }
  call.keys.set_marking(marking);
  call.reply.integer(count);
}

void type(Call& call) {
  const Entry* entry = call.keys.glance(call.db(), call.args[1]);
  call.reply.simple(entry == nullptr ? "none" : type_name(entry->value().type()));
}

void rename(Call& call) { rename_key(call, false); }

void renamenx(Call& call) { rename_key(call, true); }

void copy(Call& call) {
  const std::string_view from = call.args[1];
  const std::string_view to = call.args[2];
  int to_db = call.db();
  bool replace = false;
  for (size_t i = 3; i < call.argc(); ++i) {
    if (iequals(call.args[i], "REPLACE")) {
      replace = true;
    } else if (iequals(call.args[i], "DB") && i + 1 < call.argc()) {
      const auto db = read_database(call, call.args[++i], kNotInteger);
      if (!db) return;
      to_db = *db;
    } else {
      return call.reply.error(kSyntaxError);
    }
  }
  if (to_db == call.db() && from == to) return call.reply.error(kSameObject);
  const Entry* source = call.keys.read(call.db(), from);
  if (source == nullptr) return call.reply.integer(0);
  const bool replaced = call.keys.find(to_db, to) != nullptr;
  if (replaced && !replace) return call.reply.integer(0);
  if (const auto expires_at = source->expires_at()) {
    call.keys.set(to_db, to, source->value().clone(), *expires_at);
  } else {
    call.keys.set(to_db, to, source->value().clone());
  }
  if (replaced) call.node.notify(kNotifyNew, "new", to_db, to);  // in Redis the old one goes first
  call.node.notify(kNotifyGeneric, "copy_to", to_db, to);
  call.reply.integer(1);
}

void move(Call& call) {
  const auto to_db = read_database(call, call.args[2], kNotInteger);
  if (!to_db) return;
  if (*to_db == call.db()) return call.reply.error(kSameObject);
  const std::string_view key = call.args[1];
  if (call.keys.find(call.db(), key) == nullptr) return call.reply.integer(0);
  if (call.keys.find(*to_db, key) != nullptr) return call.reply.integer(0);
  call.keys.erase(*to_db, key);  // an expired one that may not go by itself here (a writable replica)
  call.keys.move(call.db(), key, *to_db);
  call.notify(kNotifyGeneric, "move_from", key);
  call.node.notify(kNotifyGeneric, "move_to", *to_db, key);
  call.reply.integer(1);
}

// --- OBJECT ---

namespace {

constexpr std::string_view kPolicyNote =
    " Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.";

bool frequency_tracked(Call& call) { return by_frequency(call.node.config().eviction_policy); }

}  // namespace

void object_encoding(Call& call) {
  const Entry* entry = call.keys.inspect(call.db(), call.args[2]);
  if (entry == nullptr) return call.reply.null();
  call.reply.bulk(entry->value().encoding());
}

void object_refcount(Call& call) {
  const Entry* entry = call.keys.inspect(call.db(), call.args[2]);
  if (entry == nullptr) return call.reply.null();
  call.reply.integer(reference_count(entry->value(), call.node.config()));
}

void object_idletime(Call& call) {
  const Entry* entry = call.keys.inspect(call.db(), call.args[2]);
  if (entry == nullptr) return call.reply.null();
  if (frequency_tracked(call)) {
    return call.reply.error("ERR An LFU maxmemory policy is selected, idle time not tracked." +
                            std::string(kPolicyNote));
  }
  call.reply.integer(entry->idle_ms(call.now_ms()) / 1000);
}

void object_freq(Call& call) {
  const Entry* entry = call.keys.inspect(call.db(), call.args[2]);
  if (entry == nullptr) return call.reply.null();
  if (!frequency_tracked(call)) {
    return call.reply.error("ERR An LFU maxmemory policy is not selected, access frequency not tracked." +
                            std::string(kPolicyNote));
  }
  call.reply.integer(entry->access().frequency(call.now_ms(), call.node.config().access.decay_minutes));
}

void object_help(Call& call) {
  static constexpr std::string_view kLines[] = {
      "ENCODING <key>",
      "    Return the kind of internal representation used in order to store the value",
      "    associated with a <key>.",
      "FREQ <key>",
      "    Return the access frequency index of the <key>. The returned integer is",
      "    proportional to the logarithm of the recent access frequency of the key.",
      "IDLETIME <key>",
      "    Return the idle time of the <key>, that is the approximated number of",
      "    seconds elapsed since the last access to the key.",
      "REFCOUNT <key>",
      "    Return the number of references of the value associated with the specified",
      "    <key>.",
  };
  command::reply_help("OBJECT", kLines, call.reply);
}

}  // namespace holdfast::node::handlers
