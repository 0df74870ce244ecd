// Hashes, field by field: HSET and its relatives, HGET, HMGET, HDEL, HLEN, HSTRLEN, HEXISTS, HINCRBY, HINCRBYFLOAT.
#include <cmath>

#include "common/base/text.h"
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/hash_edit.h"

namespace holdfast::node {

void expire_named_fields(Call& call, const Dict::Place& place, const FieldWords& fields) {
  if (!call.keys.removes_expired()) return;
  const int64_t before = call.keys.hidden_before_ms();
  call.keys.expire_elements(call.db(), place, [&](Object& object) {
    auto& hash = static_cast<HashObject&>(object);
    std::vector<std::string> gone;
    for (size_t i = 0; i < fields.count; ++i) {
      const std::string_view field = fields.at(call, i);
      if (hash.contains(field) && !hash.contains(field, before) && hash.erase(field)) gone.emplace_back(field);
    }
    return gone;
  });
}

namespace handlers {
namespace {

// Sets the pairs from args[2] on; the fields that are new, or nothing when an error has been answered.
std::optional<int64_t> set_pairs(Call& call) {
  if (call.argc() % 2 != 0) {
    call.reply.error(fmt::format("ERR wrong number of arguments for '{}' command", call.command.name));
    return std::nullopt;
  }
  const EncodingLimits& limits = call.node.config().encodings;
  const size_t pairs = call.argc() / 2 - 1;
  const std::string_view key = call.args[1];
  int64_t added = 0;
  const auto edited = edit_hash(call, key, {.count = pairs, .step = 2}, IfAbsent::create, [&](HashObject& hash) {
    // Hidden fields that could not be deleted count as new ones.
    const int64_t before = call.keys.hidden_before_ms();
    const bool some_hidden = hash.next_expiry_ms() != HashObject::kNoExpiry && hash.next_expiry_ms() < before;
    for (size_t i = 2; i < call.argc(); i += 2) {
      const bool hidden = some_hidden && !hash.contains(call.args[i], before);
      added += static_cast<int64_t>(hash.set(call.args[i], call.args[i + 1], limits) || hidden);
    }
    return pairs;
  });
  if (!edited) return std::nullopt;
  notify_edit(call, edited, kNotifyHash, "hset", key);
  return added;
}

// Any change of one field; `find` gets the present value (nothing: no such field) and says the new one (nothing: none,
// and it has answered).
template <class Next>
void change_field(Call& call, std::string_view event, Next&& next) {
  const std::string_view key = call.args[1], field = call.args[2];
  const auto edited = edit_hash(call, key, {}, IfAbsent::create, [&](HashObject& hash) -> size_t {
    HashObject::Scratch scratch;
    const auto present = hash.find(field, scratch, call.keys.hidden_before_ms());
    const int64_t expires_ms = present ? present->expires_ms : HashObject::kNoExpiry;
    const std::optional<std::string> value = next(present);
    if (!value) return 0;
    hash.set(field, *value, call.node.config().encodings, expires_ms);
    return 1;
  });
  notify_edit(call, edited, kNotifyHash, event, key);
}

}  // namespace

void hset(Call& call) {
  if (const auto added = set_pairs(call)) call.reply.integer(*added);
}

void hmset(Call& call) {
  if (set_pairs(call)) call.reply.ok();
}

void hsetnx(Call& call) {
  const EncodingLimits& limits = call.node.config().encodings;
  const std::string_view key = call.args[1], field = call.args[2];
  const auto edited = edit_hash(call, key, {}, IfAbsent::create, [&](HashObject& hash) -> size_t {
    hash.convert_for(field, limits);
    hash.convert_for(call.args[3], limits);
    if (hash.contains(field, call.keys.hidden_before_ms())) return 0;
    hash.set(field, call.args[3], limits);
    return 1;
  });
  if (!edited) return;
  notify_edit(call, edited, kNotifyHash, "hset", key);
  call.reply.integer(static_cast<int64_t>(edited.changes));
}

void hget(Call& call) {
  const auto found = read_object<HashObject>(call, call.args[1]);
  if (found.wrong) return;
  HashObject::Scratch scratch;
  const auto value = found.object == nullptr
                         ? std::nullopt
                         : found.object->get(call.args[2], scratch, call.keys.hidden_before_ms());
  value ? call.reply.bulk(*value) : call.reply.null();
}

void hmget(Call& call) {
  const auto found = read_object<HashObject>(call, call.args[1]);
  if (found.wrong) return;
  call.reply.array(call.argc() - 2);
  HashObject::Scratch scratch;
  for (const std::string_view field : call.args.subspan(2)) {
    const auto value =
        found.object == nullptr ? std::nullopt : found.object->get(field, scratch, call.keys.hidden_before_ms());
    value ? call.reply.bulk(*value) : call.reply.null();
  }
}

void hdel(Call& call) {
  const std::string_view key = call.args[1];
  size_t visible = 0;
  const auto edited = edit_hash(call, key, {.count = call.argc() - 2}, IfAbsent::leave, [&](HashObject& hash) {
    size_t gone = 0;
    for (const std::string_view field : call.args.subspan(2)) {
      const bool shown = hash.contains(field, call.keys.hidden_before_ms());
      if (!hash.erase(field)) continue;
      ++gone;
      visible += shown;
    }
    return gone;
  });
  if (!edited) return;
  notify_edit(call, edited, kNotifyHash, "hdel", key);
  call.reply.integer(static_cast<int64_t>(visible));
}

void hlen(Call& call) {
  const auto found = read_object<HashObject>(call, call.args[1]);
  if (found.wrong) return;
  const size_t count = found.object == nullptr ? 0 : found.object->visible(call.keys.hidden_before_ms());
  call.reply.integer(static_cast<int64_t>(count));
}

void hstrlen(Call& call) {
  const auto found = read_object<HashObject>(call, call.args[1]);
  if (found.wrong) return;
  HashObject::Scratch scratch;
  const auto value = found.object == nullptr
                         ? std::nullopt
                         : found.object->get(call.args[2], scratch, call.keys.hidden_before_ms());
  call.reply.integer(value ? static_cast<int64_t>(value->size()) : 0);
}

void hexists(Call& call) {
  const auto found = read_object<HashObject>(call, call.args[1]);
  if (found.wrong) return;
  const bool there = found.object != nullptr && found.object->contains(call.args[2], call.keys.hidden_before_ms());
  call.reply.integer(there ? 1 : 0);
}

void hincrby(Call& call) {
  const auto increment = read_integer(call, call.args[3]);
  if (!increment) return;
  change_field(call, "hincrby", [&](const std::optional<HashObject::Field>& present) -> std::optional<std::string> {
    const auto number = present ? parse_int64(present->value) : 0;
    int64_t sum = 0;
    if (!number) {
      call.reply.error("ERR hash value is not an integer");
    } else if (__builtin_add_overflow(*number, *increment, &sum)) {
      call.reply.error("ERR increment or decrement would overflow");
    } else {
      call.reply.integer(sum);
      return fmt::format_int(sum).str();
    }
    return std::nullopt;
  });
}

void hincrbyfloat(Call& call) {
  const auto increment = parse_long_double(call.args[3]);
  if (!increment) return call.reply.error(kNotFloat);
  if (std::isnan(*increment) || std::isinf(*increment)) return call.reply.error("ERR value is NaN or Infinity");
  const std::string_view key = call.args[1], field = call.args[2];
  using Present = std::optional<HashObject::Field>;
  change_field(call, "hincrbyfloat", [&](const Present& present) -> std::optional<std::string> {
    const auto number = present ? parse_long_double(present->value) : 0.0L;
    if (!number) {
      call.reply.error("ERR hash value is not a float");
      return std::nullopt;
    }
    const long double sum = *number + *increment;
    if (std::isnan(sum) || std::isinf(sum)) {
      call.reply.error("ERR increment would produce NaN or Infinity");
      return std::nullopt;
    }
    std::string text = format_long_double(sum);
    call.reply.bulk(text);
    // The result, not the sum: replicas must not depend on the arithmetic of their machine.
    if (present && present->expires_ms != HashObject::kNoExpiry) {
      call.rewrite({"HSETEX", key, "KEEPTTL", "FIELDS", "1", field, text});
    } else {
      call.rewrite({"HSET", key, field, text});
    }
    return text;
  });
}

}  // namespace handlers
}  // namespace holdfast::node
