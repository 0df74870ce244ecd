// Replies are those of Redis 7.0.15, taken from a running server.
#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::node {
namespace {

using Sort = testing::NodeTest;

TEST_F(Sort, ByNumberAndByText) {
  run("RPUSH l 10 9 2 1.5 -3");
  EXPECT_EQ(run("SORT l"), "*5|$2|-3|$3|1.5|$1|2|$1|9|$2|10|");
  EXPECT_EQ(run("SORT l DESC LIMIT 1 2"), "*2|$1|9|$1|2|");
  EXPECT_EQ(run("SORT_RO l ALPHA"), "*5|$2|-3|$3|1.5|$2|10|$1|2|$1|9|");
  EXPECT_EQ(run("SORT l LIMIT 5 10"), "*0|");
  EXPECT_EQ(run("SORT l LIMIT -5 2"), "*2|$2|-3|$3|1.5|");
  EXPECT_EQ(run("SORT nothing"), "*0|");
  run("RPUSH l x");
  EXPECT_EQ(run("SORT l"), "-ERR One or more scores can't be converted into double|");
}

TEST_F(Sort, ByOtherKeysAndFields) {
  run("RPUSH l 1 2 3");
  run("MSET w1 30 w2 20 w3 10 v1 a v3 c");
  run("HSET h1 f 3");
  run("HSET h2 f 1");
  run("HSET h3 f 2");
  EXPECT_EQ(run("SORT l BY w*"), "*3|$1|3|$1|2|$1|1|");
  EXPECT_EQ(run("SORT l BY h*->f GET # GET v* GET h*->f"), "*9|$1|2|$-1|$1|1|$1|3|$1|c|$1|2|$1|1|$1|a|$1|3|");
  EXPECT_EQ(run("SORT l BY nosort GET v1"), "*3|$-1|$-1|$-1|");
  EXPECT_EQ(run("SORT l BY missing*"), "*3|$1|1|$1|2|$1|3|");
  EXPECT_EQ(run("SORT l BY missing* ALPHA DESC LIMIT 0 1"), "*1|$1|1|");
}

TEST_F(Sort, WithoutSortingTakesARangeAsItLies) {
  run("RPUSH l c a b");
  EXPECT_EQ(run("SORT l BY nosort"), "*3|$1|c|$1|a|$1|b|");
  EXPECT_EQ(run("SORT l BY nosort DESC LIMIT 0 2"), "*2|$1|b|$1|a|");
  run("ZADD z 1 x 2 y 3 w");
  EXPECT_EQ(run("SORT z BY nosort DESC LIMIT 0 2"), "*2|$1|w|$1|y|");
  EXPECT_EQ(run("SORT z BY nosort LIMIT 1 5"), "*2|$1|y|$1|w|");
  EXPECT_EQ(run("SORT z ALPHA"), "*3|$1|w|$1|x|$1|y|");
}

TEST_F(Sort, StoresAListAndTellsIt) {
  run("RPUSH l 3 1 2");
  run("SADD s b c a");
  effects();
  EXPECT_EQ(run("SORT l STORE d"), ":3|");
  EXPECT_EQ(run("LRANGE d 0 -1"), "*3|$1|1|$1|2|$1|3|");
  EXPECT_EQ(run("SORT s BY nosort GET # GET x* STORE d"), ":6|");
  EXPECT_EQ(run("LRANGE d 0 -1"), "*6|$1|a|$0||$1|b|$0||$1|c|$0||");
  EXPECT_EQ(run("SORT nothing STORE d"), ":0|");
  EXPECT_EQ(run("EXISTS d"), ":0|");
  EXPECT_EQ(run("SORT nothing STORE d"), ":0|");
  EXPECT_EQ(effects(),
            (Lines{"0: SORT l STORE d", "0: SORT s BY nosort GET # GET x* STORE d", "0: SORT nothing STORE d"}));
}

TEST_F(Sort, StoresTheSameWhateverTheOrderOfASet) {
  run("SADD s k c p a n e g m b i d o h l f j");
  run("SORT s BY missing* ALPHA STORE d");
  EXPECT_EQ(run("LRANGE d 0 3"), "*4|$1|a|$1|b|$1|c|$1|d|");
  run("MSET wp 1 wa 1");
  run("SORT s BY w* ALPHA DESC STORE d");
  EXPECT_EQ(run("LRANGE d 0 3"), "*4|$1|p|$1|a|$1|o|$1|n|");
}

TEST_F(Sort, DoesNotSeeFieldsThatHaveExpired) {
  run("RPUSH l 1 2");
  run("HSET h1 f 9");
  run("HSET h2 f 5 g 1");
  run("HPEXPIRE h1 100 FIELDS 1 f");
  run("HPEXPIRE h2 100 FIELDS 1 f");
  clock.advance(Millis(200));
  server.refresh_now();
  effects();
  EXPECT_EQ(run("SORT l BY nosort GET h*->f"), "*2|$-1|$-1|");
  EXPECT_EQ(effects(), Lines{});
  EXPECT_EQ(run("SORT l BY h*->f DESC GET h*->f STORE d"), ":2|");
  EXPECT_EQ(effects(), (Lines{"0: MULTI", "0: HDEL h1 f", "0: HDEL h2 f",
                              "0: SORT l BY h*->f DESC GET h*->f STORE d", "-1: EXEC"}));
  EXPECT_EQ(run("LRANGE d 0 -1"), "*2|$0||$0||");
  EXPECT_EQ(run("EXISTS h1 h2"), ":1|");
}

TEST_F(Sort, RefusesInRedissWords) {
  run("SET s x");
  EXPECT_EQ(run("SORT s"), "-WRONGTYPE Operation against a key holding the wrong kind of value|");
  EXPECT_EQ(run("SORT_RO l STORE d"), "-ERR syntax error|");
  EXPECT_EQ(run("SORT l LIMIT 1"), "-ERR syntax error|");
  EXPECT_EQ(run("SORT l LIMIT a 1"), "-ERR value is not an integer or out of range|");
}

}  // namespace
}  // namespace holdfast::node
