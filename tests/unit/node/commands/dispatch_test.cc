#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::node {
namespace {

using Dispatch = testing::NodeTest;

TEST_F(Dispatch, UnknownCommandsAndWrongAritiesHaveRedisErrors) {
  EXPECT_EQ(run("FOO a b"), "-ERR unknown command 'FOO', with args beginning with: 'a' 'b' |");
  EXPECT_EQ(run("GET"), "-ERR wrong number of arguments for 'get' command|");
  EXPECT_EQ(run("CONFIG"), "-ERR wrong number of arguments for 'config' command|");
  EXPECT_EQ(run("CONFIG NOPE"), "-ERR unknown subcommand 'NOPE'. Try CONFIG HELP.|");
  EXPECT_EQ(run("CONFIG GET"), "-ERR wrong number of arguments for 'config|get' command|");
  EXPECT_EQ(run("OBJECT ENCODING"), "-ERR wrong number of arguments for 'object|encoding' command|");
}

TEST_F(Dispatch, NothingButAuthBeforeAuthentication) {
  EXPECT_EQ(run("ACL SETUSER default resetpass >secret"), "+OK|");
  client.authenticated = false;
  EXPECT_EQ(run("GET a"), "-NOAUTH Authentication required.|");
  EXPECT_EQ(run("PING"), "-NOAUTH Authentication required.|");
  EXPECT_EQ(run("AUTH wrong"), "-WRONGPASS invalid username-password pair or user is disabled.|");
  EXPECT_EQ(run("AUTH secret"), "+OK|");
  EXPECT_EQ(run("PING"), "+PONG|");
}

TEST_F(Dispatch, UsersDoWhatTheyMayAlsoInTransactions) {
  auto& other = connect();
  EXPECT_EQ(run("ACL SETUSER few on >x ~a* %R~r* +@all -del"), "+OK|");
  EXPECT_EQ(run(other, "AUTH few x"), "+OK|");
  EXPECT_EQ(run(other, "SET a1 x"), "+OK|");
  EXPECT_EQ(run(other, "GET r1"), "$-1|");
  const std::string no_key = "-NOPERM this user has no permissions to access one of the keys used as arguments|";
  EXPECT_EQ(run(other, "SET r1 x"), no_key);
  EXPECT_EQ(run(other, "DEL a1"), "-NOPERM this user has no permissions to run the 'del' command|");
  run(other, "MULTI");
  EXPECT_EQ(run(other, "GET b"), no_key);
  EXPECT_TRUE(run(other, "EXEC").starts_with("-EXECABORT"));
  run(other, "MULTI");
  run(other, "SET a1 y");
  EXPECT_EQ(run("ACL SETUSER few -set"), "+OK|");
  EXPECT_EQ(run(other, "EXEC"),
            "*1|-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This "
            "command is no longer allowed for the following reason: no permission to execute the command or subcommand|");
  EXPECT_EQ(run("GET a1"), "$1|x|");
}

TEST_F(Dispatch, ReadOnlyReplicaRefusesWrites) {
  replication.replica = true;
  EXPECT_EQ(run("SET a 1"), "-READONLY You can't write against a read only replica.|");
  EXPECT_EQ(run("GET a"), "$-1|");
  NodeConfig writable;
  writable.replica_read_only = false;
  node.configure(writable);
  EXPECT_EQ(run("SET a 1"), "+OK|");
}

TEST_F(Dispatch, ExecIsRefusedWhatItsCommandsAreRefused) {
  NodeConfig strict;
  strict.serve_stale_data = false;
  node.configure(strict);
  run("MULTI");
  run("GET a");
  replication.replica = true;
  replication.up = false;
  EXPECT_EQ(run("EXEC"), "-EXECABORT Transaction discarded because of: MASTERDOWN Link with MASTER is down and "
                         "replica-serve-stale-data is set to 'no'.|");
  EXPECT_EQ(run("MULTI"), "+OK|");
  EXPECT_EQ(run("INFO nosuchsection"), "+QUEUED|");
  EXPECT_EQ(run("EXEC"), "*1|$0||");
  replication.replica = false;
  run("MULTI");
  run("GET a");
  node.set_loading(LoadingState{});
  EXPECT_EQ(run("EXEC"),
            "-EXECABORT Transaction discarded because of: LOADING Redis is loading the dataset in memory|");
  node.set_loading(std::nullopt);
  EXPECT_EQ(run("EXEC"), "-ERR EXEC without MULTI|");
}

TEST_F(Dispatch, StaleReplicaMayRefuseData) {
  replication.replica = true;
  replication.up = false;
  EXPECT_EQ(run("GET a"), "$-1|");
  NodeConfig strict;
  strict.serve_stale_data = false;
  node.configure(strict);
  EXPECT_EQ(run("GET a"), "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.|");
  EXPECT_EQ(run("SELECT 1"), "+OK|");
}

TEST_F(Dispatch, LoadingAnswersOnlyWhatItMay) {
  node.set_loading(LoadingState{});
  EXPECT_EQ(run("GET a"), "-LOADING Redis is loading the dataset in memory|");
  EXPECT_EQ(run("INFO persistence"), "$28|# Persistence|rdb_saves:0||");
  node.set_loading(std::nullopt);
  EXPECT_EQ(run("GET a"), "$-1|");
}

TEST_F(Dispatch, DiskTroubleRefusesWritesAndPing) {
  persistence.refusal = "MISCONF Errors writing to the AOF file: No space left on device";
  EXPECT_EQ(run("SET a 1"), "-MISCONF Errors writing to the AOF file: No space left on device|");
  EXPECT_EQ(run("PING"), "-MISCONF Errors writing to the AOF file: No space left on device|");
  EXPECT_EQ(run("GET a"), "$-1|");
}

TEST_F(Dispatch, TooFewGoodReplicasRefuseWrites) {
  replication.enough = false;
  EXPECT_EQ(run("SET a 1"), "-NOREPLICAS Not enough good replicas to write.|");
}

TEST_F(Dispatch, SubscribersInResp2MayDoLittle) {
  run("SUBSCRIBE news");
  EXPECT_EQ(run("GET a"),
            "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in "
            "this context|");
  EXPECT_EQ(run("UNSUBSCRIBE news"), "*3|$11|unsubscribe|$4|news|:0|");
  EXPECT_EQ(run("GET a"), "$-1|");
}

TEST_F(Dispatch, DebugIsGatedButForSleep) {
  EXPECT_EQ(run("DEBUG SLEEP 0.25"), "+OK|");
  EXPECT_EQ(process.blocked, Micros(250'000));
  EXPECT_TRUE(run("DEBUG OBJECT a").starts_with("-ERR DEBUG command not allowed."));
  NodeConfig open;
  open.debug = NodeConfig::Allow::yes;
  node.configure(open);
  EXPECT_EQ(run("DEBUG OBJECT a"), "-ERR no such key|");
}

TEST_F(Dispatch, PauseHoldsWritesUntilItEnds) {
  run("CLIENT PAUSE 100000 WRITE");
  EXPECT_EQ(run("SET a 1"), "(later)");
  EXPECT_EQ(run("PUBLISH a 1"), "(later)");
  EXPECT_EQ(run("GET a"), "$-1|");
  run("CLIENT UNPAUSE");
  EXPECT_EQ(run("SET a 1"), "+OK|");
}

TEST_F(Dispatch, PausedPrimaryHidesExpiredKeysWithoutDeletingThem) {
  run("SET a 1 PX 10");
  run("CLIENT PAUSE 100000 WRITE");
  clock.advance(Millis(50));
  effects();
  EXPECT_EQ(run("GET a"), "$-1|");
  expire_actively();
  EXPECT_EQ(effects(), Lines{});
  EXPECT_EQ(node.keys().key_count(0), 1u);
}

TEST_F(Dispatch, StatisticsCountCallsErrorsAndRejections) {
  run("SET a x");
  run("INCR a");
  run("INCR");
  run("NOSUCH");
  const std::string info = run("INFO commandstats errorstats stats");
  EXPECT_TRUE(info.find("cmdstat_incr:calls=1,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=1") !=
              std::string::npos)
      << info;
  EXPECT_TRUE(info.find("errorstat_ERR:count=3") != std::string::npos) << info;
  EXPECT_TRUE(info.find("total_error_replies:3") != std::string::npos) << info;
  run("CONFIG RESETSTAT");
  EXPECT_TRUE(run("INFO stats").find("total_error_replies:0") != std::string::npos);
}

TEST_F(Dispatch, MonitorShowsCommandsWithoutPasswords) {
  server::Session& watcher = connect();
  EXPECT_EQ(run(watcher, "MONITOR"), "+OK|");
  run("SET foo \"b\\x01r\"");
  run("AUTH secret");
  run("CONFIG GET maxclients");
  run("SELECT 2");
  EXPECT_EQ(std::exchange(watcher.reply().buffer(), {}),
            "+1700000000.123456 [0 ?:0] \"SET\" \"foo\" \"b\\x01r\"\r\n"
            "+1700000000.123456 [0 ?:0] \"AUTH\" \"(redacted)\"\r\n"
            "+1700000000.123456 [2 ?:0] \"SELECT\" \"2\"\r\n");
  node.reset(watcher);
  run("GET foo");
  EXPECT_EQ(watcher.reply().buffer(), "");
}

TEST_F(Dispatch, WaitBlocksUntilReplicasAcknowledge) {
  replication.current_offset = 500;
  run("SET a 1");
  EXPECT_EQ(run("WAIT 0 0"), ":0|");
  EXPECT_EQ(run("WAIT 1 100"), "");
  EXPECT_EQ(replication.waited, "500 1 100");
  EXPECT_TRUE(client.blocked && client.suspended);
  node.closed(client);
  EXPECT_EQ(replication.cancelled, 7u);
}

TEST_F(Dispatch, SlowLogKeepsTheLastSlowCommands) {
  NodeConfig all;
  all.slowlog_slower_than_us = 0;
  all.slowlog_max_length = 2;
  node.configure(all);
  run("SET a 1");
  run("GET a");
  run("GET b");
  EXPECT_EQ(run("SLOWLOG LEN"), ":2|");
  EXPECT_EQ(node.slowlog().items().front().args, (std::vector<std::string>{"SLOWLOG", "LEN"}));
  EXPECT_EQ(run("SLOWLOG RESET"), "+OK|");
}

TEST_F(Dispatch, RenamedCommandsAnswerToTheirNewNameOnly) {
  ASSERT_TRUE(node.rename_command("flushall", "wipe"));
  ASSERT_TRUE(node.rename_command("keys", ""));
  EXPECT_EQ(run("WIPE"), "+OK|");
  EXPECT_TRUE(run("FLUSHALL").starts_with("-ERR unknown command"));
  EXPECT_TRUE(run("KEYS *").starts_with("-ERR unknown command"));
}

TEST_F(Dispatch, UnblockEndsAWaitAsItsTimeoutWouldOrWithAnError) {
  replication.acknowledged = 1;
  // Only a client of the server's can be found by its id.
  EXPECT_EQ(run("CLIENT UNBLOCK 12345"), ":0|");
  EXPECT_EQ(run("CLIENT UNBLOCK nobody"), "-ERR value is not an integer or out of range|");
  EXPECT_EQ(run("CLIENT UNBLOCK 1 SOON"), "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR|");
  server::Session& waiting = connect();
  EXPECT_FALSE(node.unblock(waiting, false));
  EXPECT_EQ(run(waiting, "WAIT 2 0"), "");
  EXPECT_TRUE(waiting.blocked);
  EXPECT_TRUE(node.unblock(waiting, false));
  EXPECT_EQ(waiting.reply().buffer(), ":1\r\n");
  EXPECT_EQ(replication.cancelled, 7u);
  EXPECT_FALSE(waiting.blocked);
  EXPECT_FALSE(node.unblock(waiting, false));
  waiting.reply().buffer().clear();
  EXPECT_EQ(run(waiting, "WAIT 2 0"), "");
  EXPECT_TRUE(node.unblock(waiting, true));
  EXPECT_EQ(waiting.reply().buffer(), "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
}

TEST_F(Dispatch, KeyFlagsFollowTheArgumentsWhereTheyMay) {
  EXPECT_EQ(run("COMMAND GETKEYSANDFLAGS SET k v"), "*1|*2|$1|k|*2|+OW|+update|");
  EXPECT_EQ(run("COMMAND GETKEYSANDFLAGS SET k v NX get"), "*1|*2|$1|k|*3|+RW|+access|+update|");
  EXPECT_EQ(run("COMMAND GETKEYSANDFLAGS BITFIELD k GET u8 0"), "*1|*2|$1|k|*2|+RO|+access|");
  EXPECT_EQ(run("COMMAND GETKEYSANDFLAGS BITFIELD k GET u8 0 SET u8 0 1"), "*1|*2|$1|k|*3|+RW|+access|+update|");
  EXPECT_EQ(run("COMMAND GETKEYSANDFLAGS MSET a 1 b 2"), "*2|*2|$1|a|*2|+OW|+update|*2|$1|b|*2|+OW|+update|");
}

TEST_F(Dispatch, LatencyPercentilesAreThoseAskedFor) {
  config.latency_percentiles = {0, 50, 99.5, 100};
  node.configure(config);
  run("PING");
  const std::string text = run("INFO latencystats");
  EXPECT_NE(text.find("latency_percentiles_usec_ping:p0="), std::string::npos) << text;
  for (const char* part : {",p50=", ",p99.5=", ",p100="}) EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST_F(Dispatch, MonitorAndSlowlogHidePasswords) {
  config.slowlog_slower_than_us = 0;
  node.configure(config);
  server::Session& watcher = connect();
  run(watcher, "MONITOR");
  run("SET k v");
  run("AUTH secret");
  run("AUTH me secret");
  run("HELLO 3 AUTH me secret");
  run("CONFIG SET masterauth secret");
  const std::string seen = watcher.reply().buffer() + run("SLOWLOG GET -1");
  EXPECT_EQ(seen.find("secret"), std::string::npos) << seen;
  EXPECT_NE(seen.find("(redacted)"), std::string::npos) << seen;
}

}  // namespace
}  // namespace holdfast::node
