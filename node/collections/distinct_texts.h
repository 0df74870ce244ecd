// Finds out whether the texts of a packed value are all different, without keeping them: marks of 64 bits are compared,
// and only where two are alike the texts themselves have to be. Nobody can make that wrong, at most slow. Pure; one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "node/keyspace/seeded_hash.h"

namespace holdfast::node {

class DistinctTexts {
 public:
  void reserve(size_t count) { marks_.reserve(count); }
  void add(std::string_view text) { marks_.push_back(mark_of(text)); }

  // Two of those added may be the same text.
  bool maybe_twice() {
    constexpr size_t kFew = 24;
    if (marks_.size() <= kFew) {
      for (size_t i = 1; i < marks_.size(); ++i) {
        if (std::find(marks_.begin(), marks_.begin() + static_cast<ptrdiff_t>(i), marks_[i]) !=
            marks_.begin() + static_cast<ptrdiff_t>(i)) {
          return true;
        }
      }
      return false;
    }
    std::sort(marks_.begin(), marks_.end());
    return std::adjacent_find(marks_.begin(), marks_.end()) != marks_.end();
  }
  void clear() { marks_.clear(); }

 private:
  // Of up to 16 bytes: all of them, mixed with the length.
  static uint64_t mark_of(std::string_view text) {
    if (text.size() > 16) return seeded_hash(text, collection_seed());
    uint64_t first = 0, last = 0;
    if (text.size() >= 8) {
      std::memcpy(&first, text.data(), 8);
      std::memcpy(&last, text.data() + text.size() - 8, 8);
    } else {
      for (const char c : text) first = first << 8 | static_cast<uint8_t>(c);
    }
    constexpr uint64_t kOdd = 0x9e37'79b9'7f4a'7c15;
    const uint64_t mixed = (first ^ (first >> 29)) * kOdd + last;
    return (mixed ^ (mixed >> 32)) * kOdd + text.size();
  }

  std::vector<uint64_t> marks_;
};

}  // namespace holdfast::node
