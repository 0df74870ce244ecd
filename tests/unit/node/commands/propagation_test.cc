// What the append-only file and the replicas are told. Expected lines: what redis-server 7.0.15 writes into its log.
#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::node {
namespace {

class Propagation : public testing::NodeTest {
 protected:
  Lines told(std::string_view line) {
    effects();
    run(line);
    return effects();
  }
  void expire_soon(std::string_view key) {
    run(fmt::format("SET {} x PX 5", key));
    clock.advance(Millis(20));
  }
};

TEST_F(Propagation, ReadsAndFailedWritesTellNothing) {
  run("SET a 1");
  for (const char* line : {"GET a", "SETNX a 2", "DEL none", "PERSIST a", "SETRANGE a 0 \"\"", "MSETNX a 1 b 2",
                           "RENAME a a", "COPY a a2 DB 99", "INCRBY a x", "EXPIRE none 5", "UNLINK none", "TOUCH a"}) {
    EXPECT_EQ(told(line), Lines{}) << line;
  }
}

TEST_F(Propagation, AGeneratedStreamIdIsToldWhereAnybodyListens) {
  replication.stream.deaf = log.deaf = true;
  run("MULTI");
  run("XADD s MAXLEN ~ 1000 * f v");
  run("SET k v");
  EXPECT_EQ(told("EXEC"), Lines{});
  log.deaf = false;
  const std::string reply = run("XADD s MAXLEN ~ 1000 * f v");
  const std::string id = reply.substr(reply.find('|') + 1, reply.rfind('|') - reply.find('|') - 1);
  EXPECT_EQ(effects(), (Lines{"0: XADD s MAXLEN = 2 " + id + " f v"}));
  EXPECT_EQ(told("XADD given MAXLEN ~ 1000 7 f v"), (Lines{"0: XADD given MAXLEN = 1 7 f v"}));
}

TEST_F(Propagation, SavingIsNoChangeAlthoughItRestartsTheCount) {
  run("SET a 1");
  persistence.on_save = [this] { node.keys().set_dirty(0); };
  EXPECT_EQ(told("SAVE"), Lines{});
  EXPECT_EQ(node.keys().dirty(), 0);
}

TEST_F(Propagation, WritesAreToldVerbatim) {
  for (const char* line : {"SET a 1", "set a 2 nx", "APPEND a 5", "MSET a 1 b 2", "RENAME a c", "SETBIT bits 9 0",
                           "COPY c d", "MOVE d 3", "SWAPDB 0 0", "FLUSHDB", "FLUSHALL ASYNC", "SETNX n 1"}) {
    if (std::string_view(line) == "set a 2 nx") run("DEL a");
    EXPECT_EQ(told(line), (Lines{"0: " + std::string(line)})) << line;
  }
}

TEST_F(Propagation, RelativeExpiriesBecomeAbsolute) {
  EXPECT_EQ(told("SET a 1 EX 100"), (Lines{"0: SET a 1 PXAT 1700000100000"}));
  EXPECT_EQ(told("SET a 1 PX 100 GET"), (Lines{"0: SET a 1 PXAT 1700000000100"}));
  EXPECT_EQ(told("SET a 2 GET"), (Lines{"0: SET a 2"}));
  EXPECT_EQ(told("SET a 2 KEEPTTL GET"), (Lines{"0: SET a 2 KEEPTTL"}));
  EXPECT_EQ(told("SETEX a 10 x"), (Lines{"0: SET a x PXAT 1700000010000"}));
  EXPECT_EQ(told("PSETEX a 10 x"), (Lines{"0: SET a x PXAT 1700000000010"}));
  EXPECT_EQ(told("expire a 100"), (Lines{"0: PEXPIREAT a 1700000100000"}));
  EXPECT_EQ(told("PEXPIRE a 200000 XX"), (Lines{"0: PEXPIREAT a 1700000200000 XX"}));
  EXPECT_EQ(told("EXPIREAT a 9999999999 GT"), (Lines{"0: PEXPIREAT a 9999999999000 GT"}));
  EXPECT_EQ(told("pexpireat a 9999999999999"), (Lines{"0: pexpireat a 9999999999999"}));
  EXPECT_EQ(told("EXPIRE a -1"), (Lines{"0: DEL a"}));
}

TEST_F(Propagation, ResultsAreToldInsteadOfArithmetic) {
  run("SET f 1");
  EXPECT_EQ(told("INCRBYFLOAT f 1.5"), (Lines{"0: SET f 2.5 KEEPTTL"}));
  EXPECT_EQ(told("GETSET f 3"), (Lines{"0: SET f 3"}));
  EXPECT_EQ(told("GETDEL f"), (Lines{"0: DEL f"}));
}

TEST_F(Propagation, ExpiredKeyIsDeletedOnceBeforeTheCommand) {
  expire_soon("a");
  EXPECT_EQ(told("GET a"), (Lines{"0: DEL a"}));
  expire_soon("a");
  EXPECT_EQ(told("SET a 3"), (Lines{"0: MULTI", "0: DEL a", "0: SET a 3", "-1: EXEC"}));
  expire_soon("a");
  EXPECT_EQ(told("SET a 3 NX"), (Lines{"0: MULTI", "0: DEL a", "0: SET a 3 NX", "-1: EXEC"}));
  NodeConfig lazy;
  lazy.lazyfree_expire = lazy.lazyfree_user_del = true;
  node.configure(lazy);
  expire_soon("a");
  EXPECT_EQ(told("EXISTS a"), (Lines{"0: UNLINK a"}));
  run("SET a 1");
  EXPECT_EQ(told("GETDEL a"), (Lines{"0: UNLINK a"}));
}

TEST_F(Propagation, ActiveExpiryTellsEachDeleteByItself) {
  run("SET a x PX 5");
  run("SET b x PX 5");
  effects();
  clock.advance(Millis(20));
  expire_actively();
  Lines lines = effects();
  std::ranges::sort(lines);
  EXPECT_EQ(lines, (Lines{"0: DEL a", "0: DEL b"}));
  expire_actively();
  EXPECT_EQ(effects(), Lines{});
}

TEST_F(Propagation, TransactionIsWrappedWhenItHasMoreThanOneEffect) {
  run("MULTI");
  run("SET a 1");
  run("GET a");
  EXPECT_EQ(told("EXEC"), (Lines{"0: SET a 1"}));
  run("MULTI");
  run("SET a 1");
  run("SELECT 2");
  run("SET b 1 EX 1");
  run("GET b");
  EXPECT_EQ(told("EXEC"), (Lines{"0: MULTI", "0: SET a 1", "2: SET b 1 PXAT 1700000001000", "-1: EXEC"}));
  run("MULTI");
  run("GET b");
  EXPECT_EQ(told("EXEC"), Lines{});
}

TEST_F(Propagation, PublishGoesToReplicasOnly) {
  replication.stream.take();
  EXPECT_EQ(told("PUBLISH news hi"), Lines{});
  EXPECT_EQ(replication.stream.take(), (Lines{"0: PUBLISH news hi"}));
}

TEST_F(Propagation, HellosOfClientsAreHeardAndNoOthers) {
  run("PUBLISH __sentinel__:hello 1,2,3");
  run("PUBLISH news 4");
  run("MULTI");
  run("PUBLISH __sentinel__:hello 5");
  EXPECT_EQ(replication.hellos, (Lines{"1,2,3"}));
  run("EXEC");
  EXPECT_EQ(replication.hellos, (Lines{"1,2,3", "5"}));
  replication.replica = true;
  server::Session stream(1);
  node.execute_from_primary(stream, std::vector<std::string_view>{"PUBLISH", "__sentinel__:hello", "6"});
  EXPECT_EQ(replication.hellos.size(), 2u);
}

TEST_F(Propagation, ErrorsOfTheStreamAndTheLogAreLivedWithOrNot) {
  replication.replica = true;
  server::Session stream(1);
  const std::vector<std::string_view> set = {"SET", "a", "text"}, increment = {"INCR", "a"};
  const auto execute_both = [&] {
    node.execute_from_primary(stream, increment);
    node.execute_from_log(stream, increment);
    return std::exchange(process.panics, {}).size();
  };
  node.execute_from_primary(stream, set);
  EXPECT_EQ(execute_both(), 0u);
  NodeConfig strict;
  strict.panic_on_replicated_errors = true;
  node.configure(strict);
  EXPECT_EQ(execute_both(), 1u);
  strict.panic_on_logged_errors = true;
  node.configure(strict);
  EXPECT_EQ(execute_both(), 2u);
}

TEST_F(Propagation, PrimaryStreamIsFedOnAndKeepsExpiredKeys) {
  replication.replica = true;
  server::Session stream(1);
  stream.type = server::ClientType::primary;
  const auto from_primary = [&](std::string_view line) {
    const auto words = *split_args(line);
    const std::vector<std::string_view> args(words.begin(), words.end());
    node.execute_from_primary(stream, args);
  };
  from_primary("SELECT 3");
  from_primary("SET a 1 PXAT 1700000000010");
  clock.advance(Millis(50));
  effects();
  EXPECT_EQ(run("SELECT 3"), "+OK|");
  EXPECT_EQ(run("GET a"), "$-1|");
  expire_actively();
  EXPECT_EQ(node.keys().key_count(3), 1u);
  from_primary("INCR a");  // for the primary's stream the key is there
  EXPECT_EQ(effects(), (Lines{"3: INCR a"}));
  from_primary("PEXPIREAT a 5");
  EXPECT_EQ(node.keys().key_count(3), 1u);
  from_primary("DEL a");
  EXPECT_EQ(node.keys().key_count(3), 0u);
  EXPECT_EQ(stream.reply().buffer(), "");
  node.closed(stream);
}

TEST_F(Propagation, AnErrorInThePrimarysStreamIsCounted) {
  server::Session stream(1);
  stream.type = server::ClientType::primary;
  replication.replica = true;
  const auto from_primary = [&](std::vector<std::string_view> args) { node.execute_from_primary(stream, args); };
  from_primary({"SET", "a", "text"});
  EXPECT_EQ(node.stats().unexpected_error_replies, 0u);
  from_primary({"INCR", "a"});
  EXPECT_EQ(node.stats().unexpected_error_replies, 1u);
  from_primary({"NOSUCHCOMMAND"});
  EXPECT_EQ(node.stats().unexpected_error_replies, 2u);
  EXPECT_EQ(stream.reply().buffer(), "");
  node.closed(stream);
}

TEST_F(Propagation, PrimaryTransactionIsExecutedWhole) {
  server::Session stream(1);
  stream.type = server::ClientType::primary;
  replication.replica = true;
  effects();
  for (const char* line : {"MULTI", "SET a 1", "SET b 2", "EXEC"}) {
    const auto words = *split_args(line);
    const std::vector<std::string_view> args(words.begin(), words.end());
    node.execute_from_primary(stream, args);
  }
  EXPECT_EQ(effects(), (Lines{"0: MULTI", "0: SET a 1", "0: SET b 2", "-1: EXEC"}));
  node.closed(stream);
}

TEST_F(Propagation, ReadersOfGroupsAreToldOf) {
  run("XADD x 1-1 a b");
  run("XADD x 1-2 a b");
  run("XGROUP CREATE x g 0");
  effects();
  run("XREADGROUP GROUP g history STREAMS x 0");
  EXPECT_EQ(effects(), (Lines{"0: XGROUP CREATECONSUMER x g history"}));
  run("XREADGROUP GROUP g careless NOACK COUNT 1 STREAMS x >");
  EXPECT_EQ(effects(), (Lines{"0: MULTI", "0: XGROUP CREATECONSUMER x g careless",
                              "0: XGROUP SETID x g 1-1 ENTRIESREAD 1", "-1: EXEC"}));
  run("XREADGROUP GROUP g nothing STREAMS x 5");
  EXPECT_EQ(effects(), (Lines{"0: XGROUP CREATECONSUMER x g nothing"}));
  run("XREADGROUP GROUP g history STREAMS x 0");
  EXPECT_EQ(effects(), Lines{});
}

TEST_F(Propagation, ReplayedLogIsToldToNobody) {
  server::Session replay(1);
  const std::vector<std::string_view> set{"SET", "a", "1"};
  effects();
  EXPECT_TRUE(node.execute_from_log(replay, set));
  EXPECT_EQ(effects(), Lines{});
  EXPECT_EQ(run("GET a"), "$1|1|");
  const std::vector<std::string_view> unknown{"FOO"};
  EXPECT_FALSE(node.execute_from_log(replay, unknown));
}

}  // namespace
}  // namespace holdfast::node
