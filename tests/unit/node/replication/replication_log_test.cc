#include "node/replication/replication_log.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "node/replication/psync.h"

namespace holdfast::node {
namespace {

RunId id_of(char digit) { return *RunId::parse(std::string(40, digit)); }

std::string stream_text(const ReplicationLog& log) {
  std::string out;
  for (int64_t position = log.stream().begin();;) {
    const auto run = log.stream().at(position);
    if (run.empty()) return out;
    out.append(run.data(), run.size());
    position += static_cast<int64_t>(run.size());
  }
}

void set(ReplicationLog& log, int db, std::string_view key) {
  const std::string_view argv[] = {"SET", key, "v"};
  log.feed(db, argv);
}

constexpr std::string_view kSelect0 = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";
constexpr std::string_view kSelect10 = "*2\r\n$6\r\nSELECT\r\n$2\r\n10\r\n";
std::string set_text(std::string_view key) {
  return fmt::format("*3\r\n$3\r\nSET\r\n${}\r\n{}\r\n$1\r\nv\r\n", key.size(), key);
}

TEST(ReplicationLog, CostsNothingBeforeTheFirstReplica) {
  ReplicationLog log(id_of('a'), 1 << 20);
  set(log, 0, "k");
  EXPECT_FALSE(log.active());
  EXPECT_EQ(log.offset(), 0);
  EXPECT_FALSE(log.listening());
  log.activate(id_of('b'));
  EXPECT_TRUE(log.listening());
  log.become_replica();
  EXPECT_FALSE(log.listening());
}

TEST(ReplicationLog, WritesSelectOnlyWhereTheDatabaseChanges) {
  ReplicationLog log(id_of('a'), 1 << 20);
  log.activate(id_of('b'));
  EXPECT_EQ(log.id(), id_of('b'));
  set(log, 0, "a");
  set(log, 0, "b");
  const std::string_view multi[] = {"MULTI"};
  log.feed(-1, multi);
  set(log, 10, "c");
  log.feed_ping();
  set(log, 10, "d");
  log.select_again();
  set(log, 10, "e");
  const std::string expected = std::string(kSelect0) + set_text("a") + set_text("b") + "*1\r\n$5\r\nMULTI\r\n" +
                               std::string(kSelect10) + set_text("c") + "*1\r\n$4\r\nPING\r\n" + set_text("d") +
                               std::string(kSelect10) + set_text("e");
  EXPECT_EQ(stream_text(log), expected);
  EXPECT_EQ(log.offset(), static_cast<int64_t>(expected.size()));
}

TEST(ReplicationLog, WakesOncePerTurn) {
  ReplicationLog log(id_of('a'), 1 << 20);
  int wakes = 0;
  log.set_wake([&] { ++wakes; });
  log.activate(id_of('b'));
  set(log, 0, "a");
  set(log, 0, "b");
  EXPECT_EQ(wakes, 1);
  log.rearm();
  set(log, 0, "c");
  EXPECT_EQ(wakes, 2);
}

TEST(ReplicationLog, ReplicaForwardsAndDropsItsOwnEffects) {
  ReplicationLog log(id_of('a'), 1 << 20);
  log.become_replica();
  log.forget_history();
  EXPECT_FALSE(log.resume_position());
  log.adopt({id_of('c'), 1000});
  set(log, 0, "k");
  log.feed_ping();
  EXPECT_EQ(log.offset(), 1000);
  log.forward("*1\r\n$4\r\nPING\r\n");
  EXPECT_EQ(log.offset(), 1014);
  EXPECT_EQ(log.resume_position()->id, id_of('c'));
  EXPECT_EQ(log.resume_position()->offset, 1014);
}

TEST(ReplicationLog, PromotionKeepsTheOldNameUpToItsOffset) {
  ReplicationLog log(id_of('a'), 1 << 20);
  log.become_replica();
  log.forget_history();
  log.adopt({id_of('c'), 1000});
  log.forward("0123456789");
  log.become_primary(id_of('d'));
  EXPECT_EQ(log.id(), id_of('d'));
  EXPECT_EQ(log.id2(), id_of('c'));
  EXPECT_EQ(log.second_offset(), 1011);
  set(log, 0, "k");
  EXPECT_EQ(stream_text(log), "0123456789" + std::string(kSelect0) + set_text("k"));
}

TEST(ReplicationLog, DemotedPrimaryOffersItsOwnHistory) {
  ReplicationLog log(id_of('a'), 1 << 20);
  log.activate(id_of('b'));
  set(log, 0, "k");
  const int64_t offset = log.offset();
  log.become_replica();
  ASSERT_TRUE(log.resume_position());
  EXPECT_EQ(log.resume_position()->id, id_of('b'));
  EXPECT_EQ(log.resume_position()->offset, offset);
  EXPECT_TRUE(log.continued_as(id_of('e')));
  EXPECT_EQ(log.id(), id_of('e'));
  EXPECT_EQ(log.id2(), id_of('b'));
  EXPECT_EQ(log.second_offset(), offset + 1);
  EXPECT_FALSE(log.continued_as(id_of('e')));
  EXPECT_FALSE(log.continued_as(std::nullopt));
}

TEST(ReplicationLog, LosesItsNameWhenTheStreamEnds) {
  ReplicationLog log(id_of('a'), 1 << 20);
  log.activate(id_of('b'));
  set(log, 0, "k");
  const int64_t offset = log.offset();
  log.deactivate(id_of('c'));
  EXPECT_FALSE(log.active());
  EXPECT_EQ(log.id(), id_of('c'));
  EXPECT_EQ(log.offset(), offset);
  EXPECT_TRUE(log.id2().is_zero());
}

TEST(ReplicationLog, RestartedPrimaryContinuesTheOldHistoryUnderANewName) {
  ReplicationLog log(id_of('a'), 1 << 20);
  log.restore_as_primary({id_of('b'), 500}, id_of('c'));
  EXPECT_EQ(log.id(), id_of('c'));
  EXPECT_TRUE(decide_psync(log, id_of('b').view(), 501).resume);
  // A replica that saw more than was loaded has bytes that this history lost.
  EXPECT_FALSE(decide_psync(log, id_of('b').view(), 502).resume);
  EXPECT_FALSE(decide_psync(log, id_of('b').view(), 500).resume);
}

class Psync : public testing::Test {
 protected:
  Psync() : log_(id_of('a'), 16 * 1024) {
    log_.become_replica();
    log_.forget_history();
    log_.adopt({id_of('b'), 100});
    log_.forward(std::string(50, 'x'));
    log_.become_primary(id_of('c'));
    log_.feed_ping();
  }
  ReplicationLog log_;
};

TEST_F(Psync, ContinuesInTheCurrentHistory) {
  for (const int64_t offset : {101, 150, 151, 165}) {
    const auto decision = decide_psync(log_, id_of('c').view(), offset);
    EXPECT_TRUE(decision.resume) << offset;
    EXPECT_EQ(decision.position, offset - 1);
  }
}

TEST_F(Psync, ContinuesInTheFormerHistoryUpToTheSwitch) {
  EXPECT_TRUE(decide_psync(log_, id_of('b').view(), 151).resume);
  const auto past = decide_psync(log_, id_of('b').view(), 152);
  EXPECT_FALSE(past.resume);
  EXPECT_NE(past.reason.find("Requested offset for second ID was 152, but I can reply up to 151"), std::string::npos);
}

TEST_F(Psync, RefusesOtherHistoriesAndMissingBytes) {
  EXPECT_FALSE(decide_psync(log_, id_of('f').view(), 120).resume);
  EXPECT_FALSE(decide_psync(log_, std::string(40, '0'), 120).resume);  // "no id" is not a history
  for (const int64_t offset : {INT64_MIN, int64_t{-1}, int64_t{0}, int64_t{100}, int64_t{166}, INT64_MAX}) {
    EXPECT_FALSE(decide_psync(log_, id_of('c').view(), offset).resume) << offset;
  }
  EXPECT_EQ(decide_psync(log_, "?", -1).reason, "");
}

}  // namespace
}  // namespace holdfast::node
