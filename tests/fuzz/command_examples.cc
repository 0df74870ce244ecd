#include "tests/fuzz/command_examples.h"

namespace holdfast::fuzz {
namespace {

// clang-format off
constexpr std::string_view kExamples[] = {
    // Strings, bits, counts
    "SET k? v", "SET k? # EX 5", "SET k? v PX # KEEPTTL", "SET k? v GET XX", "GETEX k? PX 700", "GETEX k? PERSIST",
    "GETDEL k?", "GETSET k? w", "MSET k? 1 k? 2", "MSETNX k? 1 k? 2", "INCRBY k? #", "INCRBYFLOAT k? 0.1",
    "APPEND k? tail", "SETRANGE k? # x", "SETEX k? 3 v", "PSETEX k? 500 v", "SETBIT k? # 1", "BITOP XOR k? k? k?",
    "BITOP NOT k? k?", "BITFIELD k? INCRBY u8 # 3 OVERFLOW SAT SET i5 #1 9", "LCS k? k? IDX", "PFADD p? a b #",
    "PFMERGE p? p? p?", "PFCOUNT p? p?",
    // Keys
    "DEL k? h?", "UNLINK l? s?", "EXPIRE h? 1", "PEXPIRE k? #", "PEXPIREAT z? 1700000000500", "EXPIRE x? 2 NX",
    "PERSIST k?", "RENAME h? h?", "RENAMENX l? k?", "COPY h? h? REPLACE", "COPY x? x? DB 1", "MOVE k? 1", "SELECT 1",
    "SELECT 0", "SWAPDB 0 1", "FLUSHDB", "TOUCH k? h?", "SORT l? ALPHA STORE l?", "SORT s? BY nosort STORE l?",
    "RPUSH l? 0 1 2", "SORT l? BY h*->f1 GET h*->f2 GET h*->f3 STORE l?", "SORT s? BY h*->f1 ALPHA DESC STORE l?",
    "SORT l? BY nosort GET k* STORE l?", "OBJECT ENCODING h?", "DUMP h?", "RANDOMKEY", "EXISTS h?", "TTL h?",
    "SCAN 0", "KEYS *",
    // Transactions and waiting
    "MULTI", "EXEC", "DISCARD", "WATCH h?", "@ 0", "@ 1", "+ 400", "+ 1000", "+ 90000", "CLIENT PAUSE 500 WRITE",
    "CLIENT UNPAUSE",
    // Lists
    "RPUSH l? a b # 2", "LPUSH l? x y", "RPUSHX l? z", "LINSERT l? BEFORE b n", "LSET l? # v", "LREM l? -1 a",
    "LTRIM l? 1 -2", "LPOP l? 2", "RPOP l?", "LMOVE l? l? LEFT RIGHT", "RPOPLPUSH l? l?",
    "LMPOP 2 l? l? LEFT COUNT 2", "BLPOP l? l? 0", "BRPOP l? 1", "BLMOVE l? l? RIGHT LEFT 0",
    "BLMPOP 0 2 l? l? RIGHT COUNT 3", "BRPOPLPUSH l? l? 1", "LPOS l? a RANK -1 COUNT 0",
    // Sets
    "SADD s? 1 2 3 #", "SADD s? a b c", "SREM s? a 1", "SPOP s?", "SPOP s? 2", "SPOP s? 100", "SMOVE s? s? a",
    "SUNIONSTORE s? s? s?", "SINTERSTORE s? s? s?", "SDIFFSTORE s? s? s?", "SRANDMEMBER s? -3", "SSCAN s? 0 COUNT 2",
    // Hashes
    "HSET h? f1 # f2 b", "HSET h? f3 3 f4 4 f5 5 f6 6 f7 7 f8 8 f9 9", "HSETNX h? f1 v", "HINCRBY h? f1 #",
    "HINCRBYFLOAT h? f1 0.5", "HDEL h? f1", "HDEL h? f1 f2 f3", "HEXPIRE h? 1 FIELDS 1 f1",
    "HPEXPIRE h? # NX FIELDS 2 f1 f2", "HPEXPIRE h? 300 GT FIELDS 2 f2 f3",
    "HPEXPIREAT h? 1700000000400 LT FIELDS 1 f1", "HEXPIREAT h? 1700000001 FIELDS 2 f1 f4",
    "HPEXPIRE h? 0 FIELDS 2 f1 f2", "HPERSIST h? FIELDS 2 f1 f2", "HGETEX h? PX # FIELDS 2 f1 f2",
    "HGETEX h? PERSIST FIELDS 1 f1", "HGETEX h? PXAT 1 FIELDS 2 f1 f3", "HSETEX h? PX 300 FIELDS 2 f1 a f2 b",
    "HSETEX h? FXX KEEPTTL FIELDS 1 f1 c", "HSETEX h? FNX FIELDS 1 f9 d", "HSETEX h? PXAT 1 FIELDS 2 f1 a f5 b",
    "HGETDEL h? FIELDS 2 f1 f2", "HTTL h? FIELDS 2 f1 f2", "HPEXPIRETIME h? FIELDS 1 f1", "HGETALL h?",
    "HRANDFIELD h? -4 WITHVALUES", "HSCAN h? 0", "HLEN h?",
    // Sorted sets, places
    "ZADD z? 1 a 2 b # c", "ZADD z? NX GT 1 a", "ZADD z? XX GT CH 5 a 6 b", "ZADD z? INCR 1.5 a",
    "ZADD z? inf a -inf b 0 c", "ZINCRBY z? -inf a", "ZREM z? a", "ZPOPMIN z? 2", "ZPOPMAX z?",
    "ZMPOP 2 z? z? MIN COUNT 2", "BZPOPMIN z? z? 0", "BZMPOP 0 1 z? MAX COUNT 2", "ZREMRANGEBYRANK z? 0 1",
    "ZREMRANGEBYSCORE z? (1 3", "ZREMRANGEBYLEX z? [a (c", "ZRANGESTORE z? z? 0 (3 BYSCORE LIMIT 0 2",
    "ZRANGESTORE z? z? + - BYLEX REV", "ZUNIONSTORE z? 2 z? s? WEIGHTS 2 -1 AGGREGATE MIN",
    "ZINTERSTORE z? 2 z? z? AGGREGATE SUM", "ZDIFFSTORE z? 2 z? z?", "ZADD z? 1 a 1 b 1 c 1 d 1 e 1 f 1 g 1 h 1 i",
    "ZRANK z? b", "ZRANDMEMBER z? -3", "GEOADD g? 13.361389 38.115556 Palermo 15.087269 37.502669 Catania",
    "GEOADD g? NX CH 2.35 48.85 Paris", "GEOSEARCHSTORE g? g? FROMMEMBER Palermo BYRADIUS 300 km STOREDIST",
    "GEOSEARCH g? FROMLONLAT 15 37 BYBOX 400 400 km ASC COUNT 1 ANY", "GEORADIUS g? 15 37 200 km STORE z?",
    "GEORADIUSBYMEMBER g? Palermo 200 km STOREDIST z?",
    // Streams
    "XADD x? * f v", "XADD x? 5-* f v", "XADD x? 1-1 f v g w", "XADD x? MAXLEN = 3 * f v",
    "XADD x? MAXLEN ~ 2 LIMIT 3 * f v", "XADD x? NOMKSTREAM MINID ~ 5-1 * g w", "XDEL x? 1-1", "XDEL x? 5-0 5-1",
    "XTRIM x? MAXLEN # ", "XTRIM x? MINID 5-2", "XTRIM x? MAXLEN ~ 2",
    "XSETID x? 9-9 ENTRIESADDED # MAXDELETEDID 1-1", "XGROUP CREATE x? g1 0 MKSTREAM",
    "XGROUP CREATE x? g2 $ ENTRIESREAD #", "XGROUP SETID x? g1 1-1 ENTRIESREAD 1", "XGROUP DESTROY x? g1",
    "XGROUP CREATECONSUMER x? g1 c1", "XGROUP DELCONSUMER x? g1 c1", "XREADGROUP GROUP g1 c1 COUNT 2 STREAMS x? >",
    "XREADGROUP GROUP g1 c2 NOACK STREAMS x? x? > >", "XREADGROUP GROUP g1 c1 STREAMS x? 0",
    "XREADGROUP GROUP g1 c3 BLOCK 0 STREAMS x? >", "XREAD BLOCK 0 STREAMS x? $", "XACK x? g1 1-1 5-0",
    "XPENDING x? g1 IDLE 1 - + 10 c1", "XCLAIM x? g1 c2 0 1-1 5-0 JUSTID",
    "XCLAIM x? g1 c2 0 5-0 FORCE IDLE # RETRYCOUNT 3 LASTID 5-1", "XCLAIM x? g1 c3 100 1-1 TIME 1700000000000",
    "XAUTOCLAIM x? g1 c1 0 0 COUNT 1", "XAUTOCLAIM x? g1 c2 10 - JUSTID", "XINFO STREAM x? FULL",
    "XREVRANGE x? + - COUNT 2",
};
// clang-format on

}  // namespace

std::span<const std::string_view> command_examples() { return kExamples; }

}  // namespace holdfast::fuzz
