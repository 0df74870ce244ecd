#include <gtest/gtest.h>

#include "common/base/random.h"
#include "node/types/string_bits.h"
#include "node/types/string_lcs.h"

namespace holdfast::node {
namespace {

std::string random_text(SeededRandom& random, size_t most, unsigned letters = 256) {
  std::string text(random.below(most + 1), '\0');
  for (char& c : text) c = static_cast<char>(letters == 256 ? random.below(256) : 'a' + random.below(letters));
  return text;
}

TEST(StringBits, CountAndFindAgreeWithLookingAtEachBit) {
  SeededRandom random(3);
  for (int round = 0; round < 3000; ++round) {
    std::string text = random_text(random, 20);
    if (round % 3 == 0) std::fill(text.begin(), text.end(), round % 2 == 0 ? '\xff' : '\0');
    if (text.empty()) continue;
    const uint64_t first = random.below(text.size() * 8);
    const uint64_t last = first + random.below(text.size() * 8 - first);
    uint64_t count = 0;
    std::optional<uint64_t> first_one, first_zero;
    for (uint64_t bit = first; bit <= last; ++bit) {
      const bool on = bit_at(text, bit);
      count += on;
      if (on && !first_one) first_one = bit;
      if (!on && !first_zero) first_zero = bit;
    }
    ASSERT_EQ(count_bits(text, first, last), count);
    ASSERT_EQ(find_bit(text, true, first, last), first_one);
    ASSERT_EQ(find_bit(text, false, first, last), first_zero);
  }
}

TEST(StringBits, SetBitGrowsWithZeros) {
  std::string text;
  set_bit(text, 23, true);
  EXPECT_EQ(text, std::string("\0\0\x01", 3));
  set_bit(text, 23, false);
  EXPECT_EQ(count_bits(text), 0u);
}

TEST(StringBits, CombinePadsShorterSourcesWithZeros) {
  const std::vector<std::string_view> two{"abc", "a"};
  EXPECT_EQ(combine_bits(BitOperation::op_and, two), std::string("a\0\0", 3));
  EXPECT_EQ(combine_bits(BitOperation::op_or, two), "abc");
  EXPECT_EQ(combine_bits(BitOperation::op_xor, two), std::string("\0bc", 3));
  const std::vector<std::string_view> one{std::string_view("\x0f", 1)};
  EXPECT_EQ(combine_bits(BitOperation::op_not, one), "\xf0");
}

TEST(StringBits, FieldsRoundTripAtEveryOffsetAndWidth) {
  SeededRandom random(5);
  for (unsigned bits = 1; bits <= 64; ++bits) {
    for (uint64_t offset = 0; offset < 20; ++offset) {
      for (const bool is_signed : {true, false}) {
        if (!is_signed && bits == 64) continue;
        const BitFieldType type{is_signed, bits};
        std::string text = random_text(random, 12);
        const auto value = *add_bit_field(type, static_cast<int64_t>(random.next()), 0, BitOverflow::wrap);
        set_bit_field(text, offset, type, value);
        ASSERT_EQ(bit_field(text, offset, type), value) << bits << " at " << offset;
      }
    }
  }
}

TEST(StringBits, OverflowFollowsItsRule) {
  const BitFieldType u8{false, 8};
  const BitFieldType i8{true, 8};
  EXPECT_EQ(add_bit_field(u8, 250, 10, BitOverflow::wrap), 4);
  EXPECT_EQ(add_bit_field(u8, 250, 10, BitOverflow::saturate), 255);
  EXPECT_EQ(add_bit_field(u8, 250, 10, BitOverflow::fail), std::nullopt);
  EXPECT_EQ(add_bit_field(u8, 5, -10, BitOverflow::saturate), 0);
  EXPECT_EQ(add_bit_field(i8, 120, 10, BitOverflow::wrap), -126);
  EXPECT_EQ(add_bit_field(i8, -120, -10, BitOverflow::saturate), -128);
  const BitFieldType i64{true, 64};
  EXPECT_EQ(add_bit_field(i64, INT64_MAX, 1, BitOverflow::wrap), INT64_MIN);
  EXPECT_EQ(add_bit_field(i64, INT64_MAX, 1, BitOverflow::saturate), INT64_MAX);
}

bool is_subsequence(std::string_view part, std::string_view whole) {
  size_t at = 0;
  for (const char c : whole) {
    if (at < part.size() && part[at] == c) ++at;
  }
  return at == part.size();
}

TEST(StringLcs, IsACommonSubsequenceWithMatchingRanges) {
  SeededRandom random(9);
  for (int round = 0; round < 500; ++round) {
    const std::string a = random_text(random, 30, 3);
    const std::string b = random_text(random, 30, 3);
    LcsResult result;
    ASSERT_TRUE(longest_common_subsequence(a, b, result));
    ASSERT_EQ(result.text.size(), result.length);
    ASSERT_TRUE(is_subsequence(result.text, a) && is_subsequence(result.text, b));
    std::string joined;
    for (auto match = result.matches.rbegin(); match != result.matches.rend(); ++match) {
      ASSERT_EQ(a.substr(match->a_first, match->length()), b.substr(match->b_first, match->length()));
      joined += a.substr(match->a_first, match->length());
    }
    ASSERT_EQ(joined, result.text);
  }
}

TEST(StringLcs, KnownExample) {
  LcsResult result;
  ASSERT_TRUE(longest_common_subsequence("ohmytext", "mynewtext", result));
  EXPECT_EQ(result.text, "mytext");
  ASSERT_EQ(result.matches.size(), 2u);
  EXPECT_EQ(result.matches[0].a_first, 4u);
  EXPECT_EQ(result.matches[0].b_first, 5u);
}

}  // namespace
}  // namespace holdfast::node
