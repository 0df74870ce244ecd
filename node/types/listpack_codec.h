// The bytes of a listpack (the format of Redis's RDB files, see listpack.h): numbers, heads of elements, and the lengths
// behind them by which a reader goes backwards. Pure; any thread. Reads assume what Listpack::validate() has found in order.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace holdfast::node::listpack {

inline constexpr uint8_t kEndByte = 0xff;
inline constexpr size_t kCountUnknown = 65535;

// First bytes of encodings; in brackets how many bits of the byte are data.
inline constexpr uint8_t kText6 = 0x80;   // [6] length
inline constexpr uint8_t kInt13 = 0xc0;   // [5] and one byte
inline constexpr uint8_t kText12 = 0xe0;  // [4] and one byte: length
inline constexpr uint8_t kText32 = 0xf0;  // four bytes: length
inline constexpr uint8_t kInt16 = 0xf1, kInt24 = 0xf2, kInt32 = 0xf3, kInt64 = 0xf4;

inline uint64_t little_endian(const uint8_t* from, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value |= uint64_t{from[i]} << (8 * i);
  return value;
}

inline void put_little_endian(uint8_t* to, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) to[i] = static_cast<uint8_t>(value >> (8 * i));
}

// The header's words at once: they are read and written with every change.
template <class Word>
Word load_word(const uint8_t* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = std::byteswap(word);
  return word;
}

template <class Word>
void store_word(uint8_t* to, Word word) {
  if constexpr (std::endian::native == std::endian::big) word = std::byteswap(word);
  std::memcpy(to, &word, sizeof word);
}

inline int64_t sign_extended(uint64_t value, unsigned bits) {
  const unsigned shift = 64 - bits;
  return static_cast<int64_t>(value << shift) >> shift;
}

inline size_t back_length_bytes(size_t length) {
  return length < 128 ? 1 : length < 16384 ? 2 : length < 2097152 ? 3 : length < 268435456 ? 4 : 5;
}

// Seven bits a byte, the most significant first; all but the first byte have the top bit set, so that a reader coming
// from behind knows where it begins.
inline uint8_t* put_long_back_length(uint8_t* to, size_t length) {
  const size_t bytes = back_length_bytes(length);
  for (size_t i = 0; i < bytes; ++i) {
    const size_t shift = 7 * (bytes - 1 - i);
    to[i] = static_cast<uint8_t>((length >> shift & 127) | (i == 0 ? 0 : 128));
  }
  return to + bytes;
}

inline uint8_t* put_back_length(uint8_t* to, size_t length) {
  if (length >= 128) return put_long_back_length(to, length);
  *to = static_cast<uint8_t>(length);
  return to + 1;
}

// Reads the length that ends at `last`; 0 when it is malformed or longer than five bytes.
inline size_t read_back_length(const uint8_t* last, const uint8_t* begin) {
  size_t length = 0;
  for (unsigned shift = 0; shift <= 28; shift += 7, --last) {
    length |= static_cast<size_t>(*last & 127) << shift;
    if ((*last & 128) == 0) return length;
    if (last == begin) return 0;
  }
  return 0;
}

// How an element begins.
struct Head {
  size_t head = 0;  // bytes before the data of a text, or the whole of an integer
  size_t text = 0;  // bytes of the text
  size_t length() const { return head + text; }
};

inline Head read_head(const uint8_t* at) {
  const uint8_t byte = at[0];
  if (byte < 0x80) return {1, 0};
  if (byte < kInt13) return {1, static_cast<size_t>(byte & 0x3f)};
  if (byte < kText12) return {2, 0};
  if (byte < kText32) return {2, static_cast<size_t>((byte & 0x0f) << 8 | at[1])};
  switch (byte) {
    case kText32:
      return {5, static_cast<size_t>(little_endian(at + 1, 4))};
    case kInt16:
      return {3, 0};
    case kInt24:
      return {4, 0};
    case kInt32:
      return {5, 0};
    case kInt64:
      return {9, 0};
    default:
      return {0, 0};
  }
}

// Bytes of the head that must be there before read_head may look at them.
inline size_t head_bytes(uint8_t byte) {
  if (byte < kInt13) return 1;
  if (byte < kText32) return 2;
  return byte == kText32 ? 5 : byte == kInt16 ? 3 : byte == kInt24 ? 4 : byte == kInt32 ? 5 : 9;
}

inline size_t integer_bytes(int64_t value) {
  if (value >= 0 && value <= 127) return 1;
  if (value >= -4096 && value <= 4095) return 2;
  if (value >= INT16_MIN && value <= INT16_MAX) return 3;
  if (value >= -8388608 && value <= 8388607) return 4;
  if (value >= INT32_MIN && value <= INT32_MAX) return 5;
  return 9;
}

inline uint8_t* put_integer(uint8_t* to, int64_t value) {
  const size_t bytes = integer_bytes(value);
  const auto bits = static_cast<uint64_t>(value);
  switch (bytes) {
    case 1:
      to[0] = static_cast<uint8_t>(value);
      break;
    case 2:
      to[0] = static_cast<uint8_t>(kInt13 | (bits >> 8 & 0x1f));
      to[1] = static_cast<uint8_t>(bits);
      break;
    default:
      to[0] = bytes == 3 ? kInt16 : bytes == 4 ? kInt24 : bytes == 5 ? kInt32 : kInt64;
      put_little_endian(to + 1, bits, bytes - 1);
  }
  return to + bytes;
}

inline size_t text_head_bytes(size_t length) { return length < 64 ? 1 : length < 4096 ? 2 : 5; }

inline uint8_t* put_text(uint8_t* to, std::string_view text) {
  switch (text_head_bytes(text.size())) {
    case 1:
      *to++ = static_cast<uint8_t>(kText6 | text.size());
      break;
    case 2:
      *to++ = static_cast<uint8_t>(kText12 | text.size() >> 8);
      *to++ = static_cast<uint8_t>(text.size());
      break;
    default:
      *to++ = kText32;
      put_little_endian(to, text.size(), 4);
      to += 4;
  }
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

}  // namespace holdfast::node::listpack
