#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::node {
namespace {

// Expected effects: what redis-server 7.0.15 writes into its log.
class Sets : public testing::NodeTest {
 protected:
  Lines told(std::string_view line) {
    effects();
    run(line);
    return effects();
  }
};

TEST_F(Sets, AreWrittenAndRead) {
  EXPECT_EQ(run("SADD s 3 1 2 1"), ":3|");
  EXPECT_EQ(run("SMEMBERS s"), "*3|$1|1|$1|2|$1|3|");
  EXPECT_EQ(run("SMISMEMBER s 1 9 x"), "*3|:1|:0|:0|");
  EXPECT_EQ(run("SREM s 1 9"), ":1|");
  EXPECT_EQ(run("SCARD s"), ":2|");
  EXPECT_EQ(run("SREM s 2 3"), ":2|");
  EXPECT_EQ(run("EXISTS s"), ":0|");
  run("HELLO 3");
  EXPECT_EQ(run("SMEMBERS s"), "~0|");
}

TEST_F(Sets, AreCombined) {
  run("SADD a 1 2 3 4");
  run("SADD b 2 4 6");
  EXPECT_EQ(run("SINTER a b"), "*2|$1|2|$1|4|");
  EXPECT_EQ(run("SDIFF a b none"), "*2|$1|1|$1|3|");
  EXPECT_EQ(run("SUNION a b none"), "*5|$1|1|$1|2|$1|3|$1|4|$1|6|");
  EXPECT_EQ(run("SINTER a none"), "*0|");
  EXPECT_EQ(run("SDIFF a a"), "*0|");
  EXPECT_EQ(run("SINTER a a"), "*4|$1|1|$1|2|$1|3|$1|4|");
  EXPECT_EQ(run("SINTERCARD 2 a b LIMIT 1"), ":1|");
  EXPECT_EQ(run("SINTERCARD 2 a b"), ":2|");
  EXPECT_EQ(run("SINTERSTORE a a b"), ":2|");
  EXPECT_EQ(run("SDIFFSTORE a a b"), ":0|");
  EXPECT_EQ(run("EXISTS a"), ":0|");
  EXPECT_EQ(run("SINTERCARD 0 a"), "-ERR numkeys should be greater than 0|");
  EXPECT_EQ(run("SINTERCARD 2 a"), "-ERR Number of keys can't be greater than number of args|");
}

TEST_F(Sets, WhatIsPoppedIsToldByName) {
  run("SADD s 1");
  EXPECT_EQ(told("SPOP s"), (Lines{"0: SREM s 1"}));
  EXPECT_EQ(run("EXISTS s"), ":0|");
  run("SADD s 1 2");
  EXPECT_EQ(told("SPOP s 2"), (Lines{"0: DEL s"}));
  EXPECT_EQ(told("SPOP s"), Lines{});
  run("SADD s 1 2 3");
  const Lines lines = told("SPOP s 2");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(lines[0].starts_with("0: SREM s "));
  EXPECT_EQ(run("SCARD s"), ":1|");
}

TEST_F(Sets, AMemberMoves) {
  run("SADD a 1");
  EXPECT_EQ(run("SMOVE a b x"), ":0|");
  EXPECT_EQ(run("SMOVE a a 1"), ":1|");
  EXPECT_EQ(run("SMOVE a b 1"), ":1|");
  EXPECT_EQ(run("EXISTS a"), ":0|");
  EXPECT_EQ(run("SMEMBERS b"), "*1|$1|1|");
  run("SET t x");
  EXPECT_EQ(run("SMOVE b t 1"), "-WRONGTYPE Operation against a key holding the wrong kind of value|");
  EXPECT_EQ(run("SMOVE none t 1"), ":0|");
}

TEST_F(Sets, RandomMembersComeAsAskedFor) {
  EXPECT_EQ(run("SRANDMEMBER s"), "$-1|");
  EXPECT_EQ(run("SRANDMEMBER s 2"), "*0|");
  run("SADD s 7");
  EXPECT_EQ(run("SRANDMEMBER s -3"), "*3|$1|7|$1|7|$1|7|");
  EXPECT_EQ(run("SRANDMEMBER s 3"), "*1|$1|7|");
  EXPECT_EQ(run("SPOP s -1"), "-ERR value is out of range, must be positive|");
  EXPECT_EQ(run("SPOP s 0"), "*0|");
}

}  // namespace
}  // namespace holdfast::node
