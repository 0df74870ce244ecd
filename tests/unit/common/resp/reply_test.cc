#include "common/resp/reply.h"

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/resp/writer.h"

namespace holdfast::resp {
namespace {

TEST(ReplyParser, ReadsWhatTheWriterWritesByteByByte) {
  for (const int protocol : {2, 3}) {
    std::string bytes;
    Writer writer(bytes, protocol);
    writer.map(2);
    writer.bulk("a");
    writer.array(3);
    writer.integer(-5);
    writer.null();
    writer.set(0);
    writer.bulk("b");
    writer.verbatim("text");
    ReplyParser parser;
    std::string pending;
    std::optional<Reply> reply;
    for (size_t i = 0; i < bytes.size(); ++i) {
      ASSERT_FALSE(reply);
      pending += bytes[i];
      std::string_view view = pending;
      auto result = parser.parse(view);
      ASSERT_TRUE(result) << result.error().text;
      pending = std::string(view);
      reply = std::move(*result);
    }
    ASSERT_TRUE(reply);
    ASSERT_EQ(reply->items.size(), 4u);
    EXPECT_EQ(reply->items[0].text, "a");
    ASSERT_EQ(reply->items[1].items.size(), 3u);
    EXPECT_EQ(reply->items[1].items[0].integer, -5);
    EXPECT_TRUE(reply->items[1].items[1].is_null());
    EXPECT_EQ(reply->items[3].text, "text");
  }
}

TEST(ReplyParser, DropsAttributes) {
  ReplyParser parser;
  std::string_view bytes = "|1\r\n+ttl\r\n:3\r\n*2\r\n:1\r\n|1\r\n+x\r\n+y\r\n:2\r\n";
  const auto reply = parser.parse(bytes);
  ASSERT_TRUE(reply && *reply);
  ASSERT_EQ((*reply)->items.size(), 2u);
  EXPECT_EQ((*reply)->items[1].integer, 2);
}

TEST(ReplyParser, RefusesWhatIsNotRespAndWhatIsTooMuch) {
  for (const std::string bad : {"hello\r\n", "\r\n", "$5\r\nabcdefg", ":x\r\n", "*99999999999\r\n", "$99999999999\r\n"}) {
    ReplyParser parser;
    std::string_view view = bad;
    EXPECT_FALSE(parser.parse(view)) << bad;
  }
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "*1\r\n";
  ReplyParser parser;
  std::string_view view = deep;
  EXPECT_FALSE(parser.parse(view));
}

TEST(ReplyParser, SurvivesRandomBytes) {
  SeededRandom random(11);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes;
    const size_t length = random.below(50);
    for (size_t i = 0; i < length; ++i) bytes += "*$+-:_#,(=~>%|!\r\n\r\n0123"[random.below(23)];
    ReplyParser parser;
    std::string_view view = bytes;
    while (true) {
      const auto reply = parser.parse(view);
      if (!reply || !*reply) break;
    }
  }
}

}  // namespace
}  // namespace holdfast::resp
