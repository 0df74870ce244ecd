#include "node/types/string_bits.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace holdfast::node {
namespace {

uint8_t byte_at(std::string_view bytes, size_t index) { return static_cast<uint8_t>(bytes[index]); }

}  // namespace

bool bit_at(std::string_view bytes, uint64_t bit) {
  const uint64_t index = bit >> 3;
  return index < bytes.size() && (byte_at(bytes, index) >> (7 - (bit & 7)) & 1) != 0;
}

void set_bit(std::string& bytes, uint64_t bit, bool on) {
  const uint64_t index = bit >> 3;
  if (index >= bytes.size()) bytes.resize(index + 1, '\0');
  const auto mask = static_cast<uint8_t>(1u << (7 - (bit & 7)));
  const uint8_t old = byte_at(bytes, index);
  bytes[index] = static_cast<char>(on ? (old | mask) : (old & ~mask));
}

uint64_t count_bits(std::string_view bytes) {
  uint64_t count = 0;
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + i, 8);
    count += std::popcount(word);
  }
  for (; i < bytes.size(); ++i) count += std::popcount(byte_at(bytes, i));
  return count;
}

uint64_t count_bits(std::string_view bytes, uint64_t first_bit, uint64_t last_bit) {
  const uint64_t first = first_bit >> 3;
  const uint64_t last = last_bit >> 3;
  uint64_t count = count_bits(bytes.substr(first, last - first + 1));
  // Take off what lies before the first and after the last bit within their bytes.
  const auto head = static_cast<uint8_t>(~(0xffu >> (first_bit & 7)));
  const auto tail = static_cast<uint8_t>(~(0xffu << (7 - (last_bit & 7))));
  count -= std::popcount(static_cast<uint8_t>(byte_at(bytes, first) & head));
  count -= std::popcount(static_cast<uint8_t>(byte_at(bytes, last) & tail));
  return count;
}

std::optional<uint64_t> find_bit(std::string_view bytes, bool wanted, uint64_t first_bit, uint64_t last_bit) {
  const uint8_t none = wanted ? 0x00 : 0xff;
  uint64_t bit = first_bit;
  while (bit <= last_bit) {
    if ((bit & 7) == 0) {
      // Whole bytes without such a bit are passed over.
      while (bit + 7 <= last_bit && byte_at(bytes, bit >> 3) == none) bit += 8;
      if (bit > last_bit) break;
    }
    if (bit_at(bytes, bit) == wanted) return bit;
    ++bit;
  }
  return std::nullopt;
}

std::string combine_bits(BitOperation operation, std::span<const std::string_view> sources) {
  size_t longest = 0;
  for (const auto source : sources) longest = std::max(longest, source.size());
  std::string result(sources.front());
  result.resize(longest, '\0');
  if (operation == BitOperation::op_not) {
    for (char& c : result) c = static_cast<char>(~c);
    return result;
  }
  for (const auto source : sources.subspan(1)) {
    for (size_t i = 0; i < source.size(); ++i) {
      switch (operation) {
        case BitOperation::op_and:
          result[i] = static_cast<char>(result[i] & source[i]);
          break;
        case BitOperation::op_or:
          result[i] = static_cast<char>(result[i] | source[i]);
          break;
        default:
          result[i] = static_cast<char>(result[i] ^ source[i]);
          break;
      }
    }
    if (operation == BitOperation::op_and)
      std::fill(result.begin() + static_cast<ptrdiff_t>(source.size()), result.end(), '\0');
  }
  return result;
}

int64_t bit_field(std::string_view bytes, uint64_t offset, BitFieldType type) {
  uint64_t value = 0;
  for (unsigned i = 0; i < type.bits; ++i) value = value << 1 | static_cast<uint64_t>(bit_at(bytes, offset + i));
  if (type.is_signed && type.bits < 64 && (value >> (type.bits - 1) & 1) != 0) value |= ~uint64_t{0} << type.bits;
  return static_cast<int64_t>(value);
}

void set_bit_field(std::string& bytes, uint64_t offset, BitFieldType type, int64_t value) {
  const uint64_t last = offset + type.bits - 1;
  if ((last >> 3) >= bytes.size()) bytes.resize((last >> 3) + 1, '\0');
  for (unsigned i = 0; i < type.bits; ++i) {
    set_bit(bytes, offset + i, (static_cast<uint64_t>(value) >> (type.bits - 1 - i) & 1) != 0);
  }
}

std::optional<int64_t> add_bit_field(BitFieldType type, int64_t value, int64_t increment, BitOverflow overflow) {
  // In 128 bits nothing overflows. An unsigned field's value is below 2^63 unless SET was given a negative number,
  // which Redis reads as a huge unsigned one.
  using Wide = __int128;
  const Wide low = type.is_signed ? -(Wide{1} << (type.bits - 1)) : Wide{0};
  const Wide high = type.is_signed ? (Wide{1} << (type.bits - 1)) - 1 : (Wide{1} << type.bits) - 1;
  const Wide start = type.is_signed ? Wide{value} : Wide{static_cast<uint64_t>(value)};
  const Wide sum = start + Wide{increment};
  if (sum >= low && sum <= high) return static_cast<int64_t>(sum);
  switch (overflow) {
    case BitOverflow::fail:
      return std::nullopt;
    case BitOverflow::saturate:
      // To Redis a value given to SET that lies more than 2^63 - 1 below the type's largest is above it.
      if (type.is_signed && increment == 0 && high - start > INT64_MAX) return static_cast<int64_t>(high);
      return static_cast<int64_t>(sum > high ? high : low);
    case BitOverflow::wrap:
      break;
  }
  uint64_t wrapped = static_cast<uint64_t>(static_cast<unsigned __int128>(sum));
  if (type.bits < 64) {
    const uint64_t mask = (uint64_t{1} << type.bits) - 1;
    wrapped &= mask;
    if (type.is_signed && (wrapped >> (type.bits - 1) & 1) != 0) wrapped |= ~mask;
  }
  return static_cast<int64_t>(wrapped);
}

}  // namespace holdfast::node
