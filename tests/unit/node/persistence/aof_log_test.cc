// The log's writing end: what reaches the disk when, and what a failure leaves.
#include "node/persistence/aof_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "common/base/random.h"
#include "tests/support/faulty_file_system.h"
#include "tests/unit/node/persistence/test_util.h"

namespace holdfast::node {
namespace {

using test::FaultyFileSystem;
using Operation = FaultyFileSystem::Operation;

// Holds the syncs of files back until it is opened.
class Barrier {
 public:
  void wait() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    --waiting_;
  }
  void await_waiters(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= count; });
  }
  void await_waiter() { await_waiters(1); }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t waiting_ = 0;
  bool open_ = false;
};

class AppendOnlyLogTest : public testing::Test {
 protected:
  std::unique_ptr<File> file(const std::string& path) {
    fs_.put(path, "");
    auto opened = fs_.open(path, FileSystem::Mode::append);
    EXPECT_TRUE(opened);
    return std::move(*opened);
  }
  void start(FsyncPolicy policy, bool timestamps = false) {
    log_ = std::make_unique<AppendOnlyLog>(file("log"), 0, clock_, AppendOnlyLog::Options{policy, timestamps},
                                           [this] { ++notices_; });
  }
  bool becomes_durable(uint64_t offset) {
    return eventually([&] { return log_->durable_offset() >= offset; });
  }

  FaultyFileSystem fs_;
  ManualClock clock_;
  Barrier disk_;  // outlives the log, whose last sync may wait at it
  std::atomic<int> notices_{0};
  std::unique_ptr<AppendOnlyLog> log_;
};

TEST_F(AppendOnlyLogTest, SelectsTheDatabaseWhereItChanges) {
  start(FsyncPolicy::no);
  feed(*log_, 0, {"SET", "a", "1"});
  feed(*log_, 0, {"SET", "b", "1"});
  feed(*log_, -1, {"MULTI"});
  feed(*log_, 2, {"SET", "c", "1"});
  feed(*log_, -1, {"EXEC"});
  log_->flush();
  EXPECT_EQ(fs_.content("log"), command({"SELECT", "0"}) + command({"SET", "a", "1"}) + command({"SET", "b", "1"}) +
                                    command({"MULTI"}) + command({"SELECT", "2"}) + command({"SET", "c", "1"}) +
                                    command({"EXEC"}));
  EXPECT_EQ(log_->appended_offset(), fs_.content("log").size());
  EXPECT_EQ(log_->file_bytes(), fs_.content("log").size());
}

TEST_F(AppendOnlyLogTest, AnnotatesTimeOncePerSecondAndNeverInsideATransaction) {
  clock_.set_wall(from_unix_ms(1'700'000'000'000));
  start(FsyncPolicy::no, true);
  feed(*log_, 0, {"SET", "a", "1"});
  feed(*log_, 0, {"SET", "a", "2"});
  clock_.advance(Seconds(1));
  feed(*log_, -1, {"MULTI"});
  clock_.advance(Seconds(1));
  feed(*log_, 0, {"SET", "a", "3"});
  feed(*log_, -1, {"EXEC"});
  log_->flush();
  EXPECT_EQ(fs_.content("log"), "#TS:1700000000\r\n" + command({"SELECT", "0"}) + command({"SET", "a", "1"}) +
                                    command({"SET", "a", "2"}) + "#TS:1700000001\r\n" + command({"MULTI"}) +
                                    command({"SET", "a", "3"}) + command({"EXEC"}));
}

TEST_F(AppendOnlyLogTest, AlwaysReportsDurableOnlyWhatWasSynced) {
  start(FsyncPolicy::always);
  fs_.set_sync_hook([this](const std::string&) { disk_.wait(); });
  feed(*log_, 0, {"SET", "a", "1"});
  log_->flush();
  const uint64_t first = log_->appended_offset();
  disk_.await_waiter();
  EXPECT_EQ(log_->durable_offset(), 0U);
  EXPECT_EQ(notices_, 0);
  disk_.open();
  EXPECT_TRUE(becomes_durable(first));
  EXPECT_TRUE(eventually([&] { return notices_ == 1; }));
  fs_.crash();
  EXPECT_EQ(fs_.content("log").size(), first);
}

