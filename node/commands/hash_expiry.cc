// Expiries of hash fields: HEXPIRE, HPEXPIRE, HEXPIREAT, HPEXPIREAT, HTTL, HPTTL, HEXPIRETIME, HPEXPIRETIME, HPERSIST.
#include "node/commands/hash_expiry.h"

#include "common/base/text.h"
#include "node/commands/handlers.h"

namespace holdfast::node {

std::optional<int64_t> read_field_expiry(Call& call, std::string_view text, ExpiryUnit unit) {
  constexpr int64_t kMost = (int64_t{1} << 46) - 1;
  const auto given = read_integer_in(call, text, INT64_MIN, INT64_MAX, kNotInteger);
  if (!given) return std::nullopt;
  if (*given < 0) {
    call.reply.error("ERR invalid expire time, must be >= 0");
    return std::nullopt;
  }
  const bool seconds = unit == ExpiryUnit::ex || unit == ExpiryUnit::exat;
  const bool relative = unit == ExpiryUnit::ex || unit == ExpiryUnit::px;
  const int64_t base = relative ? call.now_ms() : 0;
  if (*given <= (seconds ? kMost / 1000 : kMost)) {
    const int64_t milliseconds = seconds ? *given * 1000 : *given;
    if (milliseconds <= kMost - base) return base + milliseconds;
  }
  call.reply.error(fmt::format("ERR invalid expire time in '{}' command", call.command.name));
  return std::nullopt;
}

std::optional<FieldWords> read_fields(Call& call, size_t at, size_t step, const FieldsClause& errors) {
  if (at + 1 >= call.argc() || !iequals(call.args[at], "FIELDS")) {
    call.reply.error("ERR Mandatory argument FIELDS is missing or not at the right position");
    return std::nullopt;
  }
  const auto count = read_integer_in(call, call.args[at + 1], 1, INT32_MAX, errors.bad_count);
  if (!count) return std::nullopt;
  if (static_cast<size_t>(*count) * step != call.argc() - at - 2) {
    call.reply.error(errors.misfit);
    return std::nullopt;
  }
  return FieldWords{.first = at + 2, .count = static_cast<size_t>(*count), .step = step};
}

void tell(Call& call, std::string_view key, const FieldChanges& changes, const Edited& edited) {
  call.no_propagation();
  if (changes.count() == 0) return;
  const auto push = [&](std::vector<std::string_view> words, const std::vector<std::string_view>& fields, bool counted) {
    if (fields.empty()) return;
    const std::string count = fmt::format_int(fields.size()).str();
    if (counted) words.insert(words.end(), {"FIELDS", count});
    words.insert(words.end(), fields.begin(), fields.end());
    call.node.effects().push(call.db(), words);
  };
  const std::string time = fmt::format_int(changes.expires_ms).str();
  push({"HPEXPIREAT", key, time}, changes.expiring, true);
  push({"HPERSIST", key}, changes.persisted, true);
  push({"HDEL", key}, changes.deleted, false);
  if (!changes.expiring.empty()) call.notify(kNotifyHash, "hexpire", key);
  if (!changes.persisted.empty()) call.notify(kNotifyHash, "hpersist", key);
  if (!changes.deleted.empty()) call.notify(kNotifyHash, "hdel", key);
  if (edited.gone) call.notify(kNotifyGeneric, "del", key);
}

namespace handlers {
namespace {

constexpr int64_t kNoField = -2, kNotSet = 0, kSet = 1, kDeleted = 2, kWithout = -1;

enum class Condition : uint8_t { none, nx, xx, gt, lt };

std::optional<Condition> read_condition(std::string_view word) {
  if (iequals(word, "NX")) return Condition::nx;
  if (iequals(word, "XX")) return Condition::xx;
  if (iequals(word, "GT")) return Condition::gt;
  if (iequals(word, "LT")) return Condition::lt;
  return std::nullopt;
}

// A field without an expiry counts as one that never expires.
bool holds(Condition condition, int64_t present_ms, int64_t wanted_ms) {
  const bool has = present_ms != HashObject::kNoExpiry;
  switch (condition) {
    case Condition::nx: return !has;
    case Condition::xx: return has;
    case Condition::gt: return has && wanted_ms > present_ms;
    case Condition::lt: return !has || wanted_ms < present_ms;
    default: return true;
  }
}

void reply_all(Call& call, size_t count, int64_t code) {
  call.reply.array(count);
  for (size_t i = 0; i < count; ++i) call.reply.integer(code);
}

void expire_fields(Call& call, ExpiryUnit unit) {
  const std::string_view key = call.args[1];
  const auto expires_ms = read_field_expiry(call, call.args[2], unit);
  if (!expires_ms) return;
  const auto condition = read_condition(call.args[3]);
  const auto fields = read_fields(call, condition ? 4 : 3, 1,
                                  {.bad_count = "ERR Parameter `numFields` should be greater than 0"});
  if (!fields) return;
  const bool over = already_expired(call, *expires_ms);
  FieldChanges changes{.expires_ms = *expires_ms};
  std::vector<int64_t> codes(fields->count, kNoField);
  const auto edited = edit_hash(call, key, *fields, IfAbsent::leave, [&](HashObject& hash) {
    HashObject::Scratch scratch;
    for (size_t i = 0; i < fields->count; ++i) {
      const std::string_view field = fields->at(call, i);
      const auto present = hash.find(field, scratch, call.keys.hidden_before_ms());
      if (!present) continue;
      if (!holds(condition.value_or(Condition::none), present->expires_ms, *expires_ms)) {
        codes[i] = kNotSet;
      } else if (over) {
        hash.erase(field);
        changes.deleted.push_back(field);
        codes[i] = kDeleted;
      } else {
        hash.set_expiry(field, *expires_ms);
        changes.expiring.push_back(field);
        codes[i] = kSet;
      }
    }
    return changes.count();
  });
  if (!edited) return;
  tell(call, key, changes, edited);
  call.reply.array(codes.size());
  for (const int64_t code : codes) call.reply.integer(code);
}

// `shown` makes a field's expiry what is answered.
template <class Shown>
void show_expiries(Call& call, Shown&& shown) {
  const auto fields = read_fields(call, 2, 1);
  if (!fields) return;
  const auto found = read_object<HashObject>(call, call.args[1]);
  if (found.wrong) return;
  if (found.object == nullptr) return reply_all(call, fields->count, kNoField);
  call.reply.array(fields->count);
  HashObject::Scratch scratch;
  for (size_t i = 0; i < fields->count; ++i) {
    const auto present = found.object->find(fields->at(call, i), scratch, call.keys.hidden_before_ms());
    if (!present) {
      call.reply.integer(kNoField);
    } else {
      call.reply.integer(present->expires_ms == HashObject::kNoExpiry ? kWithout : shown(present->expires_ms));
    }
  }
}

}  // namespace

void hexpire(Call& call) { expire_fields(call, ExpiryUnit::ex); }
void hpexpire(Call& call) { expire_fields(call, ExpiryUnit::px); }
void hexpireat(Call& call) { expire_fields(call, ExpiryUnit::exat); }
void hpexpireat(Call& call) { expire_fields(call, ExpiryUnit::pxat); }

void httl(Call& call) {
  show_expiries(call, [&](int64_t expires_ms) { return (std::max<int64_t>(expires_ms - call.now_ms(), 0) + 999) / 1000; });
}

void hpttl(Call& call) {
  show_expiries(call, [&](int64_t expires_ms) { return std::max<int64_t>(expires_ms - call.now_ms(), 0); });
}

void hexpiretime(Call& call) {
  show_expiries(call, [](int64_t expires_ms) { return (expires_ms + 999) / 1000; });
}

void hpexpiretime(Call& call) {
  show_expiries(call, [](int64_t expires_ms) { return expires_ms; });
}

void hpersist(Call& call) {
  const std::string_view key = call.args[1];
  const auto fields = read_fields(call, 2, 1);
  if (!fields) return;
  FieldChanges changes;
  std::vector<int64_t> codes(fields->count, kNoField);
  const auto edited = edit_hash(call, key, *fields, IfAbsent::leave, [&](HashObject& hash) {
    HashObject::Scratch scratch;
    for (size_t i = 0; i < fields->count; ++i) {
      const std::string_view field = fields->at(call, i);
      const auto present = hash.find(field, scratch, call.keys.hidden_before_ms());
      if (!present) continue;
      codes[i] = present->expires_ms == HashObject::kNoExpiry ? kWithout : kSet;
      if (codes[i] != kSet) continue;
      hash.set_expiry(field, HashObject::kNoExpiry);
      changes.persisted.push_back(field);
    }
    return changes.count();
  });
  if (!edited) return;
  tell(call, key, changes, edited);
  call.reply.array(codes.size());
  for (const int64_t code : codes) call.reply.integer(code);
}

}  // namespace handlers
}  // namespace holdfast::node
