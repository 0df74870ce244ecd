// Fields read or written together with their expiries: HGETDEL, HGETEX, HSETEX.
#include <string>

#include "common/base/text.h"
#include "node/commands/handlers.h"
#include "node/commands/hash_expiry.h"

namespace holdfast::node::handlers {
namespace {

constexpr FieldsClause kErrors{.bad_count = "ERR invalid number of fields", .misfit = "ERR wrong number of arguments"};

// What stands in front of FIELDS in HGETEX and HSETEX.
struct Options {
  std::optional<ExpiryUnit> unit;
  std::string_view time;
  bool keep = false;  // PERSIST, KEEPTTL
  bool fnx = false, fxx = false;
  int64_t expires_ms = HashObject::kNoExpiry;
  FieldWords fields;
};

std::optional<ExpiryUnit> read_unit(std::string_view word) {
  if (iequals(word, "EX")) return ExpiryUnit::ex;
  if (iequals(word, "PX")) return ExpiryUnit::px;
  if (iequals(word, "EXAT")) return ExpiryUnit::exat;
  if (iequals(word, "PXAT")) return ExpiryUnit::pxat;
  return std::nullopt;
}

// `keep_word` is the word that stands for no time. False when answered.
bool read_options(Call& call, std::string_view keep_word, bool conditions, size_t step, Options& options) {
  size_t at = 2;
  for (; at < call.argc() && !iequals(call.args[at], "FIELDS"); ++at) {
    const std::string_view word = call.args[at];
    const auto unit = read_unit(word);
    if (unit || iequals(word, keep_word)) {
      if (options.unit || options.keep) {
        call.reply.error(
            fmt::format("ERR Only one of EX, PX, EXAT, PXAT or {} arguments can be specified", keep_word));
        return false;
      }
      options.unit = unit;
      options.keep = !unit;
      if (unit && at + 1 == call.argc()) {
        call.reply.error("ERR missing expire time");
        return false;
      }
      if (unit) options.time = call.args[++at];
    } else if (conditions && (iequals(word, "FNX") || iequals(word, "FXX"))) {
      if (options.fnx || options.fxx) {
        call.reply.error("ERR Only one of FXX or FNX arguments can be specified");
        return false;
      }
      (iequals(word, "FNX") ? options.fnx : options.fxx) = true;
    } else {
      call.reply.error(fmt::format("ERR unknown argument: {}", word));
      return false;
    }
  }
  if (at >= call.argc()) {
    call.reply.error("ERR missing FIELDS argument");
    return false;
  }
  const auto fields = read_fields(call, at, step, kErrors);
  if (!fields) return false;
  options.fields = *fields;
  if (!options.unit) return true;
  const auto expires_ms = read_field_expiry(call, options.time, *options.unit);
  if (expires_ms) options.expires_ms = *expires_ms;
  return expires_ms.has_value();
}

void reply_nulls(Call& call, size_t count) {
  call.reply.array(count);
  for (size_t i = 0; i < count; ++i) call.reply.null();
}

}  // namespace

void hgetdel(Call& call) {
  const std::string_view key = call.args[1];
  const auto fields = read_fields(call, 2, 1);
  if (!fields) return;
  FieldChanges changes;
  bool answered = false;
  const auto edited = edit_hash(call, key, *fields, IfAbsent::leave, [&](HashObject& hash) {
    answered = true;
    call.reply.array(fields->count);
    HashObject::Scratch scratch;
    for (size_t i = 0; i < fields->count; ++i) {
      const std::string_view field = fields->at(call, i);
      const auto value = hash.get(field, scratch, call.keys.hidden_before_ms());
      value ? call.reply.bulk(*value) : call.reply.null();
      if (value && hash.erase(field)) changes.deleted.push_back(field);
    }
    return changes.count();
  });
  if (!edited) return;
  if (!answered) reply_nulls(call, fields->count);
  tell(call, key, changes, edited);
}

void hgetex(Call& call) {
  const std::string_view key = call.args[1];
  Options options;
  if (!read_options(call, "PERSIST", false, 1, options)) return;
  const bool over = options.unit && already_expired(call, options.expires_ms);
  FieldChanges changes{.expires_ms = options.expires_ms};
  bool answered = false;
  const auto edited = edit_hash(call, key, options.fields, IfAbsent::leave, [&](HashObject& hash) {
    answered = true;
    call.reply.array(options.fields.count);
    HashObject::Scratch scratch;
    for (size_t i = 0; i < options.fields.count; ++i) {
      const std::string_view field = options.fields.at(call, i);
      const auto present = hash.find(field, scratch, call.keys.hidden_before_ms());
      if (!present) {
        call.reply.null();
        continue;
      }
      call.reply.bulk(present->value);
      if (over) {
        hash.erase(field);
        changes.deleted.push_back(field);
      } else if (options.unit) {
        hash.set_expiry(field, options.expires_ms);
        changes.expiring.push_back(field);
      } else if (options.keep && present->expires_ms != HashObject::kNoExpiry) {
        hash.set_expiry(field, HashObject::kNoExpiry);
        changes.persisted.push_back(field);
      }
    }
    return changes.count();
  });
  if (!edited) return;
  if (!answered) reply_nulls(call, options.fields.count);
  tell(call, key, changes, edited);
}

namespace {

// Sets the fields, and deletes them again where their time has passed already; the number of changes, 0 where the
// condition does not hold.
size_t set_fields(Call& call, const Options& options, bool over, HashObject& hash) {
  const int64_t before = call.keys.hidden_before_ms();
  for (size_t i = 0; i < options.fields.count && (options.fnx || options.fxx); ++i) {
    if (hash.contains(options.fields.at(call, i), before) == options.fnx) return 0;
  }
  HashObject::Scratch scratch;
  for (size_t i = 0; i < options.fields.count; ++i) {
    const std::string_view field = options.fields.at(call, i);
    const std::string_view value = call.args[options.fields.first + i * 2 + 1];
    int64_t expires_ms = options.expires_ms;
    if (options.keep) {
      const auto present = hash.find(field, scratch, before);
      expires_ms = present ? present->expires_ms : HashObject::kNoExpiry;
    }
    if (over) {
      hash.erase(field);
    } else {
      hash.set(field, value, call.node.config().encodings, expires_ms);
    }
  }
  return options.fields.count;
}

// As the replicas get it: without condition, the time absolute.
void tell_set(Call& call, std::string_view key, const Options& options, bool over) {
  std::vector<std::string> words{over ? "HDEL" : "HSETEX", std::string(key)};
  if (!over) {
    if (options.keep) words.emplace_back("KEEPTTL");
    if (options.unit) words.insert(words.end(), {"PXAT", fmt::format_int(options.expires_ms).str()});
    words.insert(words.end(), {"FIELDS", fmt::format_int(options.fields.count).str()});
  }
  for (size_t i = 0; i < options.fields.count; ++i) {
    words.emplace_back(options.fields.at(call, i));
    if (!over) words.emplace_back(call.args[options.fields.first + i * 2 + 1]);
  }
  call.rewrite(std::move(words));
}

}  // namespace

void hsetex(Call& call) {
  const std::string_view key = call.args[1];
  Options options;
  if (!read_options(call, "KEEPTTL", true, 2, options)) return;
  const bool over = options.unit && already_expired(call, options.expires_ms);
  bool held = false;
  const auto edited = edit_hash(call, key, options.fields, IfAbsent::create, [&](HashObject& hash) {
    const size_t changes = set_fields(call, options, over, hash);
    held = changes > 0;
    return changes;
  });
  if (!edited) return;
  if (edited.changes > 0) {
    tell_set(call, key, options, over);
    call.notify(kNotifyHash, "hset", key);
    if (options.unit) call.notify(kNotifyHash, over ? "hdel" : "hexpire", key);
    if (edited.gone) call.notify(kNotifyGeneric, "del", key);
  }
  call.reply.integer(held ? 1 : 0);
}

}  // namespace holdfast::node::handlers