TEST_F(AppendOnlyLogTest, SyncsOverlapAndTurnsBeyondThemShareTheNextOne) {
  start(FsyncPolicy::always);
  fs_.set_sync_hook([this](const std::string&) { disk_.wait(); });
  for (size_t i = 1; i <= AppendOnlyLog::kSyncs; ++i) {
    feed(*log_, 0, {"SET", "a", "1"});
    log_->flush();
    disk_.await_waiters(i);
    EXPECT_EQ(fs_.content("log").size(), log_->appended_offset()) << "written while others are synced";
  }
  for (int i = 0; i < 100; ++i) {
    feed(*log_, 0, {"INCR", "a"});
    log_->flush();
  }
  EXPECT_GT(log_->buffered_bytes(), 0U);
  disk_.open();
  EXPECT_TRUE(becomes_durable(log_->appended_offset()));
  EXPECT_TRUE(eventually([&] { return fs_.sync_count() >= AppendOnlyLog::kSyncs + 1; }));
  EXPECT_EQ(fs_.sync_count(), AppendOnlyLog::kSyncs + 1);
}

TEST_F(AppendOnlyLogTest, ASyncThatOvertakesAnotherCountsForBoth) {
  start(FsyncPolicy::always);
  std::atomic<int> begun = 0;
  fs_.set_sync_hook([&](const std::string&) {
    if (++begun == 1) disk_.wait();
  });
  feed(*log_, 0, {"SET", "a", "1"});
  log_->flush();
  disk_.await_waiters(1);
  EXPECT_EQ(log_->durable_offset(), 0U);
  feed(*log_, 0, {"SET", "a", "2"});
  log_->flush();
  EXPECT_TRUE(becomes_durable(log_->appended_offset()));
  disk_.open();
  EXPECT_TRUE(log_->close());
  EXPECT_EQ(log_->durable_offset(), log_->appended_offset());
  EXPECT_EQ(notices_, 1) << "the first one changes nothing any more";
}

// The kernel tells of a failed write-back once for each handle: none of the syncs under way may be taken for a success.
TEST_F(AppendOnlyLogTest, OneFailedSyncFailsThoseBesideIt) {
  start(FsyncPolicy::always);
  fs_.set_sync_hook([this](const std::string&) { disk_.wait(); });
  fs_.fail_operation(Operation::sync, EIO);
  for (size_t i = 1; i <= AppendOnlyLog::kSyncs; ++i) {
    feed(*log_, 0, {"SET", "a", "1"});
    log_->flush();
    disk_.await_waiters(i);
  }
  disk_.open();
  EXPECT_FALSE(log_->close());
  EXPECT_EQ(log_->durable_offset(), 0U);
  EXPECT_EQ(notices_, 1);
}

TEST_F(AppendOnlyLogTest, EverySecondSyncsOnceASecond) {
  start(FsyncPolicy::everysec);
  feed(*log_, 0, {"SET", "a", "1"});
  log_->flush();
  EXPECT_EQ(fs_.content("log").size(), log_->appended_offset()) << "written at the end of the turn";
  EXPECT_EQ(log_->durable_offset(), 0U);
  clock_.advance(Seconds(1));
  log_->flush();
  EXPECT_TRUE(becomes_durable(log_->appended_offset()));
  clock_.advance(Seconds(1));
  log_->flush();
  EXPECT_TRUE(log_->close());
  EXPECT_EQ(fs_.sync_count(), 2U) << "nothing new: no sync but the one of close()";
}

TEST_F(AppendOnlyLogTest, ThreadsStayOnlyUnderAlways) {
  const auto threads = [] {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return std::distance(begin(tasks), end(tasks));
  };
  std::string first;  // with the first one ThreadSanitizer starts its own
  std::thread([&] { first = fmt::format("/proc/self/task/{}", ::gettid()); }).join();
  ASSERT_TRUE(eventually([&] { return !std::filesystem::exists(first); }));
  const auto before = threads();
  start(FsyncPolicy::everysec);
  for (int round = 0; round < 3; ++round) {
    feed(*log_, 0, {"SET", "a", "1"});
    log_->sync_now();
    EXPECT_TRUE(becomes_durable(log_->appended_offset()));
    EXPECT_TRUE(eventually([&] { return threads() == before; })) << "it has ended";
  }
  log_->set_policy(FsyncPolicy::always);
  EXPECT_EQ(threads(), before + static_cast<long>(AppendOnlyLog::kSyncs));
  feed(*log_, 0, {"SET", "a", "2"});
  log_->flush();
  EXPECT_TRUE(becomes_durable(log_->appended_offset()));
  log_->set_policy(FsyncPolicy::everysec);
  EXPECT_TRUE(eventually([&] { return threads() == before; }));
  feed(*log_, 0, {"SET", "a", "3"});
  EXPECT_TRUE(log_->close());
  EXPECT_EQ(fs_.content("log").size(), log_->appended_offset());
}

