// Commands around keys: COPY, MOVE, SWAPDB, RENAME, EXPIRE and its options, SCAN, DUMP, RESTORE, MIGRATE.
#include "node/persistence/dump_payload.h"
#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::node::testing {
namespace {

class Keys : public NodeTest {
 protected:
  std::string call(std::vector<std::string> words) {
    const std::vector<std::string_view> args(words.begin(), words.end());
    node.handle(client, args);
    return std::exchange(client.reply().buffer(), {});
  }
  std::string restore(std::string key, std::string ttl, std::string_view value, std::vector<std::string> options = {}) {
    std::vector<std::string> words = {"RESTORE", std::move(key), std::move(ttl),
                                      dump_payload(Value::string(value), true)};
    words.insert(words.end(), options.begin(), options.end());
    return call(words);
  }
  int64_t now_ms() const { return to_unix_ms(clock.wall_now()); }
};

TEST_F(Keys, CopyTakesValueAndExpiry) {
  run("SET a value PX 5000");
  EXPECT_EQ(run("COPY a b"), ":1|");
  EXPECT_EQ(run("GET b"), "$5|value|");
  EXPECT_EQ(run("PTTL b"), ":5000|");
  EXPECT_EQ(run("COPY a b"), ":0|");
  run("SET a other");
  EXPECT_EQ(run("COPY a b REPLACE DB 0"), ":1|");
  EXPECT_EQ(run("GET b"), "$5|other|");
  EXPECT_EQ(run("PTTL b"), ":-1|");
  EXPECT_EQ(run("COPY a a DB 3"), ":1|");
  EXPECT_EQ(run("COPY no b"), ":0|");
}

TEST_F(Keys, CopyRefusesInRedisOrder) {
  EXPECT_EQ(run("COPY a a"), "-ERR source and destination objects are the same|");
  EXPECT_EQ(run("COPY a a DB 0"), "-ERR source and destination objects are the same|");
  EXPECT_EQ(run("COPY a b DB 16"), "-ERR DB index is out of range|");
  EXPECT_EQ(run("COPY a b DB x"), "-ERR value is not an integer or out of range|");
  EXPECT_EQ(run("COPY a b DB 99999999999999"),
            "-ERR value is out of range, value must between -2147483648 and 2147483647|");
  EXPECT_EQ(run("COPY a b DB"), "-ERR syntax error|");
}

TEST_F(Keys, MoveTakesTheKeyAlong) {
  run("SET a 1 PX 9000");
  EXPECT_EQ(run("MOVE a 0"), "-ERR source and destination objects are the same|");
  EXPECT_EQ(run("MOVE a x"), "-ERR value is not an integer or out of range|");
  EXPECT_EQ(run("MOVE a 2"), ":1|");
  EXPECT_EQ(run("EXISTS a"), ":0|");
  run("SELECT 2");
  EXPECT_EQ(run("PTTL a"), ":9000|");
  run("SELECT 0");
  run("SET a 2");
  EXPECT_EQ(run("MOVE a 2"), ":0|");
}

TEST_F(Keys, ScanCursorIsReadAsANumberOfTheC) {
  run("SET a 1");
  EXPECT_EQ(run("SCAN 0"), "*2|$1|0|*1|$1|a|");
  EXPECT_EQ(run("SCAN -1").substr(0, 4), "*2|$");
  EXPECT_EQ(run("SCAN x"), "-ERR invalid cursor|");
  EXPECT_EQ(run("SCAN ' 0'"), "-ERR invalid cursor|");
  EXPECT_EQ(run("SCAN 18446744073709551616"), "-ERR invalid cursor|");
  EXPECT_EQ(run("SCAN 0 TYPE list"), "*2|$1|0|*0|");
  EXPECT_EQ(run("SCAN 0 TYPE STRING"), "*2|$1|0|*1|$1|a|");
}

TEST_F(Keys, ScanFindsEveryKeyThatStaysWhileOthersComeAndGo) {
  for (int i = 0; i < 3000; ++i) call({"SET", fmt::format("stays:{}", i), "v"});
  std::set<std::string> seen;
  std::string cursor = "0";
  int step = 0;
  do {
    const std::string reply = run("SCAN " + cursor + " COUNT 7 MATCH stays:*");
    const auto words = split(reply, '|');
    cursor = words[2];
    for (size_t i = 5; i < words.size(); i += 2) seen.emplace(words[i]);
    for (int i = 0; i < 20; ++i, ++step) {
      call({"SET", fmt::format("goes:{}", step), "v"});
      if (step > 500) call({"DEL", fmt::format("goes:{}", step - 500)});
    }
  } while (cursor != "0");
  EXPECT_EQ(seen.size(), 3000u);
}

TEST_F(Keys, ExpiredKeysThatAScanMeetsGoOneByOne) {
  run("MSET a 1 b 2 c 3");
  for (const auto* key : {"a", "b"}) run(fmt::format("PEXPIRE {} 5", key));
  clock.advance(Millis(10));
  effects();
  EXPECT_EQ(run("SCAN 0"), "*2|$1|0|*1|$1|c|");
  auto told = effects();
  std::ranges::sort(told);
  EXPECT_EQ(told, (Lines{"0: DEL a", "0: DEL b"}));
}

TEST_F(Keys, AWritableReplicaExpiresWhatItsClientsWrote) {
  config.replica_read_only = false;
  node.configure(config);
  server::Session primary(1);
  replication.replica = true;
  const std::vector<std::string_view> theirs = {"SET", "theirs", "v", "PX", "5"};
  node.execute_from_primary(primary, theirs);
  run("SET mine v PX 5");
  run("SET kept v PX 5");
  run("PERSIST kept");
  EXPECT_EQ(node.local_expiries().size(), 2u);
  clock.advance(Millis(20));
  server.refresh_now();
  node.tick();
  EXPECT_EQ(node.keys().find_raw(0, "mine"), nullptr);
  EXPECT_NE(node.keys().find_raw(0, "theirs"), nullptr);
  EXPECT_NE(node.keys().find_raw(0, "kept"), nullptr);
  EXPECT_EQ(node.local_expiries().size(), 0u);
  run("SET again v EX 100");
  EXPECT_EQ(node.local_expiries().size(), 1u);
  run("FLUSHALL");
  EXPECT_EQ(node.local_expiries().size(), 0u);
}

// --- DUMP, RESTORE ---

TEST_F(Keys, DumpOfNothingIsNull) { EXPECT_EQ(run("DUMP no"), "$-1|"); }

TEST_F(Keys, RestoreBringsBackWhatDumpGave) {
  run("SET a 'some value'");
  const std::string reply = call({"DUMP", "a"});
  const size_t start = reply.find("\r\n") + 2;
  EXPECT_EQ(call({"RESTORE", "b", "0", reply.substr(start, reply.size() - start - 2)}), "+OK\r\n");
  EXPECT_EQ(run("GET b"), "$10|some value|");
  EXPECT_EQ(run("TTL b"), ":-1|");
}

TEST_F(Keys, RestoreRefusesInRedisOrder) {
  run("SET there 1");
  EXPECT_EQ(call({"RESTORE", "there", "x", "..."}), "-BUSYKEY Target key name already exists.\r\n");
  EXPECT_EQ(call({"RESTORE", "there", "0", "...", "nonsense"}), "-ERR syntax error\r\n");
  EXPECT_EQ(call({"RESTORE", "k", "x", "..."}), "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(call({"RESTORE", "k", "-1", "..."}), "-ERR Invalid TTL value, must be >= 0\r\n");
  EXPECT_EQ(call({"RESTORE", "k", "0", "..."}), "-ERR DUMP payload version or checksum are wrong\r\n");
  EXPECT_EQ(restore("k", "0", "v", {"IDLETIME", "-1"}), "-ERR Invalid IDLETIME value, must be >= 0\r\n");
  EXPECT_EQ(restore("k", "0", "v", {"IDLETIME"}), "-ERR syntax error\r\n");
  EXPECT_EQ(restore("k", "0", "v", {"FREQ", "256"}), "-ERR Invalid FREQ value, must be >= 0 and <= 255\r\n");
  EXPECT_EQ(restore("k", "0", "v", {"FREQ", "1", "IDLETIME", "1"}), "-ERR syntax error\r\n");
  EXPECT_EQ(run("EXISTS k"), ":0|");
  EXPECT_EQ(effects(), Lines{"0: SET there 1"});
}

TEST_F(Keys, RestoreIsToldWithTheTimeAtWhichItExpires) {
  const std::string payload = dump_payload(Value::string("v"), true);
  const std::string when = std::to_string(now_ms() + 5000);
  EXPECT_EQ(restore("a", "5000", "v"), "+OK\r\n");
  EXPECT_EQ(run("PTTL a"), ":5000|");
  EXPECT_EQ(effects(), Lines{"0: RESTORE a " + when + " " + payload + " ABSTTL"});
  EXPECT_EQ(restore("a", when, "v", {"REPLACE", "ABSTTL"}), "+OK\r\n");
  EXPECT_EQ(effects(), Lines{"0: RESTORE a " + when + " " + payload + " REPLACE ABSTTL"});
  EXPECT_EQ(restore("b", "0", "v"), "+OK\r\n");
  EXPECT_EQ(effects(), Lines{"0: RESTORE b 0 " + payload});
}

TEST_F(Keys, RestoreIntoThePastOnlyDeletes) {
  EXPECT_EQ(restore("a", "1", "v", {"ABSTTL"}), "+OK\r\n");
  EXPECT_EQ(run("EXISTS a"), ":0|");
  EXPECT_TRUE(effects().empty());
  run("SET a old");
  effects();
  EXPECT_EQ(restore("a", "1", "v", {"ABSTTL", "REPLACE"}), "+OK\r\n");
  EXPECT_EQ(run("EXISTS a"), ":0|");
  EXPECT_EQ(effects(), Lines{"0: DEL a"});
}

TEST_F(Keys, RestoreSetsTheIdleTime) {
  EXPECT_EQ(restore("a", "0", "v", {"IDLETIME", "1000"}), "+OK\r\n");
  EXPECT_EQ(run("OBJECT IDLETIME a"), ":1000|");
  run("GET a");
  EXPECT_EQ(run("OBJECT IDLETIME a"), ":0|");
  EXPECT_EQ(restore("b", "0", "v", {"IDLETIME", "9223372036854775807"}), "+OK\r\n");
  EXPECT_GT(std::stoll(run("OBJECT IDLETIME b").substr(1)), 500 * 24 * 3600);
}

// --- MIGRATE ---

TEST_F(Keys, MigrateDeletesWhatThePeerTook) {
  run("MSET a 1 b 2 c 3");
  effects();
  peers.result.replies = {std::nullopt, "BUSYKEY Target key name already exists.", std::nullopt};
  EXPECT_EQ(run("MIGRATE h 6379 '' 2 100 REPLACE AUTH2 user secret KEYS a nokey b c"),
            "-ERR Target instance replied with error: BUSYKEY Target key name already exists.|");
  EXPECT_EQ(peers.asked, "h:6379 db 2 3 keys 100 ms [user secret]");
  EXPECT_NE(peers.restores.find("REPLACE"), std::string::npos);
  EXPECT_EQ(run("EXISTS a"), ":0|");
  EXPECT_EQ(run("EXISTS b"), ":1|");
  EXPECT_EQ(run("EXISTS c"), ":0|");
  EXPECT_EQ(effects(), Lines{"0: DEL a c"});
}

TEST_F(Keys, MigrateWithCopyKeepsTheKeys) {
  run("SET a 1 PX 4000");
  effects();
  peers.result.replies = {std::nullopt};
  EXPECT_EQ(run("MIGRATE h 6379 a 0 0 COPY AUTH secret"), "+OK|");
  EXPECT_EQ(peers.asked, "h:6379 db 0 1 keys 1000 ms [secret]");
  EXPECT_NE(peers.restores.find("\r\n4000\r\n"), std::string::npos);
  EXPECT_EQ(run("EXISTS a"), ":1|");
  EXPECT_TRUE(effects().empty());
}

TEST_F(Keys, MigrateSaysWhatFailed) {
  using Failure = MigrationResult::Failure;
  run("MSET a 1 b 2");
  peers.result = {.failure = Failure::connecting, .refusal = {}, .replies = {}};
  EXPECT_EQ(run("MIGRATE h 6379 a 0 9"), "-IOERR error or timeout connecting to the client|");
  peers.result.failure = Failure::writing;
  EXPECT_EQ(run("MIGRATE h 6379 a 0 9"), "-IOERR error or timeout writing to target instance|");
  peers.result = {.failure = Failure::none, .refusal = "WRONGPASS no", .replies = {}};
  EXPECT_EQ(run("MIGRATE h 6379 a 0 9"), "-ERR Target instance replied with error: WRONGPASS no|");
  EXPECT_EQ(run("EXISTS a b"), ":2|");
  // Those that were taken before the connection broke are gone all the same.
  peers.result = {.failure = Failure::reading, .refusal = {}, .replies = {std::nullopt}};
  EXPECT_EQ(run("MIGRATE h 6379 '' 0 9 KEYS a b"), "-IOERR error or timeout reading to target instance|");
  EXPECT_EQ(run("EXISTS a"), ":0|");
  EXPECT_EQ(run("EXISTS b"), ":1|");
}

TEST_F(Keys, MigrateRefusesInRedisOrder) {
  run("SET a 1");
  EXPECT_EQ(run("MIGRATE h 1 nokey 0 9"), "+NOKEY|");
  EXPECT_EQ(run("MIGRATE h 1 '' 0 9 KEYS"), "+NOKEY|");
  EXPECT_EQ(run("MIGRATE h 1 a x 9"), "-ERR value is not an integer or out of range|");
  EXPECT_EQ(run("MIGRATE h 1 a 0 9 bad"), "-ERR syntax error|");
  EXPECT_EQ(run("MIGRATE h 1 a 0 9 AUTH2 user"), "-ERR syntax error|");
  EXPECT_EQ(run("MIGRATE h 1 a 0 9 KEYS b"),
            "-ERR When using MIGRATE KEYS option, the key argument must be set to the empty string|");
  EXPECT_EQ(peers.asked, "");
}

TEST_F(Keys, MigrateKeysAreFoundForCommandGetkeys) {
  EXPECT_EQ(run("COMMAND GETKEYS MIGRATE h 1 k 0 9"), "*1|$1|k|");
  EXPECT_EQ(run("COMMAND GETKEYS MIGRATE h 1 '' 0 9 AUTH KEYS REPLACE KEYS a b"), "*2|$1|a|$1|b|");
}

}  // namespace
}  // namespace holdfast::node::testing
