// A pipeline that is expected and one that is not must do the same: the same commands go to two nodes.
#include <fmt/format.h>

#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::node::testing {
namespace {

class Side : public NodeTest {
 public:
  Side() {
    // Large forms of few elements.
    config.encodings.zset_entries = config.encodings.hash_entries = 16;
  }
  void TestBody() override {}

  std::string each_alone(const std::vector<std::string>& lines) {
    std::string replies;
    for (const std::string& line : lines) replies += run(line);
    return replies;
  }
  std::string as_pipeline(const std::vector<std::string>& lines) {
    std::vector<std::vector<std::string>> words;
    std::vector<std::vector<std::string_view>> args;
    std::vector<std::span<const std::string_view>> requests;
    for (const std::string& line : lines) words.push_back(*split_args(line));
    for (const auto& line : words) args.emplace_back(line.begin(), line.end());
    requests.assign(args.begin(), args.end());
    node.expect(client, requests);
    for (size_t i = 0; i < requests.size(); ++i) {
      EXPECT_EQ(node.handle_expected(client, requests[i], i), server::Outcome::done);
    }
    return shown(std::exchange(client.reply().buffer(), {}));
  }

  using NodeTest::effects;
};

class Expect : public ::testing::Test {
 protected:
  void expect_same(const std::vector<std::string>& lines) {
    ASSERT_EQ(pipelined_.as_pipeline(lines), alone_.each_alone(lines)) << fmt::format("{}", fmt::join(lines, "\n"));
    ASSERT_EQ(pipelined_.effects(), alone_.effects());
  }
  std::string a_command() {
    const auto number = [&](uint64_t below) { return random_.below(below); };
    const std::string key = fmt::format("key{}", number(6)), other = fmt::format("key{}", number(6));
    const std::string element = fmt::format("element{}", number(60));
    const auto score = static_cast<int64_t>(number(8)) - 2;
    switch (number(36)) {
      case 0: return fmt::format("DEL {}", key);
      case 1: return fmt::format("RENAME {} {}", key, other);
      case 2: return fmt::format("COPY {} {} REPLACE", key, other);
      case 3: return fmt::format("SELECT {}", number(2));
      case 4: return fmt::format("SWAPDB 0 {}", number(2));
      case 5: return number(4) == 0 ? "FLUSHALL" : "DBSIZE";
      case 6: return fmt::format("SET {} {}", key, element);
      case 7: return fmt::format("GET {}", key);
      case 8: return fmt::format("MSET {} a {} b", key, other);
      case 9: return fmt::format("HSET {} {} {} {} b", key, element, score, other);
      case 10: return fmt::format("HGET {} {}", key, element);
      case 11: return fmt::format("HDEL {} {}", key, element);
      case 12: return fmt::format("SADD {} {} {}", key, element, other);
      case 13: return fmt::format("SISMEMBER {} {}", key, element);
      case 14: return fmt::format("SREM {} {}", key, element);
      case 15: return fmt::format("LPUSH {} {}", key, element);
      case 16: return fmt::format("LRANGE {} 0 3", key);
      case 17: return fmt::format("RPOP {}", key);
      case 18: return fmt::format("XADD {} {}-{} field {}", key, number(100), number(5) + 1, element);
      case 19: return fmt::format("XLEN {}", key);
      case 20: return fmt::format("XRANGE {} - + COUNT 3", key);
      case 21: return number(8) == 0 ? fmt::format("UNLINK {}", key) : fmt::format("ZRANGE {} 0 5", key);
      case 22: return number(2) == 0 ? "ZRANK" : fmt::format("ZRANK {}", key);
      case 23: return number(2) == 0 ? "NONE such" : fmt::format("EXPIRE {} 100", key);
      case 24: return fmt::format("ZINCRBY {} {} {}", key, score, element);
      case 25: return fmt::format("ZREM {} {} {}", key, element, other);
      case 26: return fmt::format("ZREVRANK {} {}", key, element);
      case 27: return fmt::format("ZSCORE {} {}", key, element);
      case 28:
      case 29:
      case 30: return fmt::format("ZRANK {} {}", key, element);
      default: return fmt::format("ZADD {} {} {} {} {}1", key, score, element, score, element);
    }
  }

  Side pipelined_, alone_;
  SeededRandom random_{7};
};

TEST_F(Expect, RepliesAreThoseOfRequestsThatComeAlone) {
  for (int batch = 0; batch < 3'000 && !HasFailure(); ++batch) {
    std::vector<std::string> lines(2 + random_.below(31));
    for (std::string& line : lines) line = a_command();
    expect_same(lines);
  }
}

TEST_F(Expect, KeysWrittenBehindSelectOrSwapdbAreFoundLater) {
  expect_same({"SET a 1", "SWAPDB 0 1", "SET b 2", "ZADD z 1 x", "SELECT 1", "SET c 3", "GET a"});
  expect_same({"GET c"});
  expect_same({"SELECT 0", "GET b", "DEL b", "ZRANK z x"});
  expect_same({"DBSIZE", "GET b"});
}

// While one client's command lets the loop go on (a load), others' pipelines come in.
TEST_F(NodeTest, APipelineThatWasExpectedMeanwhileIsNotTakenForThisOne) {
  server::Session& other = connect();
  const std::vector<std::string_view> ping{"PING"}, range{"GETRANGE", "key", "0", "1"};
  const std::vector<std::span<const std::string_view>> ours{ping, ping}, theirs{ping, range};
  node.expect(client, ours);
  EXPECT_EQ(node.handle_expected(client, ping, 0), server::Outcome::done);
  node.expect(other, theirs);
  EXPECT_EQ(node.handle_expected(client, ping, 1), server::Outcome::done);
  EXPECT_EQ(client.reply().buffer(), "+PONG\r\n+PONG\r\n");
}

TEST_F(Expect, NeighboursMayBeOfOneObjectThatGoesMeanwhile) {
  std::vector<std::string> lines;
  for (int i = 0; i < 2'000; ++i) {
    lines.push_back(fmt::format("ZADD large {} member{}", i % 300, i));
    if (lines.size() == 32) expect_same(std::exchange(lines, {}));
  }
  for (int i = 0; i < 400; i += 8) {
    lines.clear();
    for (int j = 0; j < 8; ++j) lines.push_back(fmt::format("ZRANK large member{}", i + j));
    lines.push_back(fmt::format("ZREM large member{}", i + 1));
    for (int j = 0; j < 8; ++j) lines.push_back(fmt::format("ZREVRANK large member{}", i + j));
    if (i % 40 == 0) {
      lines.push_back("RENAME large other");
      lines.push_back("ZRANK large member9");
      lines.push_back("SET large x");
      lines.push_back("ZRANK large member9");
      lines.push_back("RENAME other large");
      lines.push_back("ZRANK large member9");
    }
    expect_same(lines);
  }
}

}  // namespace
}  // namespace holdfast::node::testing
