#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::node {
namespace {

using Transactions = testing::NodeTest;

TEST_F(Transactions, QueuedCommandsRunTogether) {
  EXPECT_EQ(run("MULTI"), "+OK|");
  EXPECT_EQ(run("SET a 1"), "+QUEUED|");
  EXPECT_EQ(run("INCR a"), "+QUEUED|");
  EXPECT_EQ(run("GET a"), "+QUEUED|");
  EXPECT_EQ(node.queued_commands(client), 3);
  EXPECT_EQ(run("EXEC"), "*3|+OK|:2|$1|2|");
  EXPECT_EQ(node.queued_commands(client), -1);
}

TEST_F(Transactions, ErrorWhileExecutingDoesNotStopTheRest) {
  run("SET t text");
  run("MULTI");
  run("INCR t");
  run("SET a 1");
  EXPECT_EQ(run("EXEC"), "*2|-ERR value is not an integer or out of range|+OK|");
}

TEST_F(Transactions, ErrorWhileQueueingAbortsExec) {
  run("MULTI");
  EXPECT_EQ(run("NOSUCH"), "-ERR unknown command 'NOSUCH', with args beginning with: |");
  run("SET a 1");
  EXPECT_EQ(run("EXEC"), "-EXECABORT Transaction discarded because of previous errors.|");
  EXPECT_EQ(run("EXISTS a"), ":0|");
  run("MULTI");
  EXPECT_EQ(run("GET"), "-ERR wrong number of arguments for 'get' command|");
  EXPECT_EQ(run("EXEC"), "-EXECABORT Transaction discarded because of previous errors.|");
}

TEST_F(Transactions, MisplacedCommandsHaveRedisErrors) {
  EXPECT_EQ(run("EXEC"), "-ERR EXEC without MULTI|");
  EXPECT_EQ(run("DISCARD"), "-ERR DISCARD without MULTI|");
  run("MULTI");
  EXPECT_EQ(run("MULTI"), "-ERR MULTI calls can not be nested|");
  EXPECT_EQ(run("WATCH a"), "-ERR WATCH inside MULTI is not allowed|");
  EXPECT_EQ(run("DISCARD"), "+OK|");
  run("MULTI");
  EXPECT_EQ(run("SAVE"), "-ERR Command not allowed inside a transaction|");
  EXPECT_EQ(run("EXEC"), "-EXECABORT Transaction discarded because of previous errors.|");
}

TEST_F(Transactions, WatchedKeyChangedByAnotherClientFailsExec) {
  server::Session& other = connect();
  run("WATCH a");
  run(other, "SET a 1");
  run("MULTI");
  run("GET a");
  EXPECT_EQ(run("EXEC"), "*-1|");
  run("MULTI");
  run("GET a");
  EXPECT_EQ(run("EXEC"), "*1|$1|1|");
}

TEST_F(Transactions, UnwatchAndDiscardForgetTheWatchedKeys) {
  server::Session& other = connect();
  run("WATCH a");
  run(other, "SET a 1");
  EXPECT_EQ(run("UNWATCH"), "+OK|");
  run("MULTI");
  EXPECT_EQ(run("EXEC"), "*0|");
  run("WATCH a");
  run("MULTI");
  run("DISCARD");
  run(other, "SET a 2");
  run("MULTI");
  EXPECT_EQ(run("EXEC"), "*0|");
}

TEST_F(Transactions, FlushSwapAndExpiryCountAsChanges) {
  server::Session& other = connect();
  run("SET a 1");
  run("WATCH a");
  run(other, "FLUSHALL");
  run("MULTI");
  EXPECT_EQ(run("EXEC"), "*-1|");
  run("SET a 1");
  run("WATCH a");
  run(other, "SWAPDB 0 1");
  run("MULTI");
  EXPECT_EQ(run("EXEC"), "*-1|");
  run("SET a 1 PX 5");
  run("WATCH a");
  clock.advance(Millis(50));
  run("MULTI");
  EXPECT_EQ(run("EXEC"), "*-1|");
}

TEST_F(Transactions, ExecIsRefusedForWhatItWouldWrite) {
  run("MULTI");
  run("SET a 1");
  replication.replica = true;
  EXPECT_EQ(run("EXEC"),
            "-EXECABORT Transaction discarded because of: READONLY You can't write against a read only replica.|");
  EXPECT_EQ(run("EXEC"), "-ERR EXEC without MULTI|");
}

TEST_F(Transactions, ReadOnlyCommandInMultiIsRefusedAtOnceOnAReplica) {
  replication.replica = true;
  run("MULTI");
  EXPECT_EQ(run("SET a 1"), "-READONLY You can't write against a read only replica.|");
  EXPECT_EQ(run("EXEC"), "-EXECABORT Transaction discarded because of previous errors.|");
}

TEST_F(Transactions, ResetForgetsTheTransaction) {
  run("MULTI");
  node.reset(client);
  EXPECT_EQ(run("EXEC"), "-ERR EXEC without MULTI|");
}

TEST_F(Transactions, NullOfResp3IsUsedWhereSpoken) {
  client.set_protocol(3);
  run("WATCH a");
  run("SET a 1");
  run("MULTI");
  EXPECT_EQ(run("EXEC"), "_|");
}

}  // namespace
}  // namespace holdfast::node
