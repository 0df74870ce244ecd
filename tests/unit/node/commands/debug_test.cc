// DEBUG and LOLWUT.
#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::node::testing {
namespace {

class Debug : public NodeTest {
 protected:
  Debug() {
    config.debug = NodeConfig::Allow::yes;
    node.configure(config);
  }
};

TEST_F(Debug, IsGated) {
  config.debug = NodeConfig::Allow::no;
  node.configure(config);
  EXPECT_TRUE(run("DEBUG DIGEST").starts_with("-ERR DEBUG command not allowed. If the enable-debug-command option"));
  config.debug = NodeConfig::Allow::local;
  node.configure(config);
  EXPECT_EQ(run("DEBUG DIGEST"), "+0000000000000000000000000000000000000000|");
}

TEST_F(Debug, DigestsAreRedisOwn) {
  run("SET a 1");
  EXPECT_EQ(run("DEBUG DIGEST"), "+943d800368fb9c0e951138f1bc0e313ac769d91f|");
  EXPECT_EQ(run("DEBUG DIGEST-VALUE a nokey"),
            "*2|+b4fc66738120fba0b5aa500ab5c2bf89cea1c5da|+0000000000000000000000000000000000000000|");
}

TEST_F(Debug, PopulateMakesKeysThatNobodyIsToldOf) {
  EXPECT_EQ(run("DEBUG POPULATE 3 pre 10"), "+OK|");
  EXPECT_EQ(run("STRLEN pre:2"), ":10|");
  EXPECT_EQ(run("DEBUG POPULATE 2"), "+OK|");
  EXPECT_EQ(run("GET key:1"), "$7|value:1|");
  EXPECT_EQ(run("OBJECT ENCODING key:1"), "$6|embstr|");
  EXPECT_EQ(run("DEBUG POPULATE -1"), "-ERR value is out of range, must be positive|");
  EXPECT_TRUE(effects().empty());
}

TEST_F(Debug, ObjectDescribesAKey) {
  run("SET n 7");
  const std::string line = run("DEBUG OBJECT n");
  EXPECT_TRUE(line.starts_with("+Value at:0x"));
  EXPECT_NE(line.find(" refcount:2147483647 encoding:int serializedlength:2 lru:"), std::string::npos);
  EXPECT_TRUE(line.ends_with("lru_seconds_idle:0|"));
  EXPECT_EQ(run("DEBUG OBJECT no"), "-ERR no such key|");
}

TEST_F(Debug, HtstatsCountsTheTable) {
  EXPECT_NE(run("DEBUG HTSTATS 0").find("No stats available for empty dictionaries"), std::string::npos);
  run("DEBUG POPULATE 5000");
  run("SET volatile v EX 100");
  const std::string text = run("DEBUG HTSTATS 0");
  EXPECT_NE(text.find("[Dictionary HT]\nHash table 0 stats (main hash table):\n table size: "), std::string::npos);
  EXPECT_NE(text.find(" number of elements: 5001\n"), std::string::npos);
  EXPECT_NE(text.find("[Expires HT]\nHash table 0 stats (main hash table):\n number of elements: 1\n"),
            std::string::npos);
  EXPECT_EQ(run("DEBUG HTSTATS 99"), "-ERR Out of range database|");
  EXPECT_EQ(run("DEBUG HTSTATS-KEY volatile"),
            "-ERR The value stored at the specified key is not represented using an hash table|");
}

TEST_F(Debug, SparseTablesKeepTheirMemoryWhileResizingIsOff) {
  run("DEBUG POPULATE 20000");
  const auto segments = [&] { return node.keys().table_statistics(0).segments; };
  const size_t full = segments();
  ASSERT_GT(full, 20u);
  EXPECT_EQ(run("DEBUG DICT-RESIZING 0"), "+OK|");
  for (int i = 0; i < 19000; ++i) run(fmt::format("DEL key:{}", i));
  EXPECT_EQ(segments(), full);
  EXPECT_EQ(run("DEBUG DICT-RESIZING 1"), "+OK|");
  for (int i = 19000; i < 20000; ++i) run(fmt::format("DEL key:{}", i));
  EXPECT_LT(segments(), full / 2);
}

TEST_F(Debug, StructuresThatAStringHasNot) {
  run("SET a text");
  EXPECT_EQ(run("DEBUG LISTPACK a"), "-ERR Not a listpack encoded object.|");
  EXPECT_EQ(run("DEBUG LISTPACK no"), "-ERR no such key|");
  EXPECT_EQ(run("DEBUG QUICKLIST a 1"), "-ERR Not a quicklist encoded object.|");
}

TEST_F(Debug, PackedThresholdIsAMemoryValue) {
  EXPECT_EQ(run("DEBUG QUICKLIST-PACKED-THRESHOLD 10b"), "+OK|");
  EXPECT_EQ(node.debug().packed_threshold, 10u);
  EXPECT_EQ(run("DEBUG QUICKLIST-PACKED-THRESHOLD 0"), "+OK|");
  EXPECT_EQ(node.debug().packed_threshold, DebugSwitches::kPackedThreshold);
  for (const auto* bad : {"4gb", "x", "-1", "4294967295"}) {
    EXPECT_EQ(run(fmt::format("DEBUG QUICKLIST-PACKED-THRESHOLD {}", bad)),
              "-ERR argument must be a memory value bigger than 1 and smaller than 4gb|");
  }
}

TEST_F(Debug, PausedCronExpiresNothingByItself) {
  run("SET a 1 PX 10");
  run("DEBUG PAUSE-CRON 1");
  clock.advance(Millis(50));
  expire_actively();
  EXPECT_NE(node.keys().find_raw(0, "a"), nullptr);
  run("DEBUG PAUSE-CRON 0");
  expire_actively();
  EXPECT_EQ(node.keys().find_raw(0, "a"), nullptr);
}

TEST_F(Debug, ChecksumsOfPayloadsCanBeIgnored) {
  const std::vector<std::string_view> bad = {"RESTORE", "a", "0", {"\0\3bar\n\0--------", 15}};
  node.handle(client, bad);
  EXPECT_EQ(std::exchange(client.reply().buffer(), {}), "-ERR DUMP payload version or checksum are wrong\r\n");
  run("DEBUG SET-SKIP-CHECKSUM-VALIDATION 1");
  node.handle(client, bad);
  EXPECT_EQ(std::exchange(client.reply().buffer(), {}), "+OK\r\n");
  EXPECT_EQ(run("GET a"), "$3|bar|");
}

TEST_F(Debug, ProtocolHasEveryType) {
  EXPECT_EQ(run("DEBUG PROTOCOL attrib"), "$39|Some real reply following the attribute|");
  EXPECT_EQ(run("DEBUG PROTOCOL push"), "-ERR RESP2 is not supported by this command|");
  EXPECT_EQ(run("DEBUG PROTOCOL map"), "*6|:0|:0|:1|:1|:2|:0|");
  client.set_protocol(3);
  EXPECT_EQ(run("DEBUG PROTOCOL attrib"),
            "|1|$14|key-popularity|*2|$7|key:123|:90|$39|Some real reply following the attribute|");
  EXPECT_EQ(run("DEBUG PROTOCOL push"), ">2|$16|server-cpu-usage|:42|$40|Some real reply following the push reply|");
  EXPECT_EQ(run("DEBUG PROTOCOL map"), "%3|:0|#f|:1|#t|:2|#f|");
  EXPECT_EQ(run("DEBUG PROTOCOL foo"),
            "-ERR Wrong protocol type name. Please use one of the following: "
            "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false|");
}

TEST_F(Debug, OtherSubcommands) {
  EXPECT_EQ(run("DEBUG STRINGMATCH-LEN a*c abbc"), ":1|");
  EXPECT_EQ(run("DEBUG STRINGMATCH-LEN a*c abb"), ":0|");
  EXPECT_EQ(run("DEBUG STRINGMATCH-TEST"), "+Apparently Redis did not crash: test passed|");
  EXPECT_EQ(run("DEBUG CHANGE-REPL-ID"), "+OK|");
  EXPECT_EQ(replication.renames, 1);
  EXPECT_EQ(run("DEBUG CONFIG-REWRITE-FORCE-ALL"), "+OK|");
  EXPECT_EQ(run("DEBUG ERROR 'MY error'"), "-MY error|");
  EXPECT_EQ(run("DEBUG STRUCTSIZE").substr(0, 9), "+bits:64 ");
  EXPECT_EQ(run("DEBUG SET-DISABLE-DENY-SCRIPTS 1"), "+OK|");
  EXPECT_FALSE(node.debug().deny_scripts);
  EXPECT_EQ(run("DEBUG foo"), "-ERR unknown subcommand or wrong number of arguments for 'foo'. Try DEBUG HELP.|");
  EXPECT_NE(run("DEBUG HELP").find("+QUICKLIST-PACKED-THRESHOLD <size>|"), std::string::npos);
}

TEST_F(Debug, LolwutEndsWithTheVersion) {
  for (const auto* line :
       {"LOLWUT", "LOLWUT VERSION 5 1 1 1", "LOLWUT VERSION 6 40 20", "LOLWUT foo", "LOLWUT VERSION"}) {
    EXPECT_TRUE(run(line).ends_with("Redis ver. 7.0.15\n|")) << line;
  }
  EXPECT_EQ(run("LOLWUT VERSION x"), "-ERR value is not an integer or out of range|");
  EXPECT_LT(run("LOLWUT VERSION 5 999999999 999999999").size(), 100'000u);
}

TEST_F(Debug, LocalMeansAClientOnThisMachine) {
  struct Remote final : server::Session {
    using server::Session::Session;
    bool from_loopback() const override { return false; }
  };
  sessions.push_back(std::make_unique<Remote>(900));
  server::Session& remote = *sessions.back();
  config.debug = NodeConfig::Allow::local;
  node.configure(config);
  EXPECT_EQ(run("DEBUG LOG hello"), "+OK|");
  EXPECT_TRUE(run(remote, "DEBUG LOG hello").starts_with("-ERR DEBUG command not allowed."));
  EXPECT_TRUE(run(remote, "DEBUG SLEEP 0").starts_with("-ERR DEBUG command not allowed."));
  EXPECT_EQ(run("CONFIG SET dir /tmp"), "+OK|");
  EXPECT_EQ(run(remote, "CONFIG SET dir /tmp"), "-ERR CONFIG SET failed (possibly related to argument 'dir')|");
}

}  // namespace
}  // namespace holdfast::node::testing
