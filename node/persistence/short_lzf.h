// LZF for short strings, of which a data set has many: liblzf's table of 65,536 places costs them more than their bytes
// do, since each search misses the processor's nearer caches and takes them from the thread that serves clients. This
// table is of 1 KB. What it makes is LZF as any other, for lzf_decompress and redis-server alike.
//
// The format: a byte below 32 says how many bytes, less 1, follow as they are. Else its upper 3 bits are a length less
// 2, or 7 with a byte that follows for the length less 9; its lower 5 bits and one more byte are how far back the copy
// begins, less 1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace holdfast::node {

// One thread for each.
class ShortLzf {
 public:
  static constexpr size_t kMaxBytes = 256;

  // `text`, of at most kMaxBytes, in LZF; it may be longer than the text. Valid until the next call.
  std::string_view compress(std::string_view text);

 private:
  static constexpr size_t kMaxLiterals = 32;
  static constexpr unsigned kTableBits = 10;

  std::array<uint8_t, size_t{1} << kTableBits>
      seen_{};  // by hash, where such three bytes were last, in this text or another
  std::array<char, kMaxBytes + kMaxBytes / kMaxLiterals> out_;
};

}  // namespace holdfast::node
