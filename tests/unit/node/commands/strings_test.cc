// Replies are those of Redis 7.0.15, taken from a running server.
#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::node {
namespace {

using Strings = testing::NodeTest;

TEST_F(Strings, SetAndGet) {
  EXPECT_EQ(run("GET a"), "$-1|");
  EXPECT_EQ(run("SET a hello"), "+OK|");
  EXPECT_EQ(run("GET a"), "$5|hello|");
  EXPECT_EQ(run("SET a new NX"), "$-1|");
  EXPECT_EQ(run("SET b new XX"), "$-1|");
  EXPECT_EQ(run("SET a new XX GET"), "$5|hello|");
  EXPECT_EQ(run("SET c new NX GET"), "$-1|");
  EXPECT_EQ(run("GET c"), "$3|new|");
}

TEST_F(Strings, SetRefusesContradictingOptions) {
  for (const char* line : {"SET a b NX XX", "SET a b EX 1 PX 1", "SET a b EX", "SET a b KEEPTTL EX 1", "SET a b FOO"}) {
    EXPECT_EQ(run(line), "-ERR syntax error|") << line;
  }
  EXPECT_EQ(run("SET a b EX 0"), "-ERR invalid expire time in 'set' command|");
  EXPECT_EQ(run("SET a b EX 9223372036854775807"), "-ERR invalid expire time in 'set' command|");
  EXPECT_EQ(run("SET a b PX x"), "-ERR value is not an integer or out of range|");
  EXPECT_EQ(run("SETEX a -1 b"), "-ERR invalid expire time in 'setex' command|");
  EXPECT_EQ(run("EXISTS a"), ":0|");
}

TEST_F(Strings, ExpiryIsKeptOrCleared) {
  run("SET a 1 EX 100");
  EXPECT_EQ(run("TTL a"), ":100|");
  run("SET a 2 KEEPTTL");
  EXPECT_EQ(run("TTL a"), ":100|");
  run("APPEND a x");
  EXPECT_EQ(run("TTL a"), ":100|");
  run("SET a 3");
  EXPECT_EQ(run("TTL a"), ":-1|");
}

TEST_F(Strings, GetexChangesTheExpiryAndSaysSo) {
  run("SET a v");
  effects();
  EXPECT_EQ(run("GETEX a"), "$1|v|");
  EXPECT_EQ(effects(), Lines{});
  EXPECT_EQ(run("GETEX a PX 5000"), "$1|v|");
  EXPECT_EQ(effects(), (Lines{"0: PEXPIREAT a 1700000005000"}));
  EXPECT_EQ(run("GETEX a PERSIST"), "$1|v|");
  EXPECT_EQ(effects(), (Lines{"0: PERSIST a"}));
  EXPECT_EQ(run("GETEX a PERSIST"), "$1|v|");
  EXPECT_EQ(effects(), Lines{});
  EXPECT_EQ(run("GETEX a EXAT 10"), "$1|v|");
  EXPECT_EQ(effects(), (Lines{"0: DEL a"}));
}

TEST_F(Strings, NumbersKeepRedisLimits) {
  EXPECT_EQ(run("INCR n"), ":1|");
  EXPECT_EQ(run("DECRBY n 5"), ":-4|");
  run("SET n 9223372036854775807");
  EXPECT_EQ(run("INCR n"), "-ERR increment or decrement would overflow|");
  EXPECT_EQ(run("DECRBY n -9223372036854775808"), "-ERR decrement would overflow|");
  run("SET t text");
  EXPECT_EQ(run("INCR t"), "-ERR value is not an integer or out of range|");
  EXPECT_EQ(run("INCRBYFLOAT t 1"), "-ERR value is not a valid float|");
  run("SET f 10.50");
  EXPECT_EQ(run("INCRBYFLOAT f 0.1"), "$4|10.6|");
  EXPECT_EQ(run("INCRBYFLOAT f inf"), "-ERR increment would produce NaN or Infinity|");
}

TEST_F(Strings, RangesAreClamped) {
  run("SET s \"Hello World\"");
  EXPECT_EQ(run("GETRANGE s 0 4"), "$5|Hello|");
  EXPECT_EQ(run("GETRANGE s -5 -1"), "$5|World|");
  EXPECT_EQ(run("GETRANGE s 5 1"), "$0||");
  EXPECT_EQ(run("SUBSTR s 0 100"), "$11|Hello World|");
  EXPECT_EQ(run("SETRANGE s 6 Redis"), ":11|");
  EXPECT_EQ(run("GET s"), "$11|Hello Redis|");
  EXPECT_EQ(run("SETRANGE s -1 x"), "-ERR offset is out of range|");
  EXPECT_EQ(run("SETRANGE s 536870912 x"), "-ERR string exceeds maximum allowed size (proto-max-bulk-len)|");
  EXPECT_EQ(run("SETRANGE none 5 \"\""), ":0|");
  EXPECT_EQ(run("EXISTS none"), ":0|");
}

TEST_F(Strings, ManyKeysAtOnce) {
  EXPECT_EQ(run("MSET a 1 b 2 c 3"), "+OK|");
  EXPECT_EQ(run("MGET a x c"), "*3|$1|1|$-1|$1|3|");
  EXPECT_EQ(run("MSETNX d 4 a 5"), ":0|");
  EXPECT_EQ(run("EXISTS d"), ":0|");
  EXPECT_EQ(run("MSETNX d 4 e 5"), ":1|");
  EXPECT_EQ(run("MSET a 1 b"), "-ERR wrong number of arguments for 'mset' command|");
}

TEST_F(Strings, LcsReportsTextLengthAndRanges) {
  run("MSET a ohmytext b mynewtext");
  EXPECT_EQ(run("LCS a b"), "$6|mytext|");
  EXPECT_EQ(run("LCS a b LEN"), ":6|");
  EXPECT_EQ(run("LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN"), "*4|$7|matches|*1|*3|*2|:4|:7|*2|:5|:8|:4|$3|len|:6|");
  EXPECT_EQ(run("LCS a b LEN IDX"), "-ERR If you want both the length and indexes, please just use IDX.|");
}

TEST_F(Strings, BitsCountAndMove) {
  EXPECT_EQ(run("SETBIT b 7 1"), ":0|");
  EXPECT_EQ(run("SETBIT b 7 0"), ":1|");
  EXPECT_EQ(run("SETBIT b 4294967296 1"), "-ERR bit offset is not an integer or out of range|");
  EXPECT_EQ(run("SETBIT b 0 2"), "-ERR bit is not an integer or out of range|");
  run("SET s foobar");
  EXPECT_EQ(run("BITCOUNT s"), ":26|");
  EXPECT_EQ(run("BITCOUNT s 5 30 BIT"), ":17|");
  EXPECT_EQ(run("BITPOS s 0"), ":0|");
  run("SET ones \"\\xff\\xff\"");
  EXPECT_EQ(run("BITPOS ones 0"), ":16|");
  EXPECT_EQ(run("BITPOS ones 0 0 -1"), ":-1|");
  EXPECT_EQ(run("BITOP NOT d ones"), ":2|");
  // As Redis: a value far below the type's least saturates to its largest.
  EXPECT_EQ(run("BITFIELD far OVERFLOW SAT SET i5 0 -9223372036854775793 GET i5 0"), "*2|:0|:15|");
  EXPECT_EQ(run("BITFIELD far OVERFLOW SAT SET i5 0 -9223372036854775792 GET i5 0"), "*2|:15|:-16|");
  EXPECT_EQ(run("BITFIELD f SET u8 0 200 OVERFLOW SAT INCRBY u8 0 100 GET u4 0"), "*3|:0|:255|:15|");
  EXPECT_EQ(run("BITFIELD f OVERFLOW FAIL INCRBY u8 0 1"), "*1|$-1|");
  EXPECT_EQ(run("BITFIELD_RO f SET u8 0 1"), "-ERR BITFIELD_RO only supports the GET subcommand|");
}

TEST_F(Strings, EncodingsHaveRedisNames) {
  run("SET i 12345");
  run("SET e short");
  run("SET r 123456789012345678901234567890123456789012345");
  EXPECT_EQ(run("OBJECT ENCODING i"), "$3|int|");
  EXPECT_EQ(run("OBJECT ENCODING e"), "$6|embstr|");
  EXPECT_EQ(run("OBJECT ENCODING r"), "$3|raw|");
  run("APPEND e x");
  EXPECT_EQ(run("OBJECT ENCODING e"), "$3|raw|");
  EXPECT_EQ(run("OBJECT ENCODING none"), "$-1|");
}

}  // namespace
}  // namespace holdfast::node
