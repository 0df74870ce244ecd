// BITFIELD and BITFIELD_RO: integers of any width inside a string.
#include <vector>

#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"
#include "node/types/string_bits.h"

namespace holdfast::node::handlers {
namespace {

struct FieldOperation {
  enum class Kind : uint8_t { get, set, increment } kind;
  BitFieldType type;
  uint64_t offset;
  int64_t value;
  BitOverflow overflow;
};

std::optional<BitFieldType> read_type(Call& call, std::string_view text) {
  const bool is_signed = !text.empty() && text[0] == 'i';
  const bool is_unsigned = !text.empty() && text[0] == 'u';
  const auto bits = text.empty() ? std::nullopt : parse_int64(text.substr(1));
  if ((!is_signed && !is_unsigned) || !bits || *bits < 1 || *bits > (is_signed ? 64 : 63)) {
    call.reply.error(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.");
    return std::nullopt;
  }
  return BitFieldType{is_signed, static_cast<unsigned>(*bits)};
}

// An offset in bits, or "#n": the n-th field of this width.
std::optional<uint64_t> read_offset(Call& call, std::string_view text, BitFieldType type) {
  const bool counted = !text.empty() && text[0] == '#';
  const auto number = parse_int64(counted ? text.substr(1) : text);
  if (number && *number >= 0) {
    const auto offset = static_cast<unsigned __int128>(*number) * (counted ? type.bits : 1);
    if ((offset >> 3) < static_cast<uint64_t>(call.node.config().max_bulk_bytes)) return static_cast<uint64_t>(offset);
  }
  call.reply.error("ERR bit offset is not an integer or out of range");
  return std::nullopt;
}

// False when answered.
bool parse_operations(Call& call, std::vector<FieldOperation>& operations) {
  BitOverflow overflow = BitOverflow::wrap;
  for (size_t i = 2; i < call.argc();) {
    const std::string_view word = call.args[i];
    const size_t left = call.argc() - i - 1;
    if (iequals(word, "OVERFLOW") && left >= 1) {
      const std::string_view rule = call.args[i + 1];
      if (iequals(rule, "WRAP")) {
        overflow = BitOverflow::wrap;
      } else if (iequals(rule, "SAT")) {
        overflow = BitOverflow::saturate;
      } else if (iequals(rule, "FAIL")) {
        overflow = BitOverflow::fail;
      } else {
        call.reply.error("ERR Invalid OVERFLOW type specified");
        return false;
      }
      i += 2;
      continue;
    }
    FieldOperation operation{};
    if (iequals(word, "GET") && left >= 2) {
      operation.kind = FieldOperation::Kind::get;
    } else if (iequals(word, "SET") && left >= 3) {
      operation.kind = FieldOperation::Kind::set;
    } else if (iequals(word, "INCRBY") && left >= 3) {
      operation.kind = FieldOperation::Kind::increment;
    } else {
      call.reply.error(kSyntaxError);
      return false;
    }
    const auto type = read_type(call, call.args[i + 1]);
    if (!type) return false;
    const auto offset = read_offset(call, call.args[i + 2], *type);
    if (!offset) return false;
    operation.type = *type;
    operation.offset = *offset;
    operation.overflow = overflow;
    i += 3;
    if (operation.kind != FieldOperation::Kind::get) {
      const auto value = read_integer(call, call.args[i++]);
      if (!value) return false;
      operation.value = *value;
    }
    operations.push_back(operation);
  }
  return true;
}

// Replies with the operation's result; true when `bytes` has changed.
bool apply(Call& call, const FieldOperation& operation, std::string& bytes) {
  const int64_t old = bit_field(bytes, operation.offset, operation.type);
  if (operation.kind == FieldOperation::Kind::get) {
    call.reply.integer(old);
    return false;
  }
  const bool set = operation.kind == FieldOperation::Kind::set;
  const auto result = set ? add_bit_field(operation.type, operation.value, 0, operation.overflow)
                          : add_bit_field(operation.type, old, operation.value, operation.overflow);
  if (!result) {
    call.reply.null();
    return false;
  }
  call.reply.integer(set ? old : *result);
  set_bit_field(bytes, operation.offset, operation.type, *result);
  return *result != old;
}

void bitfield_generic(Call& call, bool read_only) {
  std::vector<FieldOperation> operations;
  if (!parse_operations(call, operations)) return;
  uint64_t end = 0;  // bytes needed by the writes
  for (const auto& operation : operations) {
    if (operation.kind == FieldOperation::Kind::get) continue;
    end = std::max(end, (operation.offset + operation.type.bits - 1) / 8 + 1);
  }
  const bool writes = end > 0;
  if (writes && read_only) return call.reply.error("ERR BITFIELD_RO only supports the GET subcommand");
  const Entry* entry = writes ? call.keys.find(call.db(), call.args[1]) : call.keys.read(call.db(), call.args[1]);
  if (!string_or_none(call, entry)) return;
  Value::Scratch scratch;
  std::string bytes(entry == nullptr ? std::string_view() : entry->value().bytes(scratch));
  const bool grows = writes && bytes.size() < end;
  if (grows) bytes.resize(end, '\0');
  call.reply.array(operations.size());
  int64_t changes = 0;
  for (const auto& operation : operations) changes += apply(call, operation, bytes) ? 1 : 0;
  if (changes == 0 && !grows) {
    if (writes && entry != nullptr) call.keys.make_raw(call.db(), *entry);
    return;
  }
  if (entry == nullptr) {
    Value value = Value::raw_string(std::move(bytes));
    value.mutable_bytes();
    call.keys.set(call.db(), call.args[1], std::move(value));
  } else {
    call.keys.change_bytes(call.db(), *entry, [&](std::string& text) { text = std::move(bytes); });
  }
  call.notify(kNotifyString, "setbit", call.args[1]);
  if (changes > 1) call.keys.add_dirty(changes - 1);
}

}  // namespace

void bitfield(Call& call) { bitfield_generic(call, false); }

void bitfield_ro(Call& call) { bitfield_generic(call, true); }

}  // namespace holdfast::node::handlers
