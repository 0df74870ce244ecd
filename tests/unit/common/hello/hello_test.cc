#include "common/hello/hello.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

const char* const kId = "0123456789abcdef0123456789abcdef01234567";

Hello sample() {
  return {.sentinel = {"10.0.0.5", 26379},
          .run_id = *RunId::parse(kId),
          .current_epoch = 7,
          .primary_name = "mymaster",
          .primary = {"10.0.0.1", 6379},
          .config_epoch = 6};
}

// The eight fields in the order of the reference.
TEST(Hello, HasEightFieldsInOrder) {
  EXPECT_EQ(format_hello(sample()), std::string("10.0.0.5,26379,") + kId + ",7,mymaster,10.0.0.1,6379,6");
}

TEST(Hello, ReadsWhatItWrites) {
  EXPECT_EQ(parse_hello(format_hello(sample())), sample());
  Hello six = sample();
  six.sentinel.host = "::1";
  six.primary.host = "fe80::2";
  six.config_epoch = UINT64_MAX;
  EXPECT_EQ(parse_hello(format_hello(six)), six);
}

TEST(Hello, RefusesEverythingElse) {
  const std::string good = format_hello(sample());
  EXPECT_FALSE(parse_hello(""));
  EXPECT_FALSE(parse_hello(good + ",1"));
  EXPECT_FALSE(parse_hello(good.substr(0, good.rfind(','))));
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return parse_hello(text);
  };
  EXPECT_FALSE(with(",26379,", ",0,"));
  EXPECT_FALSE(with(",26379,", ",65536,"));
  EXPECT_FALSE(with(",26379,", ",-1,"));
  EXPECT_FALSE(with(kId, "short"));
  EXPECT_FALSE(with(",7,", ",x,"));
  EXPECT_FALSE(with(",mymaster,", ",,"));
  EXPECT_FALSE(with("10.0.0.5", ""));
  EXPECT_FALSE(parse_hello(good + std::string(5000, '1')));
}

}  // namespace
}  // namespace holdfast
