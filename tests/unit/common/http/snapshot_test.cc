#include "common/http/snapshot.h"

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

TEST(ParseTarget, SplitsAndDecodesPathAndQuery) {
  const auto request = parse_target("/replica%20x?lag=10mb&empty&a=b%3Dc+d&&#frag");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->path, "/replica x");
  EXPECT_EQ(request->parameter("lag"), "10mb");
  EXPECT_EQ(request->parameter("empty"), "");
  EXPECT_EQ(request->parameter("a"), "b=c d");
  EXPECT_FALSE(request->parameter("none"));
}

TEST(ParseTarget, RefusesWhatIsNotAPath) {
  for (const char* bad : {"", "*", "http://x/", "/%", "/%4", "/%zz", "/a?b=%f"}) EXPECT_FALSE(parse_target(bad)) << bad;
}

TEST(Snapshot, AnswersExactPathsBeforePrefixes) {
  Snapshot snapshot;
  snapshot.add("/a", Response{200, "text/plain", "exact"});
  snapshot.add_prefix("/q/", [](const Request& request) { return Response{200, "text/plain", request.rest}; });
  const auto body = [&](const char* target) { return snapshot.answer(*parse_target(target)).body; };
  EXPECT_EQ(body("/a"), "exact");
  EXPECT_EQ(body("/q/my%2Fmaster?x=1"), "my/master");
  EXPECT_EQ(snapshot.answer(*parse_target("/q/")).status, 404u);
  EXPECT_EQ(snapshot.answer(*parse_target("/A")).status, 404u);
}

TEST(Snapshot, NotFoundIsJsonWhateverThePathHolds) {
  const Response response = Snapshot().answer(*parse_target("/%ff\"%0a"));
  EXPECT_EQ(response.status, 404u);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.body, "{\"error\":\"no such path: /\xEF\xBF\xBD\\\"\\n\"}\n");
}

}  // namespace
}  // namespace holdfast::http
