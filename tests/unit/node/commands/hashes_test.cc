#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::node {
namespace {

// Expected effects: what redis-server 7.0.15 writes into its log.
class Hashes : public testing::NodeTest {
 protected:
  Lines told(std::string_view line) {
    effects();
    run(line);
    return effects();
  }
};

TEST_F(Hashes, AreWrittenAndRead) {
  EXPECT_EQ(run("HSET h a 1 b 2"), ":2|");
  EXPECT_EQ(run("HSET h a 3 c 4"), ":1|");
  EXPECT_EQ(run("HGETALL h"), "*6|$1|a|$1|3|$1|b|$1|2|$1|c|$1|4|");
  EXPECT_EQ(run("HMGET h a none"), "*2|$1|3|$-1|");
  EXPECT_EQ(run("HSETNX h a 9"), ":0|");
  EXPECT_EQ(run("HDEL h a b none"), ":2|");
  EXPECT_EQ(run("HLEN h"), ":1|");
  EXPECT_EQ(run("HDEL h c"), ":1|");
  EXPECT_EQ(run("EXISTS h"), ":0|");
}

TEST_F(Hashes, RefuseOtherTypesAndBadNumbers) {
  run("SET s x");
  EXPECT_EQ(run("HSET s a 1"), "-WRONGTYPE Operation against a key holding the wrong kind of value|");
  EXPECT_EQ(run("HGET s a"), "-WRONGTYPE Operation against a key holding the wrong kind of value|");
  EXPECT_EQ(run("HSET h a"), "-ERR wrong number of arguments for 'hset' command|");
  EXPECT_EQ(run("HMSET h a 1 b"), "-ERR wrong number of arguments for 'hmset' command|");
  run("HSET h a x big 9223372036854775807");
  EXPECT_EQ(run("HINCRBY h a 1"), "-ERR hash value is not an integer|");
  EXPECT_EQ(run("HINCRBY h big 1"), "-ERR increment or decrement would overflow|");
  EXPECT_EQ(run("HINCRBYFLOAT h a 1"), "-ERR hash value is not a float|");
  EXPECT_EQ(run("HINCRBYFLOAT h b inf"), "-ERR value is NaN or Infinity|");
  EXPECT_EQ(run("EXISTS h"), ":1|");
  EXPECT_EQ(run("HINCRBY none a x"), "-ERR value is not an integer or out of range|");
  EXPECT_EQ(run("EXISTS none"), ":0|");
}

TEST_F(Hashes, ArithmeticIsToldAsItsResultWhereMachinesMayDiffer) {
  EXPECT_EQ(told("HINCRBY h a 3"), (Lines{"0: HINCRBY h a 3"}));
  EXPECT_EQ(told("HINCRBYFLOAT h a 0.5"), (Lines{"0: HSET h a 3.5"}));
  EXPECT_EQ(told("HSETNX h a 1"), Lines{});
  EXPECT_EQ(told("HDEL h none"), Lines{});
}

TEST_F(Hashes, RandomFieldsComeAsAskedFor) {
  EXPECT_EQ(run("HRANDFIELD h"), "$-1|");
  EXPECT_EQ(run("HRANDFIELD h 3"), "*0|");
  run("HSET h a 1");
  EXPECT_EQ(run("HRANDFIELD h -2 WITHVALUES"), "*4|$1|a|$1|1|$1|a|$1|1|");
  run("HELLO 3");
  EXPECT_EQ(run("HRANDFIELD h 5 WITHVALUES"), "*1|*2|$1|a|$1|1|");
  EXPECT_EQ(run("HGETALL h"), "%1|$1|a|$1|1|");
  EXPECT_EQ(run("HRANDFIELD h 4611686018427387904 WITHVALUES"), "-ERR value is out of range|");
}

TEST_F(Hashes, ScanGivesAPackedHashAtOnce) {
  run("HSET h a 1 b 2");
  EXPECT_EQ(run("HSCAN h 0 COUNT 1 MATCH b*"), "*2|$1|0|*2|$1|b|$1|2|");
  EXPECT_EQ(run("HSCAN none 0"), "*2|$1|0|*0|");
  EXPECT_EQ(run("HSCAN h x"), "-ERR invalid cursor|");
  EXPECT_EQ(run("HSCAN h 0 TYPE hash"), "-ERR syntax error|");
}

}  // namespace
}  // namespace holdfast::node
