#include "common/base/text.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(Text, IntegersAreCanonicalDecimal) {
  EXPECT_EQ(parse_int64("0"), 0);
  EXPECT_EQ(parse_int64("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(parse_int64("9223372036854775807"), INT64_MAX);
  for (const char* bad : {"", "-", "+1", " 1", "1 ", "01", "-0", "9223372036854775808", "-9223372036854775809", "1a"}) {
    EXPECT_FALSE(parse_int64(bad)) << bad;
  }
  EXPECT_EQ(parse_uint64("9999999999999999999"), 9999999999999999999U);
  EXPECT_EQ(parse_uint64("18446744073709551615"), UINT64_MAX);
  for (const char* bad : {"18446744073709551616", "99999999999999999999", "100000000000000000000", "12/4", "12:4"}) {
    EXPECT_FALSE(parse_uint64(bad)) << bad;
  }
}

TEST(Text, DoublesRefuseSpacesAndNan) {
  EXPECT_EQ(parse_double("3.0e3"), 3000);
  EXPECT_TRUE(parse_double("-inf"));
  for (const char* bad : {"", " 1", "1 ", "nan", "1e400", "abc"}) EXPECT_FALSE(parse_double(bad)) << bad;
  EXPECT_EQ(format_double(0.1), "0.10000000000000001");
  EXPECT_EQ(format_double(-0.0), "-0");
  EXPECT_EQ(format_double(1e17), "1e+17");
  EXPECT_EQ(format_long_double(10.5L), "10.5");
  EXPECT_EQ(format_long_double(5e3L), "5000");
}

TEST(Text, GlobFollowsRedis) {
  EXPECT_TRUE(glob_match("h?llo", "hello"));
  EXPECT_TRUE(glob_match("h[^e]llo", "hallo"));
  EXPECT_FALSE(glob_match("h[^e]llo", "hello"));
  EXPECT_TRUE(glob_match("[a-c]*", "bxx"));
  EXPECT_TRUE(glob_match("\\*", "*"));
  EXPECT_FALSE(glob_match("\\*", "x"));
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_FALSE(glob_match("", "a"));
  EXPECT_TRUE(glob_match("a*b*c", "aXbYbZc"));
  EXPECT_TRUE(glob_match("HELLO", "hello", true));
}

TEST(Text, GlobWithManyStarsEnds) {
  std::string pattern, text(5000, 'a');
  for (int i = 0; i < 500; ++i) pattern += "a*";
  EXPECT_FALSE(glob_match(pattern + "b", text));
}

TEST(Text, QuotesAsMonitorDoes) { EXPECT_EQ(quoted("a\"\r\n\x01"), "\"a\\\"\\r\\n\\x01\""); }

}  // namespace
}  // namespace holdfast
