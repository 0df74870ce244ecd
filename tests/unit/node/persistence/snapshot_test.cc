// Snapshots in the foreground, and by a forked child on the machine's own files.
#include "node/persistence/snapshot.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "node/persistence/fork_snapshot_saver.h"
#include "node/persistence/rdb_reader.h"
#include "tests/support/faulty_file_system.h"
#include "tests/unit/node/persistence/test_util.h"

namespace holdfast::node {
namespace {

using test::FaultyFileSystem;
using test::MemoryDataSet;
using testing::HasSubstr;
using Operation = FaultyFileSystem::Operation;

MemoryDataSet sample(int keys = 1000) {
  MemoryDataSet data;
  for (int i = 0; i < keys; ++i) data.put(i % 3, "key" + std::to_string(i), "value" + std::to_string(i * i));
  return data;
}

SnapshotRequest to_file(const std::string& path) {
  SnapshotRequest request;
  request.path = path;
  return request;
}

TEST(Snapshot, ReplacesTheFileDurably) {
  FaultyFileSystem fs;
  fs.put("d/dump.rdb", "old");
  const MemoryDataSet data = sample();
  const auto stats = write_snapshot(fs, data, to_file("d/dump.rdb"));
  ASSERT_TRUE(stats) << stats.error().text;
  EXPECT_EQ(stats->keys, 1000U);
  fs.crash();
  EXPECT_EQ(fs.paths(), std::vector<std::string>{"d/dump.rdb"});
  MemoryDataSet back;
  ASSERT_TRUE(load_rdb_file(fs, "d/dump.rdb", back, {}));
  EXPECT_EQ(back.databases, data.databases);
}

TEST(Snapshot, AFailureAtAnyStepLeavesTheOldFileAndNoTemporary) {
  for (const Operation operation : {Operation::open, Operation::append, Operation::sync, Operation::rename}) {
    FaultyFileSystem fs;
    fs.put("d/dump.rdb", "old");
    fs.fail_operation(operation, ENOSPC);
    const auto stats = write_snapshot(fs, sample(), to_file("d/dump.rdb"));
    ASSERT_FALSE(stats);
    EXPECT_EQ(stats.error().code, ENOSPC);
    EXPECT_EQ(fs.paths(), std::vector<std::string>{"d/dump.rdb"});
    EXPECT_EQ(fs.content("d/dump.rdb"), "old");
  }
}

class ForkSnapshot : public testing::Test {
 protected:
  bool finish() {
    return eventually([this] {
      saver_.poll();
      return result_.has_value();
    });
  }
  SnapshotSaver::OnFinished keep() {
    return [this](const SnapshotResult& result) { result_ = result; };
  }

