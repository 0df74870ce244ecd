// The longest common subsequence of two strings, for LCS. Pure; any thread. Takes time and memory (4 bytes each)
// proportional to the product of the lengths: the caller bounds it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::node {

// A stretch of the subsequence that is contiguous in both strings; ends are inclusive.
struct LcsMatch {
  uint32_t a_first, a_last;
  uint32_t b_first, b_last;
  uint32_t length() const { return a_last - a_first + 1; }
};

struct LcsResult {
  uint32_t length = 0;
  std::string text;
  std::vector<LcsMatch> matches;  // from the end of the strings to their start, as LCS IDX lists them
};

// Nothing (false) when the table would not fit into memory or 32-bit lengths.
bool longest_common_subsequence(std::string_view a, std::string_view b, LcsResult& result);

}  // namespace holdfast::node
