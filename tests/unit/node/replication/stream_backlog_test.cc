#include "node/replication/stream_backlog.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/random.h"

namespace holdfast::node {
namespace {

std::string read_all(const StreamBacklog& backlog, int64_t position) {
  std::string out;
  for (;;) {
    const auto run = backlog.at(position);
    if (run.empty()) return out;
    out.append(run.data(), run.size());
    position += static_cast<int64_t>(run.size());
  }
}

TEST(StreamBacklog, ReadsBackWhatWasAppendedAcrossChunks) {
  StreamBacklog backlog(1 << 20);
  backlog.start(100);
  std::string all;
  SeededRandom random(1);
  for (int i = 0; i < 300; ++i) {
    const std::string piece(random.below(3000), static_cast<char>('a' + i % 26));
    backlog.append(piece);
    all += piece;
  }
  EXPECT_EQ(backlog.begin(), 100);
  EXPECT_EQ(backlog.end(), 100 + static_cast<int64_t>(all.size()));
  EXPECT_EQ(read_all(backlog, 100), all);
  EXPECT_EQ(read_all(backlog, 100 + 77'777), all.substr(77'777));
  EXPECT_TRUE(backlog.at(backlog.end()).empty());
}

TEST(StreamBacklog, KeepsAtLeastItsHistoryAndNotMuchMore) {
  StreamBacklog backlog(64 * 1024);
  backlog.start(0);
  for (int i = 0; i < 1000; ++i) backlog.append(std::string(1000, 'x'));
  EXPECT_GE(backlog.size(), 64u * 1024);
  EXPECT_LE(backlog.size(), 64u * 1024 + 32 * 1024);
  EXPECT_TRUE(backlog.covers(backlog.end()));
  EXPECT_FALSE(backlog.covers(0));
}

TEST(StreamBacklog, KeepsWhatIsHeldHoweverOld) {
  StreamBacklog backlog(16 * 1024);
  backlog.start(0);
  backlog.append("start");
  const auto hold = backlog.hold(2);
  for (int i = 0; i < 200; ++i) backlog.append(std::string(1000, 'x'));
  EXPECT_EQ(read_all(backlog, 2).substr(0, 4), "artx");
  EXPECT_EQ(backlog.oldest_hold(), 2);
  backlog.move_hold(hold, 150'000);
  EXPECT_FALSE(backlog.covers(2));
  EXPECT_TRUE(backlog.covers(150'000));
  backlog.release(hold);
  EXPECT_LE(backlog.size(), 16u * 1024 + 32 * 1024);
}

TEST(StreamBacklog, WithoutHistoryKeepsOnlyWhatIsHeld) {
  StreamBacklog backlog(0);
  backlog.start(0);
  const auto slow = backlog.hold(0), fast = backlog.hold(0);
  for (int i = 0; i < 100; ++i) backlog.append(std::string(1 << 14, 'x'));
  backlog.move_hold(fast, backlog.end());
  EXPECT_EQ(backlog.begin(), 0);
  backlog.move_hold(slow, backlog.end());
  EXPECT_LE(backlog.size(), 2u << 14);
}

TEST(StreamBacklog, ShrinksWhenTheHistoryIsSetLower) {
  StreamBacklog backlog(1 << 20);
  backlog.start(0);
  backlog.append(std::string(1 << 20, 'x'));
  backlog.set_history(1 << 16);
  EXPECT_LE(backlog.size(), (1u << 16) + (1u << 17));
}

}  // namespace
}  // namespace holdfast::node