  TemporaryFolder folder_;
  PosixFileSystem fs_;
  SystemClock clock_;
  ForkSnapshotSaver saver_{fs_, clock_};
  std::optional<SnapshotResult> result_;
};

TEST_F(ForkSnapshot, SavesTheInstantOfItsStart) {
  MemoryDataSet data = sample();
  const MemoryDataSet before = data;
  const std::string path = folder_.path() + "/dump.rdb";
  ASSERT_TRUE(saver_.start(to_file(path), data, keep()));
  EXPECT_EQ(saver_.running(), SnapshotPurpose::rdb_file);
  data.databases.clear();
  data.put(0, "after", "the cut");
  EXPECT_FALSE(saver_.start(to_file(path), data, keep()));
  ASSERT_TRUE(finish());
  ASSERT_TRUE(result_->outcome) << result_->outcome.error().text;
  EXPECT_EQ(result_->stats.keys, 1000U);
  EXPECT_FALSE(saver_.running());
  MemoryDataSet back;
  ASSERT_TRUE(load_rdb_file(fs_, path, back, {}));
  EXPECT_EQ(back.databases, before.databases);
  EXPECT_EQ(fs_.list(folder_.path())->size(), 1U);
}

TEST_F(ForkSnapshot, ReportsTheErrorOfItsChild) {
  ASSERT_TRUE(saver_.start(to_file(folder_.path() + "/missing/dump.rdb"), sample(), keep()));
  ASSERT_TRUE(finish());
  ASSERT_FALSE(result_->outcome);
  EXPECT_EQ(result_->outcome.error().code, ENOENT);
  EXPECT_THAT(result_->outcome.error().text, HasSubstr("No such file or directory"));
  EXPECT_FALSE(result_->cancelled);
}

TEST_F(ForkSnapshot, StreamsIntoADescriptor) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const MemoryDataSet data = sample(20'000);  // more than a pipe holds
  SnapshotRequest request;
  request.purpose = SnapshotPurpose::transfer;
  request.descriptor = ends[1];
  ASSERT_TRUE(saver_.start(request, data, keep()));
  ::close(ends[1]);
  std::string bytes;
  char block[4096];
  ssize_t count = 0;
  while ((count = ::read(ends[0], block, sizeof block)) > 0) bytes.append(block, static_cast<size_t>(count));
  ::close(ends[0]);
  ASSERT_TRUE(finish());
  ASSERT_TRUE(result_->outcome);
  EXPECT_EQ(result_->stats.bytes, bytes.size());
  MemoryDataSet back;
  StringSource source(bytes);
  ASSERT_TRUE(load_rdb(source, back, {}));
  EXPECT_EQ(back.databases, data.databases);
}

// A descriptor that nobody reads keeps the child busy until something ends it.
class StuckSnapshot : public ForkSnapshot {
 protected:
  void SetUp() override {
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_), 0);
    ASSERT_EQ(::pipe2(other_, O_CLOEXEC), 0);
    SnapshotRequest request;
    request.purpose = SnapshotPurpose::transfer;
    request.descriptor = ends_[1];
    request.encoding.compression = false;
    for (int i = 0; i < 5000; ++i) data_.put(0, std::to_string(i), std::string(1000, 'x'));
    ASSERT_TRUE(saver_.start(request, data_, keep()));
    ::close(ends_[1]);
  }
  void TearDown() override {
    for (const int fd : {ends_[0], other_[0]}) ::close(fd);
  }
  int ends_[2] = {-1, -1};
  int other_[2] = {-1, -1};
  MemoryDataSet data_;
};

TEST_F(StuckSnapshot, CanBeCancelled) {
  saver_.poll();
  EXPECT_FALSE(result_);
  saver_.cancel(false);
  EXPECT_FALSE(result_) << "told by poll() only";
  ASSERT_TRUE(finish());
  EXPECT_TRUE(result_->cancelled);
  EXPECT_FALSE(result_->outcome);
  ::close(other_[1]);
}

TEST_F(StuckSnapshot, CancelAndWaitReportsNothing) {
  saver_.cancel(true);
  EXPECT_FALSE(saver_.running());
  saver_.poll();
  EXPECT_FALSE(result_);
  ASSERT_TRUE(saver_.start(to_file(folder_.path() + "/dump.rdb"), data_, keep()));
  ASSERT_TRUE(finish());
  EXPECT_TRUE(result_->outcome);
  ::close(other_[1]);
}

TEST_F(StuckSnapshot, AKilledChildIsAFailure) {
  ASSERT_EQ(::kill(saver_.child_pid(), SIGTERM), 0);
  ASSERT_TRUE(finish());
  ASSERT_FALSE(result_->outcome);
  EXPECT_FALSE(result_->cancelled);
  EXPECT_THAT(result_->outcome.error().text, HasSubstr("terminated by signal 15"));
  ::close(other_[1]);
}

TEST_F(StuckSnapshot, TheChildHoldsNoOtherDescriptor) {
  // With the child's copy of other_[1] closed, ours is the last: the reader sees the end.
  ::close(other_[1]);
  ::fcntl(other_[0], F_SETFL, O_NONBLOCK);
  char byte = 0;
  EXPECT_TRUE(eventually([&] { return ::read(other_[0], &byte, 1) == 0; }));
  saver_.poll();
  EXPECT_FALSE(result_) << "the child still runs";
}

TEST_F(StuckSnapshot, ACancelledFileSaveLeavesNoTemporary) {
  saver_.cancel(true);
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(saver_.start(to_file(folder_.path() + "/dump" + std::to_string(round) + ".rdb"), data_, keep()));
    saver_.cancel(true);
  }
  const auto names = fs_.list(folder_.path());
  ASSERT_TRUE(names);
  for (const std::string& name : *names) EXPECT_THAT(name, testing::StartsWith("dump"));
  ::close(other_[1]);
}

}  // namespace
}  // namespace holdfast::node