TEST_F(AppendOnlyLogTest, ASyncThatIsWaitedForComesBeforeTheSecondIsOver) {
  start(FsyncPolicy::everysec);
  feed(*log_, 0, {"SET", "a", "1"});
  log_->sync_now();
  EXPECT_TRUE(becomes_durable(log_->appended_offset()));
  log_->sync_now();
  EXPECT_EQ(fs_.sync_count(), 1U) << "nothing new";
  fs_.set_sync_hook([this](const std::string&) { disk_.wait(); });
  feed(*log_, 0, {"SET", "a", "2"});
  log_->sync_now();
  disk_.await_waiter();
  for (int i = 3; i < 10; ++i) {
    feed(*log_, 0, {"SET", "a", std::to_string(i)});
    log_->sync_now();
  }
  disk_.open();
  EXPECT_TRUE(becomes_durable(log_->appended_offset()));
  EXPECT_EQ(fs_.sync_count(), 3U) << "turns that came while one ran share the next";
}

TEST_F(AppendOnlyLogTest, WithoutSyncsWaitingForOneAsksForNone) {
  start(FsyncPolicy::no);
  feed(*log_, 0, {"SET", "a", "1"});
  log_->sync_now();
  EXPECT_EQ(fs_.content("log").size(), log_->appended_offset());
  EXPECT_EQ(fs_.sync_count(), 0U);
}

TEST_F(AppendOnlyLogTest, WritesQueueBehindASlowSync) {
  start(FsyncPolicy::everysec);
  fs_.set_sync_hook([this](const std::string&) { disk_.wait(); });
  feed(*log_, 0, {"SET", "a", "1"});
  clock_.advance(Seconds(1));
  log_->flush();
  disk_.await_waiter();
  const std::string before = fs_.content("log");
  feed(*log_, 0, {"SET", "a", "2"});
  log_->flush();
  EXPECT_EQ(fs_.content("log"), before);
  clock_.advance(Seconds(3));
  log_->flush();
  EXPECT_EQ(log_->delayed_syncs(), 1U);
  disk_.open();
  EXPECT_TRUE(eventually([&] { return fs_.content("log").size() == log_->appended_offset(); }));
}

TEST_F(AppendOnlyLogTest, PolicyChangeToAlwaysMakesTheRestDurable) {
  start(FsyncPolicy::no);
  feed(*log_, 0, {"SET", "a", "1"});
  log_->flush();
  log_->set_policy(FsyncPolicy::always);
  EXPECT_TRUE(becomes_durable(log_->appended_offset()));
}

TEST_F(AppendOnlyLogTest, PausedSyncStillReleasesWhatIsWritten) {
  start(FsyncPolicy::always);
  log_->set_sync_paused(true);
  feed(*log_, 0, {"SET", "a", "1"});
  log_->flush();
  EXPECT_TRUE(becomes_durable(log_->appended_offset()));
  EXPECT_EQ(fs_.sync_count(), 0U);
  log_->set_sync_paused(false);
  feed(*log_, 0, {"SET", "a", "2"});
  log_->flush();
  EXPECT_TRUE(becomes_durable(log_->appended_offset()));
  EXPECT_EQ(fs_.sync_count(), 1U);
}

TEST_F(AppendOnlyLogTest, WhatIsNotSyncedCountsAfterTheSyncsUnderWay) {
  start(FsyncPolicy::always);
  fs_.set_sync_hook([this](const std::string&) { disk_.wait(); });
  feed(*log_, 0, {"SET", "a", "1"});
  log_->flush();
  const uint64_t synced = log_->appended_offset();
  disk_.await_waiter();
  log_->set_sync_paused(true);
  feed(*log_, 0, {"SET", "a", "2"});
  log_->flush();
  EXPECT_EQ(fs_.content("log").size(), synced) << "it waits, though others could write";
  EXPECT_EQ(log_->durable_offset(), 0U);
  disk_.open();
  EXPECT_TRUE(becomes_durable(log_->appended_offset()));
  EXPECT_EQ(fs_.sync_count(), 1U);
}

TEST_F(AppendOnlyLogTest, RotationSyncsTheOldFileBeforeItWritesTheNew) {
  start(FsyncPolicy::no);
  feed(*log_, 3, {"SET", "a", "1"});
  log_->rotate(file("next"), "#head\r\n");
  feed(*log_, 3, {"SET", "a", "2"});
  log_->flush();
  EXPECT_EQ(log_->file_bytes(),
            std::string("#head\r\n").size() + command({"SELECT", "3"}).size() + command({"SET", "a", "2"}).size());
  EXPECT_TRUE(log_->close());
  EXPECT_EQ(fs_.content("log"), command({"SELECT", "3"}) + command({"SET", "a", "1"}));
  EXPECT_EQ(fs_.content("next"), "#head\r\n" + command({"SELECT", "3"}) + command({"SET", "a", "2"}));
  EXPECT_EQ(log_->appended_offset(), fs_.content("log").size() + fs_.content("next").size());
}

