#include "common/config/tokenizer.h"

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

TEST(Tokenizer, QuotesAreRedisQuotes) {
  EXPECT_EQ(split_words("  a\tb  c "), (Words{"a", "b", "c"}));
  EXPECT_EQ(split_words(R"(requirepass "a b\n\x41\"")"), (Words{"requirepass", "a b\nA\""}));
  EXPECT_EQ(split_words(R"(a 'it\'s' '\n')"), (Words{"a", "it's", "\\n"}));
  EXPECT_EQ(split_words(R"(save "")"), (Words{"save", ""}));
  EXPECT_EQ(split_words(R"(a "\xzz")"), (Words{"a", "xzz"}));
  EXPECT_EQ(split_words(""), Words{});
}

TEST(Tokenizer, RefusesUnbalancedQuotes) {
  for (const char* bad : {"a \"b", "a 'b", "a \"b\"c", "a 'b'c", "a \"b\\", "a \"b\\\"", "\""}) {
    EXPECT_FALSE(split_words(bad)) << bad;
  }
}

TEST(Tokenizer, WrittenWordsReadBack) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  for (const std::string& word : {std::string(), std::string("plain"), std::string("#x"), std::string("a b"),
                                  std::string("it's \"q\" \\"), std::string("\n\r\t\b\a"), all}) {
    const auto words = split_words(write_line(Words{"name", word}));
    ASSERT_TRUE(words) << word;
    EXPECT_EQ(*words, (Words{"name", word}));
  }
  EXPECT_EQ(write_line(Words{"bind", "*", "-::1"}), "bind * -::1");
}

}  // namespace
}  // namespace holdfast::config
