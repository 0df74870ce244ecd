#include "common/resp/writer.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace holdfast::resp {
namespace {

template <class Write>
std::string written(Write&& write) {
  std::string out = "before";
  Writer writer(out);
  write(writer);
  EXPECT_TRUE(out.starts_with("before"));
  return out.substr(6);
}

TEST(Writer, WritesNumbersOfEveryLength) {
  for (const int64_t number :
       {int64_t{0}, int64_t{9}, int64_t{10}, int64_t{11}, int64_t{99}, int64_t{100}, int64_t{12'345}, int64_t{-1},
        int64_t{-10}, int64_t{-100}, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()}) {
    EXPECT_EQ(written([&](Writer& writer) { writer.integer(number); }), ":" + std::to_string(number) + "\r\n");
  }
  EXPECT_EQ(written([](Writer& writer) { writer.array(UINT64_MAX); }), "*18446744073709551615\r\n");
}

TEST(Writer, WritesBulkStringsOfEveryLength) {
  for (const size_t bytes : {0, 1, 3, 4, 7, 8, 9, 10, 15, 16, 17, 99, 100, 1000, 100'000}) {
    std::string text;
    for (size_t i = 0; i < bytes; ++i) text.push_back(static_cast<char>(i * 7));
    EXPECT_EQ(written([&](Writer& writer) { writer.bulk(text); }), "$" + std::to_string(bytes) + "\r\n" + text + "\r\n");
  }
}

TEST(Writer, WritesCommandsOfAnyNumberOfArguments) {
  for (const size_t count : {0, 1, 9, 10, 99, 100, 5000}) {
    std::string expected = "*" + std::to_string(count) + "\r\n";
    std::vector<std::string> arguments;
    for (size_t i = 0; i < count; ++i) {
      arguments.emplace_back(i % 120, 'x');
      expected += "$" + std::to_string(i % 120) + "\r\n" + arguments.back() + "\r\n";
    }
    const std::vector<std::string_view> argv(arguments.begin(), arguments.end());
    EXPECT_EQ(written([&](Writer& writer) { writer.command(argv); }), expected);
  }
}

TEST(Writer, SetsTheLengthOfAnAggregateAfterwards) {
  for (const size_t count : {0, 9, 10, 150}) {
    EXPECT_EQ(written([&](Writer& writer) {
                const size_t mark = writer.begin_deferred();
                for (size_t i = 0; i < count; ++i) writer.integer(1);
                writer.end_deferred_array(mark, count);
              }),
              written([&](Writer& writer) {
                writer.array(count);
                for (size_t i = 0; i < count; ++i) writer.raw(":1\r\n");
              }));
  }
}

}  // namespace
}  // namespace holdfast::resp