TEST_F(AppendOnlyLogTest, ACrashAfterARotationLeavesTheOldFileWhole) {
  start(FsyncPolicy::no);
  feed(*log_, 3, {"SET", "a", "1"});
  log_->flush();
  const std::string old = fs_.content("log");
  log_->rotate(file("next"), {});
  EXPECT_TRUE(eventually([&] {
    feed(*log_, 3, {"SET", "a", "2"});
    log_->flush();
    return !fs_.content("next").empty();
  }));
  fs_.crash();
  EXPECT_EQ(fs_.content("log"), old);
}

TEST_F(AppendOnlyLogTest, AFailedSyncIsNeverRetried) {
  start(FsyncPolicy::always);
  fs_.fail_operation(Operation::sync, EIO);
  feed(*log_, 0, {"SET", "a", "1"});
  log_->flush();
  EXPECT_TRUE(eventually([&] { return log_->failed(); }));
  EXPECT_EQ(aof_misconf_text(*log_->last_error()), "MISCONF Errors writing to the AOF file: Input/output error");
  feed(*log_, 0, {"SET", "a", "2"});
  log_->flush();
  EXPECT_FALSE(log_->close());
  EXPECT_EQ(log_->durable_offset(), 0U);
  EXPECT_EQ(fs_.sync_count(), 1U);
  EXPECT_EQ(notices_, 1);
}

TEST_F(AppendOnlyLogTest, AShortWriteIsCutBackToTheLastWholeCommand) {
  for (const FsyncPolicy policy : {FsyncPolicy::no, FsyncPolicy::always}) {
    fs_.clear_failures();
    fs_.set_capacity(UINT64_MAX);
    start(policy);
    feed(*log_, 0, {"SET", "a", "1"});
    log_->flush();
    EXPECT_TRUE(eventually([&] { return fs_.content("log").size() == log_->appended_offset(); }));
    feed(*log_, 0, {"SET", "b", "1"});
    feed(*log_, 0, {"SET", "c", "1"});
    const uint64_t whole = log_->appended_offset();
    feed(*log_, -1, {"MULTI"});
    feed(*log_, 0, {"SET", "d", "1"});
    fs_.set_capacity(log_->appended_offset() + 5);
    feed(*log_, 0, {"SET", "e", std::string(100, 'e')});
    feed(*log_, -1, {"EXEC"});
    log_->flush();
    EXPECT_TRUE(eventually([&] { return log_->failed(); }));
    EXPECT_EQ(aof_misconf_text(*log_->last_error()), "MISCONF Errors writing to the AOF file: No space left on device");
    EXPECT_FALSE(log_->close());
    EXPECT_EQ(fs_.content("log").size(), whole);
    log_.reset();
  }
}

// Under `always` every offset that was reported durable is there after a crash, whatever else is lost or kept.
TEST_F(AppendOnlyLogTest, DurableOffsetsSurviveACrash) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SeededRandom random(seed);
    start(FsyncPolicy::always);
    std::string fed = command({"SELECT", "0"});
    if (random.chance(0.3)) {
      fs_.fail_operation(Operation::sync, EIO, static_cast<int>(random.below(5)), 1, "log");
    } else if (random.chance(0.3)) {
      fs_.set_capacity(random.below(2000));
    }
    const uint64_t turns = 1 + random.below(30);
    for (uint64_t turn = 0; turn < turns; ++turn) {
      for (uint64_t i = random.below(4); i > 0; --i) {
        const std::string value(random.below(100), 'v');
        feed(*log_, 0, {"SET", "key", value});
        fed += command({"SET", "key", value});
      }
      log_->flush();
      if (random.chance(0.1)) std::this_thread::yield();
    }
    const uint64_t durable = log_->durable_offset();  // what clients may have been told
    fs_.crash(&random);
    const std::string left = fs_.content("log");
    ASSERT_GE(left.size(), durable) << "seed " << seed;
    ASSERT_EQ(left, fed.substr(0, left.size())) << "seed " << seed;
    (void)log_->close();
    fs_.clear_failures();
    fs_.set_capacity(UINT64_MAX);
  }
}

}  // namespace
}  // namespace holdfast::node
