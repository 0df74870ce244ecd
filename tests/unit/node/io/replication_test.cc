#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "tests/unit/node/io/replication_test_node.h"

namespace holdfast::test {
namespace {

// A loopback port that was free a moment ago.
uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  socklen_t size = sizeof address;
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(fd);
  return ntohs(address.sin_port);
}

class NodeReplicationTest : public testing::Test {
 protected:
  NodeReplicationTest() {
    char name[] = "/tmp/holdfast-replication-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~NodeReplicationTest() override {
    nodes_.clear();  // the loop does not run any more: what is posted goes with it
    std::filesystem::remove_all(folder_);
  }

  ReplicationTestNode& node() {
    auto node = std::make_unique<ReplicationTestNode>(io_, clock_, free_port(), 7 + nodes_.size(), folder_);
    EXPECT_TRUE(node->listen());
    nodes_.push_back(std::move(node));
    return *nodes_.back();
  }
  template <class Condition>
  bool until(Condition condition, Seconds limit = Seconds(10)) {
    const Instant end = clock_.now() + limit;
    while (!condition()) {
      if (clock_.now() > end) return false;
      io_.restart();
      io_.run_one_for(std::chrono::milliseconds(10));
    }
    return true;
  }
  void follow(ReplicationTestNode& replica, ReplicationTestNode& primary) {
    ASSERT_TRUE(replica.replication().replicaof("127.0.0.1", primary.port()));
  }
  static bool same(ReplicationTestNode& a, ReplicationTestNode& b) {
    return b.replication().link_up() && a.replication().offset() == b.replication().offset() &&
           a.replication().replication_id() == b.replication().replication_id() && a.data.databases == b.data.databases;
  }
  bool settle(ReplicationTestNode& a, ReplicationTestNode& b) {
    return until([&] { return same(a, b) && a.replication().log().active(); });
  }

