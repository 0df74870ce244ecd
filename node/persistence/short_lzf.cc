#include "node/persistence/short_lzf.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

namespace holdfast::node {

namespace {

constexpr size_t kLeastCopy = 3;
constexpr size_t kLongCopy = 9;  // from here on the length has a byte of its own

template <typename Word>
Word word_at(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Of the three bytes at `at`; four are read.
uint32_t three_bytes(const char* at) { return word_at<uint32_t>(at) & 0xFFFFFF; }

size_t equal_bytes(const char* left, const char* right, const char* end) {
  const char* const begin = right;
  for (; end - right >= 8; left += 8, right += 8) {
    const uint64_t difference = word_at<uint64_t>(left) ^ word_at<uint64_t>(right);
    if (difference != 0)
      return static_cast<size_t>(right - begin) + static_cast<size_t>(std::countr_zero(difference)) / 8;
  }
  while (right != end && *left == *right) ++left, ++right;
  return static_cast<size_t>(right - begin);
}

char* put_literals(char* out, const char* from, const char* to, size_t most) {
  while (from != to) {
    const size_t count = std::min(static_cast<size_t>(to - from), most);
    *out++ = static_cast<char>(count - 1);
    std::memcpy(out, from, count);
    out += count;
    from += count;
  }
  return out;
}

// `distance` is below 256, so the bits beside the length are 0.
char* put_copy(char* out, size_t distance, size_t length) {
  if (length < kLongCopy) {
    *out++ = static_cast<char>((length - 2) << 5);
  } else {
    *out++ = static_cast<char>(7U << 5);
    *out++ = static_cast<char>(length - kLongCopy);
  }
  *out++ = static_cast<char>(distance - 1);
  return out;
}

}  // namespace

std::string_view ShortLzf::compress(std::string_view text) {
  static_assert(std::endian::native == std::endian::little);
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const char* literals = begin;
  char* out = out_.data();
  for (const char* at = begin + 1; end - at >= 4;) {
    const uint32_t bytes = three_bytes(at);
    uint8_t& seen = seen_[(bytes * 2654435761U) >> (32 - kTableBits)];
    const auto offset = static_cast<size_t>(at - begin);
    // What another text has left there is a place as good as any, if it is before this one.
    const char* const before = begin + (seen < offset ? seen : 0);
    seen = static_cast<uint8_t>(offset);
    if (three_bytes(before) != bytes) {
      ++at;
      continue;
    }
    const size_t length = kLeastCopy + equal_bytes(before + kLeastCopy, at + kLeastCopy, end);
    out = put_literals(out, literals, at, kMaxLiterals);
    out = put_copy(out, static_cast<size_t>(at - before), length);
    at += length;
    literals = at;
  }
  out = put_literals(out, literals, end, kMaxLiterals);
  return {out_.data(), out};
}

}  // namespace holdfast::node
