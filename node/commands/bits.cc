// Strings as bit arrays: SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP.
#include "node/types/string_bits.h"

#include <vector>

#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"

namespace holdfast::node::handlers {
namespace {

constexpr std::string_view kBadBitOffset = "ERR bit offset is not an integer or out of range";

std::optional<uint64_t> read_bit_offset(Call& call, std::string_view text) {
  const auto offset = parse_int64(text);
  if (!offset || *offset < 0 || (*offset >> 3) >= call.node.config().max_bulk_bytes) {
    call.reply.error(kBadBitOffset);
    return std::nullopt;
  }
  return static_cast<uint64_t>(*offset);
}

// BYTE or BIT; nothing (and answered) for another word.
std::optional<bool> read_unit_is_bit(Call& call, std::string_view word) {
  if (iequals(word, "BIT")) return true;
  if (iequals(word, "BYTE")) return false;
  call.reply.error(kSyntaxError);
  return std::nullopt;
}

// Redis's rule for ranges: negative positions count from the end, all is clamped. False: the range is empty.
bool clamp_range(int64_t& first, int64_t& last, int64_t length) {
  if (first < 0) first += length;
  if (last < 0) last += length;
  first = std::max<int64_t>(first, 0);
  last = std::min(std::max<int64_t>(last, 0), length - 1);
  return first <= last;
}

}  // namespace

void setbit(Call& call) {
  const auto offset = read_bit_offset(call, call.args[2]);
  if (!offset) return;
  const auto on = read_integer_in(call, call.args[3], 0, 1, "ERR bit is not an integer or out of range");
  if (!on) return;
  const Entry* entry = call.keys.find(call.db(), call.args[1]);
  if (!string_or_none(call, entry)) return;
  if (entry == nullptr) {
    Value value = Value::raw_string({});
    set_bit(value.mutable_bytes(), *offset, *on == 1);
    call.keys.set(call.db(), call.args[1], std::move(value));
    call.notify(kNotifyString, "setbit", call.args[1]);
    return call.reply.integer(0);
  }
  Value::Scratch scratch;
  const std::string_view bytes = entry->value().bytes(scratch);
  const bool old = bit_at(bytes, *offset);
  if (old != (*on == 1) || (*offset >> 3) >= bytes.size()) {
    call.keys.change_bytes(call.db(), *entry, [&](std::string& text) { set_bit(text, *offset, *on == 1); });
    call.notify(kNotifyString, "setbit", call.args[1]);
  } else {
    call.keys.make_raw(call.db(), *entry);
  }
  call.reply.integer(old ? 1 : 0);
}

void getbit(Call& call) {
  const auto offset = read_bit_offset(call, call.args[2]);
  if (!offset) return;
  const Entry* entry = call.keys.read(call.db(), call.args[1]);
  if (!string_or_none(call, entry)) return;
  if (entry == nullptr) return call.reply.integer(0);
  Value::Scratch scratch;
  call.reply.integer(bit_at(entry->value().bytes(scratch), *offset) ? 1 : 0);
}

void bitcount(Call& call) {
  const Entry* entry = call.keys.read(call.db(), call.args[1]);
  if (!string_or_none(call, entry)) return;
  if (entry == nullptr) return call.reply.integer(0);
  Value::Scratch scratch;
  const std::string_view bytes = entry->value().bytes(scratch);
  if (call.argc() == 2) return call.reply.integer(static_cast<int64_t>(count_bits(bytes)));
  if (call.argc() != 4 && call.argc() != 5) return call.reply.error(kSyntaxError);
  const auto start = read_integer(call, call.args[2]);
  if (!start) return;
  const auto end = read_integer(call, call.args[3]);
  if (!end) return;
  int64_t first = *start;
  int64_t last = *end;
  if (first < 0 && last < 0 && first > last) return call.reply.integer(0);
  bool in_bits = false;
  if (call.argc() == 5) {
    const auto unit = read_unit_is_bit(call, call.args[4]);
    if (!unit) return;
    in_bits = *unit;
  }
  if (!clamp_range(first, last, static_cast<int64_t>(bytes.size()) * (in_bits ? 8 : 1))) return call.reply.integer(0);
  if (!in_bits) {
    first *= 8;
    last = last * 8 + 7;
  }
  call.reply.integer(
      static_cast<int64_t>(count_bits(bytes, static_cast<uint64_t>(first), static_cast<uint64_t>(last))));
}

void bitpos(Call& call) {
  const auto wanted = read_integer(call, call.args[2]);
  if (!wanted) return;
  if (*wanted != 0 && *wanted != 1) return call.reply.error("ERR The bit argument must be 1 or 0.");
  const Entry* entry = call.keys.read(call.db(), call.args[1]);
  if (!string_or_none(call, entry)) return;
  if (entry == nullptr) return call.reply.integer(*wanted == 1 ? -1 : 0);
  if (call.argc() > 6) return call.reply.error(kSyntaxError);
  Value::Scratch scratch;
  const std::string_view bytes = entry->value().bytes(scratch);
  int64_t first = 0;
  bool in_bits = false;
  if (call.argc() > 3) {
    const auto start = read_integer(call, call.args[3]);
    if (!start) return;
    first = *start;
  }
  if (call.argc() == 6) {
    const auto unit = read_unit_is_bit(call, call.args[5]);
    if (!unit) return;
    in_bits = *unit;
  }
  const int64_t length = static_cast<int64_t>(bytes.size()) * (in_bits ? 8 : 1);
  int64_t last = length - 1;
  const bool end_given = call.argc() > 4;
  if (end_given) {
    const auto end = read_integer(call, call.args[4]);
    if (!end) return;
    last = *end;
  }
  if (!clamp_range(first, last, length)) return call.reply.integer(-1);
  if (!in_bits) {
    first *= 8;
    last = last * 8 + 7;
  }
  const auto found = find_bit(bytes, *wanted == 1, static_cast<uint64_t>(first), static_cast<uint64_t>(last));
  if (found) return call.reply.integer(static_cast<int64_t>(*found));
  // Behind a string without an end given there are zeros for ever.
  call.reply.integer(*wanted == 0 && !end_given ? static_cast<int64_t>(bytes.size()) * 8 : -1);
}

void bitop(Call& call) {
  const std::string_view name = call.args[1];
  BitOperation operation;
  if (iequals(name, "AND")) {
    operation = BitOperation::op_and;
  } else if (iequals(name, "OR")) {
    operation = BitOperation::op_or;
  } else if (iequals(name, "XOR")) {
    operation = BitOperation::op_xor;
  } else if (iequals(name, "NOT")) {
    operation = BitOperation::op_not;
  } else {
    return call.reply.error(kSyntaxError);
  }
  if (operation == BitOperation::op_not && call.argc() != 4) {
    return call.reply.error("ERR BITOP NOT must be called with a single source key.");
  }
  // Copies, since an integer has its text only in the scratch of its turn.
  std::vector<std::string> texts;
  for (const std::string_view key : call.args.subspan(3)) {
    const Entry* entry = call.keys.read(call.db(), key);
    if (!string_or_none(call, entry)) return;
    Value::Scratch scratch;
    texts.emplace_back(entry == nullptr ? std::string_view() : entry->value().bytes(scratch));
  }
  const std::vector<std::string_view> sources(texts.begin(), texts.end());
  Value result = Value::raw_string(combine_bits(operation, sources));
  const size_t length = result.mutable_bytes().size();
  if (length > 0) {
    call.keys.set(call.db(), call.args[2], std::move(result));
    call.notify(kNotifyString, "set", call.args[2]);
  } else if (call.keys.erase(call.db(), call.args[2], free_mode(call.node.config().lazyfree_server_del))) {
    call.notify(kNotifyGeneric, "del", call.args[2]);
  }
  call.reply.integer(static_cast<int64_t>(length));
}

}  // namespace holdfast::node::handlers
