// Rules: Redis 7.4's and 8.0's documentation of the commands.
#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::node {
namespace {

class HashExpiry : public testing::NodeTest {
 protected:
  HashExpiry() { run("HSET h a 1 b 2 c 3"); }
  Lines told(std::string_view line) {
    effects();
    run(line);
    return effects();
  }
};

TEST_F(HashExpiry, FieldsGetAndShowTheirTimes) {
  EXPECT_EQ(run("HEXPIRE h 10 FIELDS 2 a none"), "*2|:1|:-2|");
  EXPECT_EQ(run("HTTL h FIELDS 3 a b none"), "*3|:10|:-1|:-2|");
  EXPECT_EQ(run("HPTTL h FIELDS 1 a"), "*1|:10000|");
  EXPECT_EQ(run("HEXPIRETIME h FIELDS 1 a"), "*1|:1700000010|");
  EXPECT_EQ(run("HPEXPIRETIME h FIELDS 1 a"), "*1|:1700000010000|");
  EXPECT_EQ(run("HPERSIST h FIELDS 3 a b none"), "*3|:1|:-1|:-2|");
  EXPECT_EQ(run("HTTL h FIELDS 1 a"), "*1|:-1|");
  EXPECT_EQ(run("HEXPIRE none 10 FIELDS 1 a"), "*1|:-2|");
  EXPECT_EQ(run("HTTL none FIELDS 1 a"), "*1|:-2|");
}

TEST_F(HashExpiry, ConditionsHoldOrNot) {
  EXPECT_EQ(run("HPEXPIRE h 100 XX FIELDS 1 a"), "*1|:0|");
  EXPECT_EQ(run("HPEXPIRE h 100 GT FIELDS 1 a"), "*1|:0|");
  EXPECT_EQ(run("HPEXPIRE h 100 LT FIELDS 1 a"), "*1|:1|");
  EXPECT_EQ(run("HPEXPIRE h 200 LT FIELDS 1 a"), "*1|:0|");
  EXPECT_EQ(run("HPEXPIRE h 200 GT FIELDS 1 a"), "*1|:1|");
  EXPECT_EQ(run("HPEXPIRE h 200 NX FIELDS 2 a b"), "*2|:0|:1|");
}

TEST_F(HashExpiry, RefusesWhatItCannotRead) {
  EXPECT_EQ(run("HEXPIRE h x FIELDS 1 a"), "-ERR value is not an integer or out of range|");
  EXPECT_EQ(run("HEXPIRE h -1 FIELDS 1 a"), "-ERR invalid expire time, must be >= 0|");
  EXPECT_EQ(run("HEXPIRE h 9223372036854775807 FIELDS 1 a"), "-ERR invalid expire time in 'hexpire' command|");
  EXPECT_EQ(run("HEXPIRE h 1 FIELD 1 a"),
            "-ERR Mandatory argument FIELDS is missing or not at the right position|");
  EXPECT_EQ(run("HEXPIRE h 1 FIELDS 0 a"), "-ERR Parameter `numFields` should be greater than 0|");
  EXPECT_EQ(run("HEXPIRE h 1 FIELDS 2 a"), "-ERR The `numfields` parameter must match the number of arguments|");
  EXPECT_EQ(run("HTTL h FIELDS 0 a"), "-ERR Number of fields must be a positive integer|");
  run("SET s x");
  EXPECT_EQ(run("HTTL s FIELDS 1 a"), "-WRONGTYPE Operation against a key holding the wrong kind of value|");
  EXPECT_EQ(run("HGETEX h EX 1 PERSIST FIELDS 1 a"),
            "-ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified|");
  EXPECT_EQ(run("HSETEX h FNX FXX FIELDS 1 a 1"), "-ERR Only one of FXX or FNX arguments can be specified|");
  EXPECT_EQ(run("HSETEX h EX 10 FIELDS 2 a 1"), "-ERR wrong number of arguments|");
}

TEST_F(HashExpiry, SumsAreToldWithTheExpiriesOfTheirFields) {
  run("HPEXPIRE h 500 FIELDS 2 a b");
  EXPECT_EQ(told("HINCRBY h a 1"), (Lines{"0: HINCRBY h a 1"}));
  EXPECT_EQ(told("HINCRBYFLOAT h b 0.5"), (Lines{"0: HSETEX h KEEPTTL FIELDS 1 b 2.5"}));
  EXPECT_EQ(told("HINCRBYFLOAT h c 0.5"), (Lines{"0: HSET h c 3.5"}));
  EXPECT_EQ(run("HPTTL h FIELDS 3 a b c"), "*3|:500|:500|:-1|");
}

TEST_F(HashExpiry, RelativeTimesAreToldAbsolute) {
  EXPECT_EQ(told("HEXPIRE h 10 FIELDS 2 a none"), (Lines{"0: HPEXPIREAT h 1700000010000 FIELDS 1 a"}));
  EXPECT_EQ(told("HEXPIRE h 5 NX FIELDS 1 a"), Lines{});
  EXPECT_EQ(told("HPERSIST h FIELDS 2 a b"), (Lines{"0: HPERSIST h FIELDS 1 a"}));
  EXPECT_EQ(told("HGETEX h PX 5 FIELDS 1 b"), (Lines{"0: HPEXPIREAT h 1700000000005 FIELDS 1 b"}));
  EXPECT_EQ(told("HSETEX h EX 1 FIELDS 1 d 4"), (Lines{"0: HSETEX h PXAT 1700000001000 FIELDS 1 d 4"}));
  EXPECT_EQ(told("HGETDEL h FIELDS 2 d none"), (Lines{"0: HDEL h d"}));
}

TEST_F(HashExpiry, ATimeThatHasPassedDeletesTheField) {
  EXPECT_EQ(told("HEXPIREAT h 1 FIELDS 1 a"), (Lines{"0: HDEL h a"}));
  EXPECT_EQ(run("HEXPIRE h 0 FIELDS 2 a b"), "*2|:-2|:2|");
  EXPECT_EQ(run("HGETEX h PXAT 1 FIELDS 1 c"), "*1|$1|3|");
  EXPECT_EQ(run("EXISTS h"), ":0|");
}

TEST_F(HashExpiry, ExpiredFieldsAreHiddenFromEveryReader) {
  run("HPEXPIRE h 10 FIELDS 2 a b");
  clock.advance(Millis(11));
  EXPECT_EQ(run("HGET h a"), "$-1|");
  EXPECT_EQ(run("HMGET h a c"), "*2|$-1|$1|3|");
  EXPECT_EQ(run("HGETALL h"), "*2|$1|c|$1|3|");
  EXPECT_EQ(run("HKEYS h"), "*1|$1|c|");
  EXPECT_EQ(run("HVALS h"), "*1|$1|3|");
  EXPECT_EQ(run("HLEN h"), ":1|");
  EXPECT_EQ(run("HEXISTS h b"), ":0|");
  EXPECT_EQ(run("HSTRLEN h b"), ":0|");
  EXPECT_EQ(run("HRANDFIELD h 5"), "*1|$1|c|");
  EXPECT_EQ(run("HSCAN h 0"), "*2|$1|0|*2|$1|c|$1|3|");
  EXPECT_EQ(run("HTTL h FIELDS 1 a"), "*1|:-2|");
}

TEST_F(HashExpiry, AWriteDeletesTheExpiredFieldsItNamesAndSaysSoFirst) {
  run("HPEXPIRE h 10 FIELDS 2 a b");
  clock.advance(Millis(11));
  EXPECT_EQ(told("HINCRBY h a 5"), (Lines{"0: MULTI", "0: HDEL h a", "0: HINCRBY h a 5", "-1: EXEC"}));
  EXPECT_EQ(run("HGET h a"), "$1|5|");
  EXPECT_EQ(run("HTTL h FIELDS 1 a"), "*1|:-1|");
  EXPECT_EQ(run("HSET h b 1"), ":1|");
}

TEST_F(HashExpiry, SettingAFieldClearsItsExpiryAndArithmeticKeepsIt) {
  run("HEXPIRE h 10 FIELDS 2 a b");
  run("HSET h a 1");
  run("HINCRBY h b 1");
  EXPECT_EQ(run("HTTL h FIELDS 2 a b"), "*2|:-1|:10|");
}

TEST_F(HashExpiry, TheActiveCycleDeletesExpiredFieldsAndTheHashWithTheLast) {
  run("HPEXPIRE h 9 FIELDS 1 a");
  run("HPEXPIRE h 10 FIELDS 1 b");
  run("HSETEX other PX 10 FIELDS 1 x y");
  clock.advance(Millis(11));
  effects();
  expire_actively();
  EXPECT_EQ(effects(), (Lines{"0: HDEL h a b", "0: HDEL other x"}));
  EXPECT_EQ(run("EXISTS h other"), ":1|");
  EXPECT_EQ(run("HLEN h"), ":1|");
  clock.advance(Millis(1000));
  expire_actively();
  EXPECT_EQ(effects(), Lines{});
}

TEST_F(HashExpiry, TheActiveCycleFindsHashesWhereverTheyWent) {
  for (const char* key : {"moved", "renamed", "copied", "swapped", "deleted", "overwritten"}) {
    run(fmt::format("HSETEX {} PX 10 FIELDS 1 f v", key));
  }
  run("MOVE moved 3");
  run("RENAME renamed new");
  run("COPY copied copy");
  run("DEL deleted");
  run("SET overwritten x");
  run("SWAPDB 0 5");
  clock.advance(Millis(11));
  effects();
  expire_actively();
  Lines lines = effects();
  std::ranges::sort(lines);
  EXPECT_EQ(lines, (Lines{"3: HDEL moved f", "5: HDEL copied f", "5: HDEL copy f", "5: HDEL new f", "5: HDEL swapped f"}));
  run("FLUSHALL");
  expire_actively();
  EXPECT_EQ(run("DBSIZE"), ":0|");
}

TEST_F(HashExpiry, AReplicaHidesAndWaitsForItsPrimary) {
  run("HPEXPIRE h 10 FIELDS 2 a b");
  replication.replica = true;
  clock.advance(Millis(11));
  effects();
  EXPECT_EQ(run("HGET h a"), "$-1|");
  EXPECT_EQ(run("HLEN h"), ":1|");
  expire_actively();
  EXPECT_EQ(effects(), Lines{});
  server::Session& primary = connect();
  const auto from_primary = [&](std::string_view line) {
    const auto words = *split_args(line);
    node.execute_from_primary(primary, std::vector<std::string_view>(words.begin(), words.end()));
  };
  from_primary("HPEXPIREAT h 1 FIELDS 1 c");
  EXPECT_EQ(run("HLEN h"), ":0|");
  EXPECT_EQ(run("EXISTS h"), ":1|");
  from_primary("HDEL h a b c");
  EXPECT_EQ(run("EXISTS h"), ":0|");
}

TEST_F(HashExpiry, HsetexKeepsItsConditions) {
  EXPECT_EQ(run("HSETEX h FNX EX 10 FIELDS 2 a 9 z 9"), ":0|");
  EXPECT_EQ(run("HSETEX h FXX EX 10 FIELDS 2 a 9 z 9"), ":0|");
  EXPECT_EQ(run("HSETEX h FXX EX 10 FIELDS 2 a 9 b 9"), ":1|");
  EXPECT_EQ(run("HSETEX h KEEPTTL FIELDS 1 a 8"), ":1|");
  EXPECT_EQ(run("HTTL h FIELDS 1 a"), "*1|:10|");
  EXPECT_EQ(run("HSETEX h FIELDS 1 a 8"), ":1|");
  EXPECT_EQ(run("HTTL h FIELDS 1 a"), "*1|:-1|");
  EXPECT_EQ(run("HSETEX none FXX FIELDS 1 a 8"), ":0|");
  EXPECT_EQ(run("EXISTS none"), ":0|");
}

}  // namespace
}  // namespace holdfast::node
