#include "common/resp/request_parser.h"

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/resp/writer.h"

namespace holdfast::resp {
namespace {

using Status = RequestParser::Status;

std::vector<std::string> strings(std::span<const std::string_view> args) { return {args.begin(), args.end()}; }

// Feeds `bytes` in one piece; the status of the first request.
Status parse(std::string_view bytes, std::string* error = nullptr, RequestLimits limits = {}) {
  RequestParser parser;
  const Status status = parser.parse(bytes, limits);
  if (error != nullptr) *error = parser.error();
  return status;
}

TEST(RequestParser, ReadsAPipelineSplitAtEveryByte) {
  const std::string bytes = "*2\r\n$3\r\nGET\r\n$1\r\na\r\nPING x\r\n*1\r\n$0\r\n\r\n\r\n*0\r\n";
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    RequestParser parser;
    std::vector<std::vector<std::string>> requests;
    std::string buffer;
    for (const std::string_view piece : {std::string_view(bytes).substr(0, cut), std::string_view(bytes).substr(cut)}) {
      buffer = std::string(buffer.begin(), buffer.end());  // moves the bytes, as a growing buffer does
      buffer += piece;
      while (parser.parse(buffer, {}) == Status::request) {
        if (!parser.args().empty()) requests.push_back(strings(parser.args()));
        buffer.erase(0, parser.consumed());
        if (buffer.empty()) break;
      }
    }
    EXPECT_EQ(requests, (std::vector<std::vector<std::string>>{{"GET", "a"}, {"PING", "x"}, {""}})) << cut;
  }
}

TEST(RequestParser, KeepsTheArgumentsOfABatchWhileItGrows) {
  const std::string bytes = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$2\r\ncd\r\n";
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    RequestParser parser;
    std::vector<std::vector<std::string>> requests;
    std::string buffer;
    for (const std::string_view piece : {std::string_view(bytes).substr(0, cut), std::string_view(bytes).substr(cut)}) {
      buffer = std::string(buffer.begin(), buffer.end());
      buffer += piece;
      struct Parsed {
        size_t first, count;
      };
      std::vector<Parsed> batch;
      size_t at = 0;
      parser.begin_batch();
      while (at < buffer.size() && parser.parse_next(std::string_view(buffer).substr(at), {}) == Status::request) {
        batch.push_back({parser.first_argument(), parser.args().size()});
        at += parser.consumed();
      }
      for (const Parsed& one : batch) requests.push_back(strings({parser.batch_args() + one.first, one.count}));
      buffer.erase(0, at);
    }
    EXPECT_EQ(requests, (std::vector<std::vector<std::string>>{{"GET", "a"}, {"PING"}, {"SET", "b", "cd"}})) << cut;
  }
}

TEST(RequestParser, RefusesInRedissWords) {
  std::string error;
  const auto refused = [&](std::string_view bytes, RequestLimits limits = {}) {
    error.clear();
    EXPECT_EQ(parse(bytes, &error, limits), Status::error) << bytes;
    return error;
  };
  EXPECT_EQ(refused("*x\r\n"), "Protocol error: invalid multibulk length");
  EXPECT_EQ(refused("*2147483648\r\n"), "Protocol error: invalid multibulk length");
  EXPECT_EQ(refused("*1\r\nPING\r\n"), "Protocol error: expected '$', got 'P'");
  EXPECT_EQ(refused("*1\r\n$-1\r\n"), "Protocol error: invalid bulk length");
  EXPECT_EQ(refused("*1\r\n$629145600\r\n"), "Protocol error: invalid bulk length");
  EXPECT_EQ(refused("GET \"a\r\n"), "Protocol error: unbalanced quotes in request");
  EXPECT_EQ(refused(std::string(70000, 'a')), "Protocol error: too big inline request");
  EXPECT_EQ(refused("*" + std::string(70000, '1')), "Protocol error: too big mbulk count string");
  EXPECT_EQ(refused("*1\r\n$" + std::string(70000, '1')), "Protocol error: too big bulk count string");
  RequestLimits stranger;
  stranger.authenticated = false;
  EXPECT_EQ(refused("*11\r\n", stranger), "Protocol error: unauthenticated multibulk length");
  EXPECT_EQ(refused("*1\r\n$16385\r\n", stranger), "Protocol error: unauthenticated bulk length");
}

TEST(RequestParser, GivesTheSameRequestAgainAfterRewind) {
  RequestParser parser;
  const std::string bytes = "*1\r\n$4\r\nPING\r\n";
  ASSERT_EQ(parser.parse(bytes, {}), Status::request);
  parser.rewind();
  ASSERT_EQ(parser.parse(bytes, {}), Status::request);
  EXPECT_EQ(strings(parser.args()), std::vector<std::string>{"PING"});
}

TEST(RequestParser, SurvivesRandomBytes) {
  SeededRandom random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes;
    const size_t length = random.below(60);
    for (size_t i = 0; i < length; ++i) bytes += "*$\r\n0123456789-ab\"'\\ \x80"[random.below(23)];
    RequestParser parser;
    std::string_view rest = bytes;
    while (!rest.empty() && parser.parse(rest, {}) == Status::request) {
      ASSERT_GT(parser.consumed(), 0u);
      ASSERT_LE(parser.consumed(), rest.size());
      rest.remove_prefix(parser.consumed());
    }
  }
}

}  // namespace
}  // namespace holdfast::resp
