// Replies are those of Redis 7.0.15, taken from a running server.
#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::node {
namespace {

class Lists : public testing::NodeTest {
 protected:
  // What a client that waited has been sent since.
  static std::string sent(server::Session& session) {
    std::string text = std::exchange(session.reply().buffer(), {});
    std::erase(text, '\r');
    std::ranges::replace(text, '\n', '|');
    return text;
  }
};

TEST_F(Lists, PushAndPopAtBothEnds) {
  EXPECT_EQ(run("RPUSH l b c"), ":2|");
  EXPECT_EQ(run("LPUSH l a 0"), ":4|");
  EXPECT_EQ(run("LRANGE l 0 -1"), "*4|$1|0|$1|a|$1|b|$1|c|");
  EXPECT_EQ(run("LPOP l"), "$1|0|");
  EXPECT_EQ(run("RPOP l 2"), "*2|$1|c|$1|b|");
  EXPECT_EQ(run("LPOP l 0"), "*0|");
  EXPECT_EQ(run("LPOP l 9"), "*1|$1|a|");
  EXPECT_EQ(run("EXISTS l"), ":0|");
  EXPECT_EQ(run("LPOP l"), "$-1|");
  EXPECT_EQ(run("LPOP l 0"), "*-1|");
  EXPECT_EQ(run("LPUSHX l a"), ":0|");
  EXPECT_EQ(effects(), (Lines{"0: RPUSH l b c", "0: LPUSH l a 0", "0: LPOP l", "0: RPOP l 2", "0: LPOP l 9"}));
}

TEST_F(Lists, RefuseInRedissWords) {
  run("RPUSH l a");
  run("SET s x");
  EXPECT_EQ(run("LPUSH s a"), "-WRONGTYPE Operation against a key holding the wrong kind of value|");
  EXPECT_EQ(run("LPOP l -1"), "-ERR value is out of range, must be positive|");
  EXPECT_EQ(run("LPOP l 1 2"), "-ERR wrong number of arguments for 'lpop' command|");
  EXPECT_EQ(
      run("LPOS l a RANK 0"),
      "-ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start "
      "from the end of the list|");
  EXPECT_EQ(run("LPOS l a RANK -9223372036854775808"), ":0|");
  EXPECT_EQ(run("LMPOP 0 l LEFT"), "-ERR numkeys should be greater than 0|");
  EXPECT_EQ(run("LMPOP 9223372036854775807 l LEFT"), "-ERR syntax error|");
  EXPECT_EQ(run("LMPOP 1 l LEFT COUNT 0"), "-ERR count should be greater than 0|");
  EXPECT_EQ(run("LSET nothing 0 a"), "-ERR no such key|");
  EXPECT_EQ(run("LSET l 1 a"), "-ERR index out of range|");
  EXPECT_EQ(run("BLPOP l nan"), "-ERR timeout is not a float or out of range|");
  EXPECT_EQ(run("BLPOP l -1"), "-ERR timeout is negative|");
  EXPECT_EQ(run("BLPOP l 1e30"), "-ERR timeout is negative|");
  EXPECT_EQ(run("LMOVE l s LEFT RIGHT"), "-WRONGTYPE Operation against a key holding the wrong kind of value|");
  EXPECT_EQ(run("LLEN l"), ":1|");
}

TEST_F(Lists, ATrimThatTakesNothingTouchesButChangesNothing) {
  run("RPUSH l a b");
  effects();
  auto& watcher = connect();
  run(watcher, "WATCH l");
  EXPECT_EQ(run("LTRIM l 0 -1"), "+OK|");
  EXPECT_EQ(effects(), Lines{});
  run(watcher, "MULTI");
  EXPECT_EQ(run(watcher, "EXEC"), "*-1|");
}

TEST_F(Lists, WaitersAreServedInTurnAndToldAsPops) {
  auto& first = connect();
  auto& second = connect();
  EXPECT_EQ(run(first, "BLPOP none l 0"), "");
  EXPECT_EQ(run(second, "BRPOP l 0"), "");
  EXPECT_TRUE(first.blocked);
  EXPECT_EQ(run("RPUSH l a b c"), ":3|");
  EXPECT_EQ(sent(first), "*2|$1|l|$1|a|");
  EXPECT_EQ(sent(second), "*2|$1|l|$1|c|");
  EXPECT_FALSE(first.blocked);
  EXPECT_EQ(run("LRANGE l 0 -1"), "*1|$1|b|");
  EXPECT_EQ(effects(), (Lines{"0: RPUSH l a b c", "0: LPOP l", "0: RPOP l"}));
}

TEST_F(Lists, AWaiterIsNotWokenByWhatHasGoneWhenATransactionEnds) {
  auto& waiting = connect();
  run(waiting, "BLPOP l 0");
  run("MULTI");
  run("RPUSH l a");
  run("DEL l");
  run("SET l x");
  run("EXEC");
  EXPECT_EQ(sent(waiting), "");
  run("DEL l");
  run("RPUSH l b");
  EXPECT_EQ(sent(waiting), "*2|$1|l|$1|b|");
}

TEST_F(Lists, AChainOfMovesIsServed) {
  auto& first = connect();
  auto& second = connect();
  auto& last = connect();
  run(second, "BLMOVE b c LEFT RIGHT 0");
  run(last, "BLMPOP 0 2 x c RIGHT COUNT 5");
  run(first, "BRPOPLPUSH a b 0");
  run("RPUSH a 1");
  EXPECT_EQ(sent(first), "$1|1|");
  EXPECT_EQ(sent(second), "$1|1|");
  EXPECT_EQ(sent(last), "*2|$1|c|*1|$1|1|");
  EXPECT_EQ(effects(), (Lines{"0: RPUSH a 1", "0: RPOPLPUSH a b", "0: LMOVE b c LEFT RIGHT", "0: RPOP c 1"}));
  EXPECT_EQ(run("DBSIZE"), ":0|");
}

TEST_F(Lists, AWokenMoveToAKeyOfAnotherTypeFailsAndTakesNothing) {
  auto& waiting = connect();
  run("SET target x");
  run(waiting, "BRPOPLPUSH l target 0");
  run("RPUSH l a");
  EXPECT_EQ(sent(waiting), "-WRONGTYPE Operation against a key holding the wrong kind of value|");
  EXPECT_EQ(run("LLEN l"), ":1|");
}

TEST_F(Lists, TimesUpIsANullArrayWhateverTheCommand) {
  auto& pop = connect();
  auto& move = connect();
  run(pop, "BLPOP l 0.1");
  run(move, "BLMOVE l t LEFT LEFT 0.2");
  clock.advance(Millis(150));
  node.end_overdue_waits();
  EXPECT_EQ(sent(pop), "*-1|");
  EXPECT_EQ(sent(move), "");
  clock.advance(Millis(100));
  node.end_overdue_waits();
  EXPECT_EQ(sent(move), "*-1|");
}

TEST_F(Lists, NobodyWaitsInATransaction) {
  run("MULTI");
  run("BLPOP l 0");
  run("BLMOVE l t LEFT LEFT 0");
  run("BLMPOP 0 1 l LEFT");
  EXPECT_EQ(run("EXEC"), "*3|*-1|$-1|*-1|");
}

TEST_F(Lists, LongRangesComeWhole) {
  std::string pushed = "RPUSH l";
  std::string expected;
  for (int i = 0; i < 3000; ++i) {
    const std::string value =
        i % 3 == 0 ? std::to_string(i * 7919 - 5000) : std::string(static_cast<size_t>(i % 90), 'x');
    pushed += " \"" + value + "\"";
    expected += fmt::format("${}|{}|", value.size(), value);
  }
  EXPECT_EQ(run(pushed), ":3000|");
  EXPECT_EQ(run("LRANGE l 0 -1"), "*3000|" + expected);
}

TEST_F(Lists, CommandsSayTheirKeys) {
  EXPECT_EQ(run("COMMAND GETKEYS LMPOP 2 a b LEFT"), "*2|$1|a|$1|b|");
  EXPECT_EQ(run("COMMAND GETKEYS BLMPOP 1 2 a b LEFT"), "*2|$1|a|$1|b|");
  EXPECT_EQ(run("COMMAND GETKEYS LMPOP 5 a LEFT"), "-ERR Invalid arguments specified for command|");
  EXPECT_EQ(run("COMMAND GETKEYSANDFLAGS SORT a STORE b STORE c"), "*2|*2|$1|a|*2|+RO|+access|*2|$1|c|*2|+OW|+update|");
}

}  // namespace
}  // namespace holdfast::node
