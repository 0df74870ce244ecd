// Whose data is it: the rule, the choice that follows from it, and an heir that a primary follows.
#include "sentinel/core/lineage.h"

#include <gtest/gtest.h>

#include "sentinel/core/replica_selection.h"
#include "tests/unit/sentinel/core/harness.h"

namespace holdfast::sentinel::test {
namespace {

using namespace std::chrono_literals;

NodeInfo primary_of(char history, uint64_t offset = 500) {
  NodeInfo info;
  info.role = Role::primary;
  info.keys = 10;
  info.replication_id = id(history);
  info.primary_offset = offset;
  info.replicas = {kReplica1};
  return info;
}

// One that went on from `previous`, which is the same below `fork`.
NodeInfo primary_after(char previous, uint64_t fork, char history) {
  NodeInfo info = primary_of(history);
  info.previous_id = id(previous);
  info.fork_offset = fork;
  return info;
}

NodeInfo replica_of(char history, uint64_t offset) {
  NodeInfo info;
  info.role = Role::replica;
  info.replication_id = id(history);
  info.offset = offset;
  info.keys = 10;
  return info;
}

TEST(LineageRule, TheSameIdIsTheCurrentHistory) {
  Lineage lineage;
  lineage.learn(primary_of('1'));
  EXPECT_EQ(lineage.place(replica_of('1', 7)), Place::current);
  EXPECT_EQ(lineage.place(primary_after('1', 8, '2')), Place::current) << "promoted already";
}

TEST(LineageRule, TheIdBeforeIsCurrentBelowItsEnd) {
  Lineage lineage;
  lineage.learn(primary_after('1', 101, '2'));
  EXPECT_EQ(lineage.place(replica_of('1', 100)), Place::current);
  EXPECT_EQ(lineage.place(replica_of('1', 101)), Place::older) << "it has writes that the primary does not have";
}

TEST(LineageRule, AnIdThatTheGroupNeverHadIsForeign) {
  Lineage lineage;
  lineage.learn(primary_after('1', 101, '2'));
  EXPECT_EQ(lineage.place(replica_of('9', 100)), Place::foreign);
  EXPECT_EQ(lineage.place(primary_after('8', 101, '9')), Place::foreign);
}

TEST(LineageRule, WhatIsNotKnownKeepsNobodyOut) {
  Lineage lineage;
  EXPECT_EQ(lineage.place(replica_of('9', 100)), Place::current);
  lineage.learn(primary_of('1'));
  EXPECT_EQ(lineage.place(NodeInfo{}), Place::current);
}

TEST(LineageRule, APrimaryRestartedWithoutItsHistoryLeavesItsReplicasAnOlderOne) {
  Lineage lineage;
  lineage.learn(primary_of('1'));
  const NodeInfo restarted =
      parse_info("role:master\r\nmaster_replid:" + id('2').str() + "\r\nmaster_replid2:" + RunId().str() +
                 "\r\nmaster_repl_offset:0\r\nsecond_repl_offset:-1\r\n");
  EXPECT_FALSE(restarted.previous_id);
  EXPECT_EQ(restarted.fork_offset, 0u);
  lineage.learn(restarted);
  EXPECT_EQ(lineage.place(replica_of('1', 400)), Place::older);
  EXPECT_EQ(lineage.place(replica_of('2', 1)), Place::current);
  EXPECT_EQ(lineage.place(replica_of('9', 1)), Place::older) << "no replica has come back: its id is not final";
}

// Redis: the first replica makes it begin a stream, with a new id.
TEST(LineageRule, APrimaryThatHadNoReplicasMayHaveAnotherIdByNow) {
  Lineage lineage;
  NodeInfo alone = primary_of('1');
  alone.replicas.clear();
  lineage.learn(alone);
  EXPECT_EQ(lineage.place(replica_of('2', 100)), Place::older);
  lineage.learn(primary_of('2'));
  EXPECT_EQ(lineage.place(replica_of('2', 100)), Place::current);
  EXPECT_EQ(lineage.place(replica_of('9', 100)), Place::foreign);
}

// Redis makes up an id for a replica until its first sync.
TEST(LineageRule, AReplicaThatHasNotSyncedYetHoldsNothingForeign) {
  Lineage lineage;
  lineage.learn(primary_of('1'));
  const std::string head =
      "role:slave\r\nmaster_link_status:down\r\nmaster_link_down_since_seconds:-1\r\n"
      "slave_repl_offset:0\r\nmaster_replid:" +
      id('9').str() + "\r\n";
  EXPECT_EQ(lineage.place(parse_info(head + "loading:0\r\n# Keyspace\r\n")), Place::empty);
  EXPECT_EQ(lineage.place(parse_info(head + "loading:1\r\n# Keyspace\r\n")), Place::foreign) << "it is reading some";
  EXPECT_EQ(lineage.place(parse_info(head + "loading:0\r\n# Keyspace\r\ndb3:keys=1,expires=0,avg_ttl=0\r\n")),
            Place::foreign);
}

TEST(LineageRule, AnEmptyReplicaOfTheGroupsHistoryIsOneLikeOthers) {
  Lineage lineage;
  lineage.learn(primary_of('1'));
  NodeInfo flushed = replica_of('1', 400);
  flushed.keys = 0;
  EXPECT_EQ(lineage.place(flushed), Place::current);
}

TEST(LineageRule, ABranchOfLongAgoIsOlder) {
  Lineage lineage;
  lineage.learn(primary_of('1'));
  lineage.learn(primary_after('1', 101, '2'));
  lineage.learn(primary_after('2', 201, '3'));
  EXPECT_EQ(lineage.place(replica_of('1', 50)), Place::older);
  EXPECT_EQ(lineage.place(primary_after('1', 51, '7')), Place::older);
}

ReplicaCandidate candidate(uint16_t port, Place place, uint64_t offset) {
  const Instant now{1h};
  return {.address = {"10.0.0.1", port},
          .connected = true,
          .last_ok = now,
          .info_at = now,
          .offset = offset,
          .place = place};
}

TEST(LineageSelection, ComesBeforePriorityAndOffset) {
  const SelectionLimits limits{.max_ping_age = 500ms, .max_info_age = 5000ms, .max_link_down = 10000ms};
  const Instant now{1h};
  std::vector<ReplicaCandidate> replicas{candidate(1, Place::foreign, 900), candidate(2, Place::older, 500),
                                         candidate(3, Place::current, 100)};
  replicas[1].priority = 1;
  ASSERT_EQ(select_replica(replicas, limits, now), 2u);
  EXPECT_EQ(verdict_of(replicas[0], &replicas[2], limits, now), "foreign-lineage");
  EXPECT_EQ(verdict_of(replicas[1], &replicas[2], limits, now), "older-lineage");
  replicas.back() = candidate(4, Place::empty, 1000);
  EXPECT_EQ(select_replica(replicas, limits, now), 1u);
  EXPECT_EQ(verdict_of(replicas[2], &replicas[1], limits, now), "no-data");
  replicas.resize(1);
  EXPECT_EQ(select_replica(replicas, limits, now), std::nullopt);
}

struct LineageHarness : UsualHarness {
  LineageHarness() {
    for (const Endpoint& address : {kPrimary, kReplica1, kReplica2}) server(address).history = id('1').str();
    run_for(12s);
  }
};

TEST(LineageInFailovers, ForeignDataIsNotPromotedThoughThereIsMoreOfIt) {
  LineageHarness harness;
  harness.server(kReplica1).history = id('9').str();
  harness.server(kReplica1).link_up = false;
  harness.server(kReplica1).offset = 100000;
  harness.disconnect(kReplica1);
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+switch-master"); }, 5s));
  EXPECT_EQ(harness.core.primary_address("mymaster"), kReplica2);
}

// With a history of its own, as a Redis replica has that waits for its first sync.
TEST(LineageInFailovers, AReplicaWithoutDataIsPromotedIfThereIsNobodyElse) {
  LineageHarness harness;
  for (const Endpoint& address : {kReplica1, kReplica2}) {
    harness.server(address).history = id('9').str();
    harness.server(address).link_up = false;
    harness.disconnect(address);
  }
  harness.server(kReplica2).keys = 0;
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+switch-master"); }, 5s));
  EXPECT_EQ(harness.core.primary_address("mymaster"), kReplica2);
}

TEST(LineageInFailovers, NobodyIsPromotedWhereAllDataIsForeign) {
  LineageHarness harness;
  for (const Endpoint& address : {kReplica1, kReplica2}) {
    harness.server(address).history = id('9').str();
    harness.server(address).link_up = false;
    harness.disconnect(address);
  }
  harness.kill(kPrimary);
  harness.run_for(8s);
  EXPECT_FALSE(harness.noticed("+switch-master"));
}

// The primary came back as a replica, as its conf file says, of one that came back with foreign data.
TEST(LineageInFailovers, AnHeirWithForeignDataIsNotAdopted) {
  LineageHarness harness;
  harness.server(kReplica1).is_primary = true;
  harness.server(kReplica1).history = id('9').str();
  harness.server(kPrimary).is_primary = false;
  harness.server(kPrimary).follows = kReplica1;
  harness.server(kPrimary).link_up = false;
  harness.disconnect(kReplica1);
  harness.disconnect(kPrimary);
  harness.run_for(3s);
  EXPECT_NE(harness.core.primary_address("mymaster"), kReplica1);
  EXPECT_EQ(harness.server(kReplica1).count(Request::Kind::change_role), 0u);
}

}  // namespace
}  // namespace holdfast::sentinel::test
