// Bit arithmetic on strings: what SETBIT, BITCOUNT, BITPOS, BITOP and BITFIELD compute. Bit 0 is the highest of byte 0.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace holdfast::node {

bool bit_at(std::string_view bytes, uint64_t bit);  // false beyond the end
// Grows `bytes` with zeros as needed.
void set_bit(std::string& bytes, uint64_t bit, bool on);
uint64_t count_bits(std::string_view bytes);
// Set bits from `first` to `last`, both inclusive and within `bytes`.
uint64_t count_bits(std::string_view bytes, uint64_t first_bit, uint64_t last_bit);
// The first bit equal to `wanted` from `first` to `last`, both inclusive and within `bytes`.
std::optional<uint64_t> find_bit(std::string_view bytes, bool wanted, uint64_t first_bit, uint64_t last_bit);

enum class BitOperation : uint8_t { op_and, op_or, op_xor, op_not };
// Shorter sources count as padded with zeros; op_not takes exactly one.
std::string combine_bits(BitOperation operation, std::span<const std::string_view> sources);

// One BITFIELD number: i1..i64 or u1..u63.
struct BitFieldType {
  bool is_signed = false;
  unsigned bits = 0;
};
enum class BitOverflow : uint8_t { wrap, saturate, fail };

// The field's bits; beyond the end they are zeros. Signed fields come sign-extended.
int64_t bit_field(std::string_view bytes, uint64_t offset, BitFieldType type);
// Grows `bytes` as needed; the value's low bits are stored.
void set_bit_field(std::string& bytes, uint64_t offset, BitFieldType type, int64_t value);
// `value + increment` as the type and the overflow rule say; nothing when it overflows under `fail`. With increment 0
// it brings a value given to SET into range.
std::optional<int64_t> add_bit_field(BitFieldType type, int64_t value, int64_t increment, BitOverflow overflow);

}  // namespace holdfast::node
