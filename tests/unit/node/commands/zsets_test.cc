#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::node::testing {
namespace {

class Zsets : public NodeTest {};

TEST_F(Zsets, AddUpdatesAndCounts) {
  EXPECT_EQ(run("ZADD z 1 a 2 b"), ":2|");
  EXPECT_EQ(run("ZADD z CH 3 a 2 b 5 c"), ":2|");
  EXPECT_EQ(run("ZADD z NX 9 a 9 d"), ":1|");
  EXPECT_EQ(run("ZADD z GT CH 1 a 4 b"), ":1|");
  EXPECT_EQ(run("ZADD z INCR 1.5 a"), "$3|4.5|");
  EXPECT_EQ(run("ZADD z XX INCR 1 none"), "$-1|");
  EXPECT_EQ(run("ZADD none XX 1 a"), ":0|");
  EXPECT_EQ(run("EXISTS none"), ":0|");
  EXPECT_EQ(run("ZRANGE z 0 -1 WITHSCORES"), "*8|$1|b|$1|4|$1|a|$3|4.5|$1|c|$1|5|$1|d|$1|9|");
}

TEST_F(Zsets, AddRefusesWhatDoesNotGoTogether) {
  EXPECT_EQ(run("ZADD z NX XX 1 a"), "-ERR XX and NX options at the same time are not compatible|");
  EXPECT_EQ(run("ZADD z NX GT 1 a"), "-ERR GT, LT, and/or NX options at the same time are not compatible|");
  EXPECT_EQ(run("ZADD z INCR 1 a 2 b"), "-ERR INCR option supports a single increment-element pair|");
  EXPECT_EQ(run("ZADD z 1 a 2"), "-ERR syntax error|");
  EXPECT_EQ(run("ZADD z 1 a nan b"), "-ERR value is not a valid float|");
  EXPECT_EQ(run("EXISTS z"), ":0|");
  run("ZADD z inf a");
  EXPECT_EQ(run("ZINCRBY z -inf a"), "-ERR resulting score is not a number (NaN)|");
  run("SET s x");
  EXPECT_EQ(run("ZADD s 1 a"), "-WRONGTYPE Operation against a key holding the wrong kind of value|");
  EXPECT_EQ(effects(), (Lines{"0: ZADD z inf a", "0: SET s x"}));
}

TEST_F(Zsets, RangesByRankScoreAndMember) {
  run("ZADD z 1 a 2 b 3 c 4 d");
  EXPECT_EQ(run("ZRANGE z -2 -1 REV"), "*2|$1|b|$1|a|");
  EXPECT_EQ(run("ZRANGE z (1 3 BYSCORE"), "*2|$1|b|$1|c|");
  EXPECT_EQ(run("ZRANGE z +inf (1 BYSCORE REV LIMIT 1 1"), "*1|$1|c|");
  EXPECT_EQ(run("ZRANGEBYLEX z [b (d"), "*2|$1|b|$1|c|");
  EXPECT_EQ(run("ZCOUNT z 2 (4"), ":2|");
  EXPECT_EQ(run("ZRANGE z 0 1 LIMIT 0 1"),
            "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX|");
  EXPECT_EQ(run("ZRANGEBYSCORE z x 1"), "-ERR min or max is not a float|");
  EXPECT_EQ(run("ZRANGEBYLEX z a b"), "-ERR min or max not valid string range item|");
}

TEST_F(Zsets, ScoresAreDoublesInResp3) {
  run("HELLO 3");
  run("ZADD z 1.5 a inf b");
  EXPECT_EQ(run("ZRANGE z 0 -1 WITHSCORES"), "*2|*2|$1|a|,1.5|*2|$1|b|,inf|");
  EXPECT_EQ(run("ZPOPMIN z"), "*2|$1|a|,1.5|");
  EXPECT_EQ(run("ZPOPMIN z 1"), "*1|*2|$1|b|,inf|");
}

TEST_F(Zsets, EmptySetsGo) {
  run("ZADD z 1 a");
  EXPECT_EQ(run("ZREM z a"), ":1|");
  EXPECT_EQ(run("EXISTS z"), ":0|");
  run("ZADD z 1 a");
  EXPECT_EQ(run("ZREMRANGEBYSCORE z -inf +inf"), ":1|");
  EXPECT_EQ(run("EXISTS z"), ":0|");
  run("SET d x");
  EXPECT_EQ(run("ZUNIONSTORE d 1 z"), ":0|");
  EXPECT_EQ(run("EXISTS d"), ":0|");
}

TEST_F(Zsets, PutTogetherWithWeights) {
  run("ZADD a 1 x 2 y");
  run("ZADD b 10 y 20 z");
  EXPECT_EQ(run("ZUNION 2 a b WEIGHTS 2 1 WITHSCORES"), "*6|$1|x|$1|2|$1|y|$2|14|$1|z|$2|20|");
  EXPECT_EQ(run("ZINTER 2 a b AGGREGATE MAX WITHSCORES"), "*2|$1|y|$2|10|");
  EXPECT_EQ(run("ZDIFF 2 a b"), "*1|$1|x|");
  EXPECT_EQ(run("ZINTERCARD 2 a b LIMIT 1"), ":1|");
  EXPECT_EQ(run("ZUNION 0 a"), "-ERR at least 1 input key is needed for 'zunion' command|");
}

TEST_F(Zsets, PopsTravelAsWhatTheyDid) {
  run("ZADD z 1 a 2 b 3 c 4 d");
  run("ZMPOP 2 none z MAX COUNT 2");
  run("BZPOPMIN none z 0");
  effects();
  EXPECT_EQ(run("BZMPOP 0 1 z MIN COUNT 9"), "*2|$1|z|*1|*2|$1|b|$1|2|");
  EXPECT_EQ(effects(), Lines{"0: ZPOPMIN z 1"});
}

TEST_F(Zsets, AWaitingClientGetsWhatIsAdded) {
  server::Session& waiting = connect();
  EXPECT_EQ(run(waiting, "BZPOPMAX z 0"), "");
  run("SET z x");
  EXPECT_EQ(waiting.reply().buffer(), "");
  run("DEL z");
  effects();
  run("ZADD z 1 a 2 b");
  EXPECT_EQ(waiting.reply().buffer(), "*3\r\n$1\r\nz\r\n$1\r\nb\r\n$1\r\n2\r\n");
  EXPECT_EQ(effects(), (Lines{"0: ZADD z 1 a 2 b", "0: ZPOPMAX z"}));
}

TEST_F(Zsets, PointsTravelAsTheirScores) {
  EXPECT_EQ(run("GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania"), ":2|");
  EXPECT_EQ(effects(), Lines{"0: zadd g 3479099956230698 Palermo 3479447370796909 Catania"});
  EXPECT_EQ(run("GEODIST g Palermo Catania km"), "$8|166.2742|");
  EXPECT_EQ(run("GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC"), "*2|$7|Catania|$7|Palermo|");
  EXPECT_EQ(run("GEOADD g 181 1 x"), "-ERR invalid longitude,latitude pair 181.000000,1.000000|");
}

}  // namespace
}  // namespace holdfast::node::testing
