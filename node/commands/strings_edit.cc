// Parts of strings and numbers in strings: APPEND, GETRANGE, SETRANGE, INCR and its relatives, LCS.
#include <cmath>
#include <limits>

#include "common/base/text.h"
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"
#include "node/types/string_lcs.h"

namespace holdfast::node::handlers {
namespace {

// False (and answered) when a string of this size would pass proto-max-bulk-len.
bool size_allowed(Call& call, uint64_t offset, uint64_t more) {
  const auto most = static_cast<uint64_t>(call.node.config().max_bulk_bytes);
  if (offset <= most && more <= most - offset) return true;
  call.reply.error("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  return false;
}

size_t length_of(const Entry& entry) {
  Value::Scratch scratch;
  return entry.value().bytes(scratch).size();
}

}  // namespace

void append(Call& call) {
  const std::string_view key = call.args[1];
  const std::string_view more = call.args[2];
  const Entry* entry = call.keys.find(call.db(), key);
  if (!string_or_none(call, entry)) return;
  if (entry == nullptr) {
    call.keys.set(call.db(), key, Value::borrowed_string(more));
    call.notify(kNotifyString, "append", key);
    return call.reply.integer(static_cast<int64_t>(more.size()));
  }
  if (!size_allowed(call, length_of(*entry), more.size())) return;
  const size_t length = call.keys.change_bytes(call.db(), *entry, [&](std::string& bytes) { bytes += more; });
  call.notify(kNotifyString, "append", key);
  call.reply.integer(static_cast<int64_t>(length));
}

void strlen(Call& call) {
  const Entry* entry = call.keys.read(call.db(), call.args[1]);
  if (!string_or_none(call, entry)) return;
  call.reply.integer(entry == nullptr ? 0 : static_cast<int64_t>(length_of(*entry)));
}

void getrange(Call& call) {
  const auto first = read_integer(call, call.args[2]);
  if (!first) return;
  const auto last = read_integer(call, call.args[3]);
  if (!last) return;
  const Entry* entry = call.keys.read(call.db(), call.args[1]);
  if (!string_or_none(call, entry)) return;
  if (entry == nullptr) return call.reply.bulk("");
  Value::Scratch scratch;
  const std::string_view bytes = entry->value().bytes(scratch);
  const auto length = static_cast<int64_t>(bytes.size());
  if (*first < 0 && *last < 0 && *first > *last) return call.reply.bulk("");
  const int64_t from = std::max<int64_t>(*first < 0 ? length + *first : *first, 0);
  const int64_t to = std::min(std::max<int64_t>(*last < 0 ? length + *last : *last, 0), length - 1);
  if (from > to || length == 0) return call.reply.bulk("");
  call.reply.bulk(bytes.substr(static_cast<size_t>(from), static_cast<size_t>(to - from + 1)));
}

void setrange(Call& call) {
  const std::string_view key = call.args[1];
  const std::string_view patch = call.args[3];
  const auto offset = read_integer(call, call.args[2]);
  if (!offset) return;
  if (*offset < 0) return call.reply.error("ERR offset is out of range");
  const Entry* entry = call.keys.find(call.db(), key);
  if (!string_or_none(call, entry)) return;
  if (patch.empty()) return call.reply.integer(entry == nullptr ? 0 : static_cast<int64_t>(length_of(*entry)));
  if (!size_allowed(call, static_cast<uint64_t>(*offset), patch.size())) return;
  const size_t end = static_cast<size_t>(*offset) + patch.size();
  if (entry == nullptr) {
    Value value = Value::raw_string(std::string(end, '\0'));
    value.mutable_bytes().replace(static_cast<size_t>(*offset), patch.size(), patch);
    call.keys.set(call.db(), key, std::move(value));
    call.notify(kNotifyString, "setrange", key);
    return call.reply.integer(static_cast<int64_t>(end));
  }
  const size_t length = call.keys.change_bytes(call.db(), *entry, [&](std::string& bytes) {
    if (bytes.size() < end) bytes.resize(end, '\0');
    bytes.replace(static_cast<size_t>(*offset), patch.size(), patch);
  });
  call.notify(kNotifyString, "setrange", key);
  call.reply.integer(static_cast<int64_t>(length));
}

namespace {

void add(Call& call, int64_t increment) {
  const std::string_view key = call.args[1];
  const Entry* entry = call.keys.find(call.db(), key);
  if (!string_or_none(call, entry)) return;
  int64_t number = 0;
  if (entry != nullptr) {
    if (entry->value().is_integer()) {
      number = entry->value().integer_value();
    } else {
      Value::Scratch scratch;
      const auto parsed = read_integer(call, entry->value().bytes(scratch));
      if (!parsed) return;
      number = *parsed;
    }
  }
  if (__builtin_add_overflow(number, increment, &number)) {
    return call.reply.error("ERR increment or decrement would overflow");
  }
  if (entry == nullptr) {
    call.keys.set(call.db(), key, Value::integer(number));
  } else {
    call.keys.replace(call.db(), *entry, Value::integer(number));
  }
  call.notify(kNotifyString, "incrby", key);
  call.reply.integer(number);
}

}  // namespace

void incr(Call& call) { add(call, 1); }

void decr(Call& call) { add(call, -1); }

void incrby(Call& call) {
  if (const auto by = read_integer(call, call.args[2])) add(call, *by);
}

void decrby(Call& call) {
  const auto by = read_integer(call, call.args[2]);
  if (!by) return;
  if (*by == std::numeric_limits<int64_t>::min()) return call.reply.error("ERR decrement would overflow");
  add(call, -*by);
}

void incrbyfloat(Call& call) {
  const std::string_view key = call.args[1];
  const Entry* entry = call.keys.find(call.db(), key);
  if (!string_or_none(call, entry)) return;
  long double number = 0;
  if (entry != nullptr) {
    Value::Scratch scratch;
    const auto parsed = parse_long_double(entry->value().bytes(scratch));
    if (!parsed) return call.reply.error(kNotFloat);
    number = *parsed;
  }
  const auto increment = parse_long_double(call.args[2]);
  if (!increment) return call.reply.error(kNotFloat);
  number += *increment;
  if (std::isnan(number) || std::isinf(number)) {
    return call.reply.error("ERR increment would produce NaN or Infinity");
  }
  const std::string text = format_long_double(number);
  if (entry == nullptr) {
    call.keys.set(call.db(), key, Value::raw_string(text));
  } else {
    call.keys.replace(call.db(), *entry, Value::raw_string(text));
  }
  call.notify(kNotifyString, "incrbyfloat", key);
  call.reply.bulk(text);
  // The result, not the sum: replicas must not depend on the arithmetic of their machine.
  call.rewrite({"SET", key, text, "KEEPTTL"});
}

namespace {

struct LcsOptions {
  bool length = false, positions = false, with_lengths = false;
  int64_t shortest = 0;
};

// False when answered.
bool parse_lcs(Call& call, LcsOptions& options) {
  for (size_t i = 3; i < call.argc(); ++i) {
    const std::string_view word = call.args[i];
    if (iequals(word, "IDX")) {
      options.positions = true;
    } else if (iequals(word, "LEN")) {
      options.length = true;
    } else if (iequals(word, "WITHMATCHLEN")) {
      options.with_lengths = true;
    } else if (iequals(word, "MINMATCHLEN") && i + 1 < call.argc()) {
      const auto shortest = read_integer(call, call.args[++i]);
      if (!shortest) return false;
      options.shortest = std::max<int64_t>(*shortest, 0);
    } else {
      call.reply.error(kSyntaxError);
      return false;
    }
  }
  if (!options.positions || !options.length) return true;
  call.reply.error("ERR If you want both the length and indexes, please just use IDX.");
  return false;
}

void reply_matches(Call& call, const LcsResult& result, const LcsOptions& options) {
  call.reply.map(2);
  call.reply.bulk("matches");
  const size_t mark = call.reply.begin_deferred();
  size_t count = 0;
  for (const LcsMatch& match : result.matches) {
    if (match.length() < options.shortest) continue;
    ++count;
    call.reply.array(options.with_lengths ? 3 : 2);
    call.reply.array(2);
    call.reply.integer(match.a_first);
    call.reply.integer(match.a_last);
    call.reply.array(2);
    call.reply.integer(match.b_first);
    call.reply.integer(match.b_last);
    if (options.with_lengths) call.reply.integer(match.length());
  }
  call.reply.end_deferred_array(mark, count);
  call.reply.bulk("len");
  call.reply.integer(result.length);
}

}  // namespace

void lcs(Call& call) {
  const Entry* a = call.keys.read(call.db(), call.args[1]);
  const Entry* b = call.keys.read(call.db(), call.args[2]);
  for (const Entry* entry : {a, b}) {
    if (entry != nullptr && entry->value().type() != ValueType::string) {
      return call.reply.error("ERR The specified keys must contain string values");
    }
  }
  LcsOptions options;
  if (!parse_lcs(call, options)) return;
  Value::Scratch scratch_a, scratch_b;
  const std::string_view text_a = a == nullptr ? std::string_view() : a->value().bytes(scratch_a);
  const std::string_view text_b = b == nullptr ? std::string_view() : b->value().bytes(scratch_b);
  const auto table_bytes = static_cast<unsigned __int128>(text_a.size() + 1) * (text_b.size() + 1) * 4;
  if (text_a.size() >= UINT32_MAX - 1 || text_b.size() >= UINT32_MAX - 1) {
    return call.reply.error("ERR String too long for LCS");
  }
  if (table_bytes > static_cast<uint64_t>(call.node.config().max_bulk_bytes)) {
    return call.reply.error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
  }
  LcsResult result;
  if (!longest_common_subsequence(text_a, text_b, result)) {
    return call.reply.error("ERR Insufficient memory, failed allocating transient memory for LCS");
  }
  if (options.positions) return reply_matches(call, result, options);
  if (options.length) return call.reply.integer(result.length);
  call.reply.bulk(result.text);
}

}  // namespace holdfast::node::handlers
