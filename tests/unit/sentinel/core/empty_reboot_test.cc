// A primary that comes back without its data: the rule, and the failover that saves the replicas' copy.
#include "sentinel/core/empty_reboot.h"

#include <gtest/gtest.h>

#include "tests/unit/sentinel/core/harness.h"

namespace holdfast::sentinel::test {
namespace {

using namespace std::chrono_literals;

NodeInfo info_of(Role role, char history, uint64_t keys) {
  NodeInfo info;
  info.role = role;
  info.replication_id = id(history);
  info.keys = keys;
  return info;
}

struct EmptyRebootRule : testing::Test {
  EmptyRebootRule() {
    lineage.learn(info_of(Role::replica, '1', 10));
    reboot.seen(id('a'));
    restart();
  }
  void restart() { reboot.seen(RunId::random(random)); }
  bool judged_empty(const NodeInfo& info) {
    reboot.judge(info, lineage, Instant(1h));
    return reboot.since().has_value();
  }
  SeededRandom random{1};
  Lineage lineage;
  EmptyReboot reboot;
};

TEST_F(EmptyRebootRule, NoKeysAndAHistoryOfItsOwn) { EXPECT_TRUE(judged_empty(info_of(Role::primary, '2', 0))); }

TEST_F(EmptyRebootRule, KeysThatItHasLoaded) {
  NodeInfo info = info_of(Role::primary, '2', 10);
  EXPECT_FALSE(judged_empty(info)) << "a version that does not tell how many";
  restart();
  info.keys_loaded = 10;
  EXPECT_FALSE(judged_empty(info));
}

TEST_F(EmptyRebootRule, KeysWrittenSinceItStartedDoNotHideIt) {
  NodeInfo info = info_of(Role::primary, '2', 3);
  info.keys_loaded = 0;
  info.logs_writes = true;
  EXPECT_FALSE(judged_empty(info)) << "they may come from the append-only file";
  restart();
  info.logs_writes = false;
  EXPECT_TRUE(judged_empty(info));
}

TEST_F(EmptyRebootRule, AHistoryThatContinuesTheGroupsIsThatOfAnEmptiedDataSet) {
  NodeInfo info = info_of(Role::primary, '2', 0);
  info.previous_id = id('1');
  EXPECT_FALSE(judged_empty(info));
}

TEST_F(EmptyRebootRule, WaitsUntilItHasLoaded) {
  NodeInfo info = info_of(Role::primary, '2', 0);
  info.loading = true;
  EXPECT_FALSE(judged_empty(info));
  info.loading = false;
  EXPECT_TRUE(judged_empty(info));
}

TEST_F(EmptyRebootRule, IsJudgedOnce) {
  EXPECT_FALSE(judged_empty(info_of(Role::primary, '2', 10)));
  EXPECT_FALSE(judged_empty(info_of(Role::primary, '2', 0))) << "FLUSHALL since";
}

TEST_F(EmptyRebootRule, TheFirstProcessAsThePrimaryIsNoRestart) {
  reboot.switched();
  reboot.seen(id('b'));
  EXPECT_FALSE(judged_empty(info_of(Role::primary, '2', 0))) << "it was empty when it was promoted";
  reboot.seen(id('c'));
  EXPECT_TRUE(judged_empty(info_of(Role::primary, '3', 0)));
}

TEST_F(EmptyRebootRule, WithoutHistoriesNothingIsJudged) {
  NodeInfo info = info_of(Role::primary, '2', 0);
  info.replication_id.reset();
  EXPECT_FALSE(judged_empty(info));
}

TEST_F(EmptyRebootRule, OnlyDataOfBeforeIsACopyAndComesFirst) {
  ASSERT_TRUE(judged_empty(info_of(Role::primary, '2', 0)));
  NodeInfo primary = info_of(Role::primary, '3', 1);  // Redis: the first replica gives it a new one
  primary.replicas = {kReplica1};
  lineage.learn(primary);
  const NodeInfo copy = info_of(Role::replica, '1', 10);
  const NodeInfo resynced = info_of(Role::replica, '3', 1);
  EXPECT_TRUE(reboot.is_copy(copy));
  EXPECT_FALSE(reboot.is_copy(resynced));
  EXPECT_FALSE(reboot.is_copy(info_of(Role::replica, '1', 0)));
  EXPECT_LT(reboot.place(copy, lineage), reboot.place(resynced, lineage));
  EXPECT_EQ(reboot.place(info_of(Role::replica, '9', 10), lineage), Place::foreign);
}

struct EmptyRebootHarness : UsualHarness {
  explicit EmptyRebootHarness(PersistentState state = usual_state(), Faults faults = {})
      : UsualHarness(std::move(state), faults) {
    for (const Endpoint& address : {kPrimary, kReplica1, kReplica2}) server(address).history = id('1').str();
    server(kPrimary).run_id = id('d').str();
    run_for(12s);
  }
  // Within a moment, so that it is not down; its replicas have not connected again.
  void restart_empty(const std::function<void()>& also = {}) {
    server(kPrimary).run_id = id('e').str();
    server(kPrimary).history = id('2').str();
    server(kPrimary).keys = 0;
    server(kPrimary).offset = 0;
    for (const Endpoint& address : {kReplica1, kReplica2}) server(address).link_up = false;
    if (also) also();
    disconnect(kPrimary);
  }
  void resync(const Endpoint& replica) {
    server(replica).history = server(kPrimary).history;
    server(replica).keys = server(kPrimary).keys;
    server(replica).offset = 1;
    server(replica).link_up = true;
  }
};

TEST(EmptyReboots, AReplicaWithTheDataTakesItsPlaceAtOnce) {
  EmptyRebootHarness harness;
  harness.restart_empty();
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+switch-master"); }, 300ms));
  EXPECT_TRUE(harness.noticed("+reboot-empty master mymaster 10.0.0.1 6379 #10 keys at 10.0.0."));
  EXPECT_LT(harness.index_of("+reboot-empty"), harness.index_of("+sdown master"));
  ASSERT_TRUE(harness.run_until([&] { return harness.server(kPrimary).count(Request::Kind::change_role) == 1; }, 1s));
  EXPECT_EQ(harness.server(kPrimary).follows, harness.core.primary_address("mymaster"));
  ASSERT_TRUE(harness.run_until([&] { return !harness.records.empty(); }, 30s));
  EXPECT_EQ(harness.records[0].trigger, "emptied");
}

TEST(EmptyReboots, TheReplicaThatHasResyncedComesLast) {
  EmptyRebootHarness harness;
  harness.server(kReplica1).priority = 1;
  harness.run_for(12s);
  harness.restart_empty([&] { harness.resync(kReplica1); });
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+switch-master"); }, 300ms));
  EXPECT_EQ(harness.core.primary_address("mymaster"), kReplica2);
}

void expect_no_failover(EmptyRebootHarness& harness) {
  harness.run_for(30s);
  EXPECT_TRUE(harness.noticed("+reboot master"));
  EXPECT_FALSE(harness.noticed("+reboot-empty"));
  EXPECT_FALSE(harness.noticed("+sdown master"));
  EXPECT_FALSE(harness.noticed("+switch-master"));
}

TEST(EmptyReboots, WhereNobodyHasTheDataAnyMoreItStaysThePrimary) {
  EmptyRebootHarness harness;
  harness.restart_empty([&] {
    for (const Endpoint& address : {kReplica1, kReplica2}) harness.resync(address);
  });
  expect_no_failover(harness);
}

TEST(EmptyReboots, AGroupWithoutDataHasNothingToSave) {
  EmptyRebootHarness harness;
  for (const Endpoint& address : {kPrimary, kReplica1, kReplica2}) harness.server(address).keys = 0;
  harness.restart_empty();
  expect_no_failover(harness);
}

// The last INFO says that the replicas have keys; FLUSHALL came after it.
TEST(EmptyReboots, AReplicaIsAskedAgain) {
  EmptyRebootHarness harness;
  for (const Endpoint& address : {kReplica1, kReplica2}) harness.server(address).keys = 0;
  harness.restart_empty();
  expect_no_failover(harness);
}

TEST(EmptyReboots, ARestartWithTheDataIsNone) {
  EmptyRebootHarness harness;
  harness.restart_empty([&] { harness.server(kPrimary).keys = 10; });
  expect_no_failover(harness);
}

TEST(EmptyReboots, AnEmptyFileOfTheGroupsHistoryIsItsData) {
  EmptyRebootHarness harness;
  harness.restart_empty(
      [&] { harness.server(kPrimary).more = "master_replid2:" + id('1').str() + "\r\nsecond_repl_offset:101\r\n"; });
  expect_no_failover(harness);
}

TEST(EmptyReboots, FlushallWithoutARestartIsNone) {
  EmptyRebootHarness harness;
  harness.server(kPrimary).keys = 0;
  harness.disconnect(kPrimary);
  harness.run_for(30s);
  EXPECT_FALSE(harness.noticed("+sdown"));
}

// Nobody agrees (the others are redis-sentinels), and the replicas can be asked no more: it is the primary again.
TEST(EmptyReboots, ItIsDownNoLongerThanThereIsACopy) {
  EmptyRebootHarness harness;
  for (const Endpoint& peer : {kPeer1, kPeer2}) harness.server(peer).answer = nullptr;
  harness.restart_empty();
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+sdown master"); }, 1s));
  harness.run_for(2s);
  EXPECT_FALSE(harness.noticed("-sdown master"));
  for (const Endpoint& address : {kReplica1, kReplica2}) harness.resync(address);
  EXPECT_TRUE(harness.run_until([&] { return harness.noticed("-sdown master"); }, 3s));
  EXPECT_FALSE(harness.noticed("+switch-master"));
}

TEST(EmptyReboots, ACopyCountsForAMinute) {
  EmptyRebootHarness harness;
  for (const Endpoint& peer : {kPeer1, kPeer2}) harness.server(peer).answer = nullptr;
  harness.restart_empty();
  harness.run_for(59s);
  EXPECT_FALSE(harness.noticed("-sdown master"));
  harness.run_for(2s);
  EXPECT_TRUE(harness.noticed("-sdown master"));
}

// The replicas copied nothing while the votes were on their way.
TEST(EmptyReboots, TheFailoverEndsWhereThereIsNothingLeftToSave) {
  EmptyRebootHarness harness;
  for (const Endpoint& peer : {kPeer1, kPeer2}) {
    harness.server(peer).answer = [](const Request&) {
      return Reply::array({Reply::number(1), Reply::bulk("*"), Reply::number(0)});
    };
  }
  harness.restart_empty();
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+try-failover"); }, 1s));
  for (const Endpoint& address : {kReplica1, kReplica2}) harness.resync(address);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("-failover-abort"); }, 3s));
  harness.run_for(10s);
  EXPECT_TRUE(harness.noticed("-sdown master"));
  EXPECT_FALSE(harness.noticed("+switch-master"));
}

TEST(EmptyReboots, MasterRebootDownAfterPeriodIsAsBefore) {
  PersistentState state = usual_state();
  state.primaries[0].settings.reboot_down_after = Millis(200);
  EmptyRebootHarness harness(state);
  harness.restart_empty([&] {
    harness.server(kPrimary).keys = 10;
    harness.server(kPrimary).ping = Reply::error("LOADING Redis is loading the dataset in memory");
  });
  EXPECT_TRUE(harness.run_until([&] { return harness.noticed("+switch-master"); }, 1s));
  EXPECT_FALSE(harness.noticed("+reboot-empty"));
}

}  // namespace
}  // namespace holdfast::sentinel::test
