#include "tests/bench/reply_scanner.h"

#include <gtest/gtest.h>

namespace holdfast::bench {
namespace {

constexpr std::string_view kStream =
    "+OK\r\n:12\r\n$5\r\na\r\nbc\r\n$-1\r\n*2\r\n$1\r\nx\r\n*2\r\n:1\r\n*0\r\n-ERR no\r\n*-1\r\n$0\r\n\r\n";
constexpr size_t kReplies = 8;

TEST(ReplyScanner, CountsWholeReplies) {
  ReplyScanner scanner;
  EXPECT_EQ(scanner.feed(kStream), kReplies);
  EXPECT_EQ(scanner.errors(), 1);
  EXPECT_EQ(scanner.first_error(), "ERR no");
  EXPECT_EQ(scanner.nulls(), 2);
  EXPECT_FALSE(scanner.broken());
}

TEST(ReplyScanner, CountsTheSameHoweverTheStreamIsCut) {
  for (size_t piece = 1; piece < kStream.size(); ++piece) {
    ReplyScanner scanner;
    size_t replies = 0;
    for (size_t at = 0; at < kStream.size(); at += piece) replies += scanner.feed(kStream.substr(at, piece));
    EXPECT_EQ(replies, kReplies) << piece;
    EXPECT_FALSE(scanner.broken()) << piece;
  }
}

TEST(ReplyScanner, DoesNotCountAReplyBeforeItsEnd) {
  ReplyScanner scanner;
  EXPECT_EQ(scanner.feed("*2\r\n$3\r\nabc\r\n$3\r\nabc\r"), 0);
  EXPECT_EQ(scanner.feed("\n"), 1);
}

TEST(ReplyScanner, SaysWhenItIsNotResp) {
  for (const char* bad : {"OK\r\n", "$x\r\n", "+OK\n", "$-2\r\n", "!1\r\n"}) {
    ReplyScanner scanner;
    EXPECT_EQ(scanner.feed(bad), 0) << bad;
    EXPECT_TRUE(scanner.broken()) << bad;
  }
}

}  // namespace
}  // namespace holdfast::bench