  boost::asio::io_context io_{net::kOneThread};
  SystemClock clock_;
  std::string folder_;
  std::vector<std::unique_ptr<ReplicationTestNode>> nodes_;
};

TEST_F(NodeReplicationTest, FullResyncThroughAFileThenStream) {
  auto &primary = node(), &replica = node();
  for (int i = 0; i < 5000; ++i) primary.set(i % 3, fmt::format("key:{}", i), std::string(100, 'v'));
  follow(replica, primary);
  ASSERT_TRUE(settle(primary, replica));
  EXPECT_TRUE(replica.is_replica);
  primary.set(2, "after", "1");
  primary.set(0, "after", "2");
  ASSERT_TRUE(settle(primary, replica));
  EXPECT_EQ(replica.data.databases[0]["after"].bytes, "2");
  EXPECT_EQ(primary.replication().stats().sync_full, 1u);
  EXPECT_TRUE(until([&] { return primary.replication().acked(primary.replication().offset()) == 1; }));
  EXPECT_TRUE(std::filesystem::is_empty(folder_)) << "payloads are removed";
}

TEST_F(NodeReplicationTest, StreamedFullResyncServesAllThatWait) {
  auto &primary = node(), &first = node(), &second = node();
  primary.config.diskless_sync = true;
  primary.config.diskless_delay = Seconds(30);
  primary.config.diskless_max_replicas = 2;
  primary.replication().configure(primary.config);
  for (int i = 0; i < 50000; ++i) primary.set(0, fmt::format("key:{}", i), std::string(200, static_cast<char>('a' + i % 26)));
  follow(first, primary);
  follow(second, primary);
  ASSERT_TRUE(settle(primary, first));
  ASSERT_TRUE(settle(primary, second));
  EXPECT_EQ(primary.saves, 1);
  EXPECT_EQ(primary.replication().stats().sync_full, 2u);
}

TEST_F(NodeReplicationTest, ReplicaJoinsARunningSnapshot) {
  auto &primary = node(), &first = node(), &second = node();
  primary.set(0, "a", "1");
  follow(first, primary);
  follow(second, primary);
  ASSERT_TRUE(settle(primary, first));
  primary.set(3, "b", "2");
  ASSERT_TRUE(settle(primary, first));
  ASSERT_TRUE(settle(primary, second));
}

TEST_F(NodeReplicationTest, BrokenLinkContinues) {
  auto &primary = node(), &replica = node();
  follow(replica, primary);
  ASSERT_TRUE(settle(primary, replica));
  primary.set(5, "a", "1");
  ASSERT_TRUE(settle(primary, replica));
  ASSERT_TRUE(replica.replication().kill_primary_link());
  EXPECT_FALSE(replica.replication().link_up());
  primary.set(5, "b", "2");  // no SELECT goes before it: the database is still selected
  ASSERT_TRUE(settle(primary, replica));
  EXPECT_EQ(replica.data.databases[5]["b"].bytes, "2");
  EXPECT_EQ(primary.replication().stats().sync_full, 1u);
  EXPECT_EQ(primary.replication().stats().sync_partial_ok, 1u);
}

TEST_F(NodeReplicationTest, BytesOutOfTheBacklogNeedAFullResync) {
  auto &primary = node(), &replica = node();
  primary.config.backlog_size_bytes = 16 * 1024;
  primary.replication().configure(primary.config);
  follow(replica, primary);
  ASSERT_TRUE(settle(primary, replica));
  EXPECT_FALSE(replica.loaded_same_history) << "it had none";
  // The replica cannot come back before the primary has let go of its place and the history has grown past the backlog.
  primary.stop_listening();
  ASSERT_TRUE(replica.replication().kill_primary_link());
  ASSERT_TRUE(until([&] { return primary.replication().info().find("connected_slaves:0") != std::string::npos; }));
  for (int i = 0; i < 1000; ++i) primary.set(0, fmt::format("key:{}", i), std::string(100, 'v'));
  ASSERT_TRUE(primary.listen());
  ASSERT_TRUE(settle(primary, replica));
  EXPECT_EQ(primary.replication().stats().sync_full, 2u);
  EXPECT_TRUE(replica.loaded_same_history) << "its old data may be served until the new data is whole";
  // Its first try offered its own empty history; the second the bytes that are gone.
  EXPECT_EQ(primary.replication().stats().sync_partial_err, 2u);
}

TEST_F(NodeReplicationTest, TransactionCountsWhenItIsWhole) {
  auto &primary = node(), &replica = node();
  follow(replica, primary);
  ASSERT_TRUE(settle(primary, replica));
  const int64_t before = replica.replication().offset();
  primary.feed_bare("MULTI");
  primary.set(1, "a", "1");
  ASSERT_TRUE(until([&] { return replica.replication().info().find(fmt::format("slave_read_repl_offset:{}",
                                 primary.replication().offset())) != std::string::npos; }));
  EXPECT_EQ(replica.replication().offset(), before);
  EXPECT_TRUE(replica.data.databases[1].empty());
  // A link that breaks inside of it continues before the MULTI.
  ASSERT_TRUE(replica.replication().kill_primary_link());
  primary.set(1, "b", "2");
  primary.feed_bare("EXEC");
  ASSERT_TRUE(settle(primary, replica));
  EXPECT_EQ(primary.replication().stats().sync_full, 1u);
}

TEST_F(NodeReplicationTest, ChainKeepsIdsAndOffsetsAndSurvivesPromotion) {
  auto &top = node(), &middle = node(), &bottom = node();
  top.set(0, "a", "1");
  follow(middle, top);
  ASSERT_TRUE(settle(top, middle));
  follow(bottom, middle);
  ASSERT_TRUE(settle(middle, bottom));
  top.set(4, "b", "2");
  ASSERT_TRUE(settle(top, middle));
  ASSERT_TRUE(settle(middle, bottom));
  const RunId old = top.replication().replication_id();

  middle.replication().replicaof_no_one();
  EXPECT_FALSE(middle.replication().is_replica());
  EXPECT_EQ(middle.identity->id, middle.replication().replication_id());
  middle.set(4, "c", "3");
  ASSERT_TRUE(settle(middle, bottom));
  EXPECT_NE(middle.replication().replication_id(), old);
  EXPECT_EQ(bottom.replication().log().id2(), old);
  EXPECT_EQ(bottom.loads, 1) << "it continued";
  // The old primary comes back as a replica and continues too: it wrote nothing since.
  follow(top, middle);
  ASSERT_TRUE(settle(middle, top));
  EXPECT_EQ(top.loads, 0);
  EXPECT_EQ(middle.replication().stats().sync_full, 1u);
  EXPECT_EQ(middle.replication().stats().sync_partial_ok, 2u);
}

TEST_F(NodeReplicationTest, OldPrimaryThatWroteOnIsResynced) {
  auto &top = node(), &other = node();
  follow(other, top);
  ASSERT_TRUE(settle(top, other));
  other.replication().replicaof_no_one();
  ASSERT_TRUE(until([&] { return top.replication().role().replicas.empty(); }));
  top.set(0, "lost", "1");
  other.set(0, "kept", "1");
  follow(top, other);
  ASSERT_TRUE(settle(other, top));
  EXPECT_FALSE(top.data.databases[0].contains("lost"));
  EXPECT_EQ(top.loads, 1);
  EXPECT_FALSE(top.loaded_same_history) << "what it wrote on its own is nothing to be served";
}

TEST_F(NodeReplicationTest, WaitAsksAtOnceAndCountsAcknowledgements) {
  auto &primary = node(), &replica = node();
  follow(replica, primary);
  ASSERT_TRUE(settle(primary, replica));
  primary.set(0, "a", "1");
  const Instant begin = clock_.now();
  std::optional<size_t> count;
  const auto wait = [&](size_t replicas, std::optional<Millis> timeout) {
    const node::AckTarget target{.offset = primary.replication().offset(), .replicas = replicas};
    primary.replication().wait(target, timeout, [&](auto acked) { count = acked; });
  };
  wait(1, std::nullopt);
  ASSERT_TRUE(until([&] { return count.has_value(); }));
  EXPECT_EQ(count, 1u);
  EXPECT_LT(clock_.now() - begin, Millis(700)) << "not by the acknowledgement of each second";

  count.reset();
  wait(2, Millis(50));
  ASSERT_TRUE(until([&] { return count.has_value(); }));
  EXPECT_EQ(count, 1u);
}

TEST_F(NodeReplicationTest, WaitForLogsCountsOnlyReplicasThatHaveItOnTheirDisks) {
  auto &primary = node(), &replica = node();
  follow(replica, primary);
  ASSERT_TRUE(settle(primary, replica));
  primary.set(0, "a", "1");
  const int64_t offset = primary.replication().offset();
  std::optional<size_t> count;
  const auto wait = [&](std::optional<Millis> timeout) {
    count.reset();
    primary.replication().wait({.offset = offset, .replicas = 1, .synced = true}, timeout, [&](auto acked) { count = acked; });
    return until([&] { return count.has_value(); });
  };
  ASSERT_TRUE(wait(Millis(50)));
  EXPECT_EQ(count, 0u) << "a replica without an append-only file says nothing of it";
  replica.synced = offset - 1;
  ASSERT_TRUE(wait(Millis(50)));
  EXPECT_EQ(count, 0u);
  replica.synced = offset;
  ASSERT_TRUE(wait(std::nullopt));
  EXPECT_EQ(count, 1u);
  EXPECT_EQ(primary.replication().acked_synced(offset), 1u);
}

TEST_F(NodeReplicationTest, WaitForLogsHasTheReplicaSyncAtOnceAndSaySo) {
  auto &primary = node(), &replica = node();
  follow(replica, primary);
  ASSERT_TRUE(settle(primary, replica));
  primary.set(0, "a", "1");
  replica.synced = 0;
  const int64_t offset = primary.replication().offset();
  std::optional<size_t> count;
  const auto counted = [&](auto acked) { count = acked; };
  primary.replication().wait({.offset = offset, .replicas = 1}, std::nullopt, counted);
  ASSERT_TRUE(until([&] { return count.has_value(); }));
  EXPECT_EQ(replica.syncs_asked, 0) << "WAIT does not ask for it";

  count.reset();
  primary.replication().wait({.offset = offset, .replicas = 1, .synced = true}, std::nullopt, counted);
  ASSERT_TRUE(until([&] { return replica.syncs_asked == 1; }));
  const Instant begin = clock_.now();
  replica.synced = replica.replication().offset();
  replica.replication().log_synced(1);
  ASSERT_TRUE(until([&] { return count.has_value(); }));
  EXPECT_EQ(count, 1u);
  EXPECT_LT(clock_.now() - begin, Millis(500)) << "not by the acknowledgement of each second";
}

TEST_F(NodeReplicationTest, WaitForTheOwnLogEndsWhenItIsSyncedOrSwitchedOff) {
  auto& primary = node();
  int ended = 0;
  const auto wait = [&] {
    primary.replication().wait({.synced = true, .log_offset = 100}, std::nullopt, [&](auto) { ++ended; });
  };
  primary.replication().log_synced(50);
  wait();
  primary.replication().log_synced(99);
  EXPECT_EQ(ended, 0);
  primary.replication().log_synced(100);
  EXPECT_EQ(ended, 1);
  primary.replication().log_synced(50);
  wait();
  primary.replication().log_synced(std::nullopt);
  EXPECT_EQ(ended, 2);
}

TEST_F(NodeReplicationTest, FailedSnapshotIsTriedAgain) {
  auto &primary = node(), &replica = node();
  primary.fail_saves = true;
  primary.set(0, "a", "1");
  follow(replica, primary);
  ASSERT_TRUE(until([&] { return primary.replication().stats().sync_full >= 2; }));
  primary.fail_saves = false;
  ASSERT_TRUE(settle(primary, replica));
}

TEST_F(NodeReplicationTest, GoodReplicasGateWrites) {
  auto &primary = node(), &replica = node();
  primary.config.min_replicas_to_write = 1;
  primary.replication().configure(primary.config);
  EXPECT_FALSE(primary.replication().enough_good_replicas());
  follow(replica, primary);
  ASSERT_TRUE(until([&] { return primary.replication().enough_good_replicas(); }));
  EXPECT_NE(primary.replication().info().find("min_slaves_good_slaves:1\r\n"), std::string::npos);
  replica.replication().replicaof_no_one();
  ASSERT_TRUE(until([&] { return !primary.replication().enough_good_replicas(); }));
}

TEST_F(NodeReplicationTest, RefusesToFollowItself) {
  auto& alone = node();
  EXPECT_FALSE(alone.replication().replicaof("localhost", alone.port()));
  EXPECT_FALSE(alone.replication().is_replica());
  auto& other = node();
  follow(alone, other);
  EXPECT_EQ(*alone.replication().replicaof("127.0.0.1", other.port()), "OK Already connected to specified master");
}

TEST_F(NodeReplicationTest, RestartedReplicaContinuesFromItsFile) {
  auto &primary = node(), &replica = node();
  primary.set(7, "a", "1");
  follow(replica, primary);
  ASSERT_TRUE(settle(primary, replica));
  primary.set(7, "b", "2");
  ASSERT_TRUE(settle(primary, replica));
  const auto position = replica.replication().saved_position();
  ASSERT_TRUE(position);
  EXPECT_EQ(position->stream_db, 7);
  auto& restarted = node();
  restarted.data.databases = replica.data.databases;
  restarted.replication().restore(*position, true);
  restarted.replication().start_as_replica({"127.0.0.1", primary.port()});
  primary.set(7, "c", "3");
  ASSERT_TRUE(settle(primary, restarted));
  EXPECT_EQ(restarted.loads, 0);
}

TEST_F(NodeReplicationTest, RestartedPrimaryKeepsItsReplicasUpToWhatItLoaded) {
  auto &primary = node(), &replica = node();
  primary.set(0, "a", "1");
  follow(replica, primary);
  ASSERT_TRUE(settle(primary, replica));
  primary.set(0, "b", "2");
  ASSERT_TRUE(settle(primary, replica));
  auto& restarted = node();
  restarted.data.databases = primary.data.databases;
  restarted.replication().restore(*primary.replication().saved_position(), false);
  EXPECT_NE(restarted.replication().replication_id(), primary.replication().replication_id());
  follow(replica, restarted);
  ASSERT_TRUE(settle(restarted, replica));
  EXPECT_EQ(replica.loads, 1) << "the first one only";
}

}  // namespace
}  // namespace holdfast::test
