// Replies are those of Redis 7.0.15, taken from a running server.
#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::node {
namespace {

using HyperLogLogs = testing::NodeTest;

TEST_F(HyperLogLogs, AddCountMerge) {
  EXPECT_EQ(run("PFADD h a b c a"), ":1|");
  EXPECT_EQ(run("PFADD h a b"), ":0|");
  EXPECT_EQ(run("PFCOUNT h"), ":3|");
  EXPECT_EQ(run("PFCOUNT h"), ":3|");
  EXPECT_EQ(run("PFADD other c d"), ":1|");
  EXPECT_EQ(run("PFCOUNT h other nothing"), ":4|");
  EXPECT_EQ(run("PFMERGE sum h other nothing"), "+OK|");
  EXPECT_EQ(run("PFCOUNT sum"), ":4|");
  EXPECT_EQ(run("PFADD empty"), ":1|");
  EXPECT_EQ(run("PFCOUNT empty nothing"), ":0|");
  EXPECT_EQ(run("OBJECT ENCODING h"), "$3|raw|");
  // The first count of a sketch is kept in it, and told; one that is kept already is not.
  EXPECT_EQ(effects(), (Lines{"0: PFADD h a b c a", "0: PFCOUNT h", "0: PFADD other c d",
                              "0: PFMERGE sum h other nothing", "0: PFCOUNT sum", "0: PFADD empty"}));
}

TEST_F(HyperLogLogs, AReplicaLeavesTheCountToItsPrimary) {
  run("PFADD h a");
  replication.replica = true;
  const std::string before = run("GET h");
  EXPECT_EQ(run("PFCOUNT h"), ":1|");
  EXPECT_EQ(run("GET h"), before);
}

TEST_F(HyperLogLogs, RefuseWhatIsNone) {
  run("SET s foo");
  run("RPUSH l a");
  EXPECT_EQ(run("PFADD s a"), "-WRONGTYPE Key is not a valid HyperLogLog string value.|");
  EXPECT_EQ(run("PFCOUNT s s"), "-WRONGTYPE Key is not a valid HyperLogLog string value.|");
  EXPECT_EQ(run("PFMERGE d l"), "-WRONGTYPE Operation against a key holding the wrong kind of value|");
  run("PFADD h a b c");
  run("APPEND h hello");
  EXPECT_EQ(run("PFCOUNT h"), "-INVALIDOBJ Corrupted HLL object detected|");
  EXPECT_EQ(run("PFMERGE d h"), "-INVALIDOBJ Corrupted HLL object detected|");
}

TEST_F(HyperLogLogs, ShowTheirInside) {
  run("PFADD h a b c");
  EXPECT_EQ(run("PFDEBUG ENCODING h"), "+sparse|");
  EXPECT_EQ(run("PFDEBUG DECODE h"), "$44|Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603|");
  EXPECT_EQ(run("PFDEBUG TODENSE h"), ":1|");
  EXPECT_EQ(run("PFDEBUG TODENSE h"), ":0|");
  EXPECT_EQ(run("PFDEBUG DECODE h"), "-ERR HLL encoding is not sparse|");
  EXPECT_EQ(run("PFDEBUG GETREG h").substr(0, 12), "*16384|:0|:0");
  EXPECT_EQ(run("PFDEBUG FOO h"), "-ERR Unknown PFDEBUG subcommand 'FOO'|");
  EXPECT_EQ(run("PFDEBUG GETREG nothing"), "-ERR The specified key does not exist|");
  EXPECT_EQ(run("PFSELFTEST"), "+OK|");
}

}  // namespace
}  // namespace holdfast::node
