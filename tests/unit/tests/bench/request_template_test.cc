#include "tests/bench/request_template.h"

#include <gtest/gtest.h>

namespace holdfast::bench {
namespace {

std::string render(std::string_view text, Sequence& sequence, TemplateLimits limits = {.keys = 10, .value_bytes = 3}) {
  const auto made = RequestTemplate::parse(text, limits);
  if (!made) return made.error().text;
  SeededRandom random(1);
  std::string out;
  made->append(out, random, sequence);
  return out;
}

TEST(RequestTemplate, FillsInWireForm) {
  Sequence sequence{.next = 7, .step = 10};
  EXPECT_EQ(render("PING", sequence), "*1\r\n$4\r\nPING\r\n");
  EXPECT_EQ(render("DEL key:{seq}", sequence), "*2\r\n$3\r\nDEL\r\n$16\r\nkey:000000000007\r\n");
  EXPECT_EQ(render("DEL key:{seq}", sequence), "*2\r\n$3\r\nDEL\r\n$16\r\nkey:000000000017\r\n");
  EXPECT_EQ(render("GET key:{key}", sequence, {.keys = 1}), "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000000\r\n");
  const std::string set = render("SET a {value}", sequence);
  EXPECT_TRUE(set.starts_with("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$3\r\n"));
  EXPECT_EQ(set.size(), std::string_view("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$3\r\n...\r\n").size());
}

TEST(RequestTemplate, RandomNumbersStayBelowTheirBoundAndVary) {
  const auto made = RequestTemplate::parse("{rand:100}", {});
  ASSERT_TRUE(made);
  SeededRandom random(1);
  Sequence sequence;
  std::string out;
  for (int i = 0; i < 1000; ++i) made->append(out, random, sequence);
  EXPECT_EQ(out.size(), 1000 * std::string_view("*1\r\n$2\r\n42\r\n").size());
  EXPECT_NE(out.find("\r\n00\r\n"), std::string::npos);
  EXPECT_NE(out.find("\r\n99\r\n"), std::string::npos);
}

TEST(RequestTemplate, ValuesOfChangingSizeCarryTheirLength) {
  const auto made = RequestTemplate::parse("ECHO {value:9-11}", {});
  ASSERT_TRUE(made);
  SeededRandom random(1);
  Sequence sequence;
  std::set<size_t> sizes;
  for (int i = 0; i < 100; ++i) {
    std::string out;
    made->append(out, random, sequence);
    const std::string_view head = "*2\r\n$4\r\nECHO\r\n$";
    ASSERT_TRUE(out.starts_with(head));
    const size_t size = std::stoul(out.substr(head.size()));
    sizes.insert(size);
    EXPECT_EQ(out.size(), head.size() + std::to_string(size).size() + 2 + size + 2);
  }
  EXPECT_EQ(sizes, (std::set<size_t>{9, 10, 11}));
}

TEST(RequestTemplate, RefusesWhatItCannotFillIn) {
  for (const char* bad :
       {"", " ", "GET {", "GET {no}", "GET {rand:0}", "GET {rand:x}", "SET a {value:3-2}", "SET a x{value:1-2}"}) {
    EXPECT_FALSE(RequestTemplate::parse(bad, {})) << bad;
  }
}

}  // namespace
}  // namespace holdfast::bench
