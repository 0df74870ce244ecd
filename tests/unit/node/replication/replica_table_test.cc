#include "node/replication/replica_table.h"

#include <gtest/gtest.h>

#include "node/replication/ack_waits.h"
#include "node/replication/full_sync_scheduler.h"

namespace holdfast::node {
namespace {

const Instant kStart{Seconds(1000)};

AttachedReplica& online(ReplicaTable& table, uint64_t id, int64_t acked, Instant now = kStart) {
  auto& replica = table.enter(id, "127.0.0.1");
  replica.phase = ReplicaPhase::online;
  table.acknowledge(id, acked, now);
  return replica;
}

TEST(ReplicaTable, CountsOnlyAttachedReplicas) {
  ReplicaTable table;
  table.enter(1, "127.0.0.1");
  EXPECT_EQ(table.attached(), 0u);
  table.enter(1, "127.0.0.1").phase = ReplicaPhase::wait_snapshot_start;
  EXPECT_EQ(table.attached(), 1u);
  EXPECT_EQ(table.rows(kStart)[0].state, "wait_bgsave");
  EXPECT_EQ(table.acked(0), 0u);
}

TEST(ReplicaTable, AnnouncedAddressWins) {
  ReplicaTable table;
  auto& replica = online(table, 1, 10);
  replica.port = 6380;
  EXPECT_EQ(table.rows(kStart)[0].ip, "127.0.0.1");
  replica.announced_ip = "10.1.1.1";
  EXPECT_EQ(table.rows(kStart)[0].ip, "10.1.1.1");
}

TEST(ReplicaTable, GoodMeansHeardOfWithinTheLag) {
  ReplicaTable table;
  online(table, 1, 10);
  online(table, 2, 10, kStart + Seconds(8));
  EXPECT_EQ(table.good(kStart + Seconds(10), Seconds(10)), 2u);
  EXPECT_EQ(table.good(kStart + Seconds(12), Seconds(10)), 1u);
  EXPECT_EQ(table.rows(kStart + Seconds(12))[0].lag_s, 12);
}

TEST(ReplicaTable, AcknowledgementsNeverGoBack) {
  ReplicaTable table;
  online(table, 1, 100);
  EXPECT_FALSE(table.acknowledge(1, 50, kStart + Seconds(1)));
  EXPECT_EQ(table.find(1)->acked, 100);
  EXPECT_EQ(table.find(1)->last_sign, kStart + Seconds(1));
  EXPECT_FALSE(table.acknowledge(99, 50, kStart));
}

TEST(ReplicaTable, SilentReplicasAreFound) {
  ReplicaTable table;
  online(table, 1, 1);
  table.enter(2, "127.0.0.1").phase = ReplicaPhase::wait_snapshot_end;  // it waits for us
  EXPECT_TRUE(table.silent(kStart + Seconds(60), Seconds(60)).empty());
  EXPECT_EQ(table.silent(kStart + Seconds(61), Seconds(60)), (std::vector<uint64_t>{1}));
}

TEST(ReplicaTable, OutputLimitsAreHardAtOnceAndSoftAfterAWhile) {
  ReplicationConfig config;
  config.backlog_size_bytes = 16 * 1024;
  config.output_hard_limit_bytes = 1000'000;
  config.output_soft_limit_bytes = 100'000;
  config.output_soft_limit_period = Seconds(10);
  ReplicaTable table;
  online(table, 1, 1);
  EXPECT_TRUE(table.over_limit(1, 1000'000, kStart, config));
  EXPECT_FALSE(table.over_limit(1, 100'000, kStart, config));
  EXPECT_FALSE(table.over_limit(1, 50'000, kStart + Seconds(9), config));  // it recovered
  EXPECT_FALSE(table.over_limit(1, 100'000, kStart + Seconds(10), config));
  EXPECT_TRUE(table.over_limit(1, 100'000, kStart + Seconds(20), config));
  config.backlog_size_bytes = 4'000'000;
  EXPECT_FALSE(table.over_limit(1, 1000'000, kStart + Seconds(20), config));
}

TEST(AckWaits, EndWhenEnoughReplicasHaveTheOffset) {
  ReplicaTable table;
  online(table, 1, 10);
  online(table, 2, 5);
  AckWaits waits;
  const uint64_t token = waits.add({.offset = 10, .replicas = 2}, std::nullopt);
  EXPECT_TRUE(waits.satisfied(table, std::nullopt).empty());
  table.acknowledge(2, 12, kStart);
  const auto over = waits.satisfied(table, std::nullopt);
  ASSERT_EQ(over.size(), 1u);
  EXPECT_EQ(over[0].token, token);
  EXPECT_EQ(over[0].acked, 2u);
  EXPECT_TRUE(waits.empty());
}

TEST(AckWaits, EndAtTheirDeadlineWithTheCountSoFar) {
  ReplicaTable table;
  online(table, 1, 10);
  AckWaits waits;
  waits.add({.offset = 10, .replicas = 3}, kStart + Millis(100));
  const uint64_t forever = waits.add({.offset = 10, .replicas = 3}, std::nullopt);
  EXPECT_EQ(waits.deadline(), kStart + Millis(100));
  EXPECT_TRUE(waits.expired(table, kStart + Millis(99)).empty());
  EXPECT_EQ(waits.expired(table, kStart + Millis(100))[0].acked, 1u);
  EXPECT_EQ(waits.deadline(), Instant::max());
  EXPECT_EQ(waits.drain(), (std::vector<uint64_t>{forever}));
}

TEST(AckWaits, ForLogsCountWhatReplicasHaveOnTheirDisks) {
  ReplicaTable table;
  online(table, 1, 10);
  online(table, 2, 10);
  AckWaits waits;
  waits.add({.offset = 10, .replicas = 1, .synced = true}, std::nullopt);
  table.acknowledge_synced(1, 9);
  EXPECT_TRUE(waits.satisfied(table, std::nullopt).empty());
  table.acknowledge_synced(2, 10);
  const auto over = waits.satisfied(table, std::nullopt);
  ASSERT_EQ(over.size(), 1u);
  EXPECT_EQ(over[0].acked, 1u);
}

TEST(AckWaits, ForTheOwnLogEndWhenItIsOnTheDiskOrSwitchedOff) {
  ReplicaTable table;
  AckWaits waits;
  waits.add({.synced = true, .log_offset = 100}, std::nullopt);
  EXPECT_TRUE(waits.satisfied(table, 99).empty());
  EXPECT_EQ(waits.satisfied(table, 100).size(), 1u);
  waits.add({.replicas = 1, .synced = true, .log_offset = 100}, std::nullopt);
  EXPECT_TRUE(waits.satisfied(table, 100).empty()) << "no replica yet";
  EXPECT_EQ(waits.satisfied(table, std::nullopt).size(), 1u);
}

TEST(FullSyncScheduler, DiskSnapshotsStartAtOnce) {
  ReplicationConfig config;
  config.diskless_sync = false;
  FullSyncScheduler scheduler;
  scheduler.add(1, true, kStart);
  EXPECT_FALSE(scheduler.poll(kStart, config, true));  // another save runs
  const auto start = scheduler.poll(kStart, config, false);
  ASSERT_TRUE(start);
  EXPECT_FALSE(start->diskless);
  EXPECT_EQ(start->members, (std::vector<uint64_t>{1}));
  EXPECT_FALSE(scheduler.poll(kStart, config, false));
}

TEST(FullSyncScheduler, StreamedSnapshotsWaitForCompany) {
  ReplicationConfig config;
  FullSyncScheduler scheduler;
  scheduler.add(1, true, kStart);
  scheduler.add(2, true, kStart + Seconds(3));
  EXPECT_EQ(scheduler.deadline(config), kStart + Seconds(5));
  EXPECT_FALSE(scheduler.poll(kStart + Millis(4999), config, false));
  const auto start = scheduler.poll(kStart + Seconds(5), config, false);
  ASSERT_TRUE(start);
  EXPECT_TRUE(start->diskless);
  EXPECT_EQ(start->members.size(), 2u);
  EXPECT_EQ(scheduler.deadline(config), Instant::max());
}

TEST(FullSyncScheduler, StartsEarlyWhenEnoughReplicasWait) {
  ReplicationConfig config;
  config.diskless_max_replicas = 2;
  FullSyncScheduler scheduler;
  scheduler.add(1, true, kStart);
  EXPECT_FALSE(scheduler.poll(kStart, config, false));
  scheduler.add(2, true, kStart);
  EXPECT_TRUE(scheduler.poll(kStart, config, false));
}

TEST(FullSyncScheduler, OneOldReplicaMakesItAFile) {
  ReplicationConfig config;
  FullSyncScheduler scheduler;
  scheduler.add(1, true, kStart);
  scheduler.add(2, false, kStart);
  const auto start = scheduler.poll(kStart, config, false);
  ASSERT_TRUE(start);
  EXPECT_FALSE(start->diskless);
}

TEST(FullSyncScheduler, ForgetsReplicasThatWent) {
  ReplicationConfig config;
  FullSyncScheduler scheduler;
  scheduler.add(1, true, kStart);
  scheduler.remove(1);
  EXPECT_FALSE(scheduler.poll(kStart + Seconds(60), config, false));
}

}  // namespace
}  // namespace holdfast::node
