// Snapshots in the foreground, and in the background on the machine's own files.
#include "node/persistence/snapshot.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "node/persistence/cut_snapshot_saver.h"
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

// The data of a keyspace, as the loader of tests shows it.
std::map<int, MemoryDataSet::Database> shown(const Keyspace& keys) {
  MemoryDataSet data;
  EXPECT_TRUE(keys.for_each([&](const EntryView& entry) {
    Value::Scratch scratch;
    data.put(entry.db, std::string(entry.key), std::string(entry.value.bytes(scratch)));
    return Result<>();
  }));
  return data.databases;
}

class BackgroundSnapshot : public testing::Test {
 protected:
  BackgroundSnapshot() { keys_.begin(clock_.wall_now(), ExpiryMode::remove); }
  void fill(int keys, const std::string& value) {
    for (int i = 0; i < keys; ++i) keys_.set(i % 3, "key" + std::to_string(i), Value::string(value + std::to_string(i * i)));
  }
  bool finish() {
    return eventually([this] {
      saver_.step(clock_.now() + Micros(200));
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
  SeededRandom random_{1};
  Keyspace keys_{16, random_};
  CutSnapshotSaver::Hooks hooks_{.notify = [] {}, .on_writer_start = nullptr, .key_delay = nullptr};
  CutSnapshotSaver saver_{fs_, clock_, keys_, hooks_};
  std::optional<SnapshotResult> result_;
};

TEST_F(BackgroundSnapshot, SavesTheInstantOfItsStart) {
  fill(1000, "value");
  const auto before = shown(keys_);
  const std::string path = folder_.path() + "/dump.rdb";
  ASSERT_TRUE(saver_.start(to_file(path), keep()));
  EXPECT_EQ(saver_.running(), SnapshotPurpose::rdb_file);
  keys_.flush(1);
  fill(1000, "later");
  keys_.swap(0, 2);
  EXPECT_FALSE(saver_.start(to_file(path), keep()));
  ASSERT_TRUE(finish());
  ASSERT_TRUE(result_->outcome) << result_->outcome.error().text;
  EXPECT_EQ(result_->stats.keys, 1000U);
  EXPECT_FALSE(saver_.running());
  MemoryDataSet back;
  ASSERT_TRUE(load_rdb_file(fs_, path, back, {}));
  EXPECT_EQ(back.databases, before);
  EXPECT_EQ(fs_.list(folder_.path())->size(), 1U);
}

TEST_F(BackgroundSnapshot, ReportsTheErrorOfItsWriter) {
  fill(10, "value");
  ASSERT_TRUE(saver_.start(to_file(folder_.path() + "/missing/dump.rdb"), keep()));
  ASSERT_TRUE(finish());
  ASSERT_FALSE(result_->outcome);
  EXPECT_EQ(result_->outcome.error().code, ENOENT);
  EXPECT_THAT(result_->outcome.error().text, HasSubstr("No such file or directory"));
  EXPECT_FALSE(result_->cancelled);
}

TEST_F(BackgroundSnapshot, AFailureAtAnyStepLeavesTheOldFileAndNoTemporary) {
  fill(10'000, "value");
  for (const Operation operation : {Operation::open, Operation::append, Operation::sync, Operation::rename}) {
    FaultyFileSystem faulty;
    CutSnapshotSaver saver(faulty, clock_, keys_, hooks_);
    faulty.put("d/dump.rdb", "old");
    faulty.fail_operation(operation, ENOSPC);
    result_.reset();
    ASSERT_TRUE(saver.start(to_file("d/dump.rdb"), keep()));
    ASSERT_TRUE(eventually([&] {
      saver.step(clock_.now() + Micros(200));
      saver.poll();
      return result_.has_value();
    }));
    ASSERT_FALSE(result_->outcome);
    EXPECT_EQ(result_->outcome.error().code, ENOSPC);
    EXPECT_EQ(faulty.paths(), std::vector<std::string>{"d/dump.rdb"});
    EXPECT_EQ(faulty.content("d/dump.rdb"), "old");
  }
}

TEST_F(BackgroundSnapshot, StreamsIntoADescriptor) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  fill(20'000, "value");  // more than a pipe holds
  const auto before = shown(keys_);
  SnapshotRequest request;
  request.purpose = SnapshotPurpose::transfer;
  request.descriptor = ends[1];
  ASSERT_TRUE(saver_.start(request, keep()));
  ::close(ends[1]);
  std::string bytes;
  std::thread reader([&] {
    char block[4096];
    ssize_t count = 0;
    while ((count = ::read(ends[0], block, sizeof block)) > 0) bytes.append(block, static_cast<size_t>(count));
  });
  EXPECT_TRUE(finish());
  reader.join();
  ::close(ends[0]);
  ASSERT_TRUE(result_->outcome);
  EXPECT_EQ(result_->stats.bytes, bytes.size());
  MemoryDataSet back;
  StringSource source(bytes);
  ASSERT_TRUE(load_rdb(source, back, {}));
  EXPECT_EQ(back.databases, before);
}

// More than the writer's queue takes at once.
TEST_F(BackgroundSnapshot, MuchMayChangeBeforeItsFirstSlice) {
  constexpr int kKeys = 20'000;
  static_assert(size_t{kKeys} * 1000 > ChunkQueue::kMost * Chunk::kBytes);
  fill(kKeys, std::string(1000, 'x'));
  const auto before = shown(keys_);
  const std::string path = folder_.path() + "/dump.rdb";
  ASSERT_TRUE(saver_.start(to_file(path), keep()));
  fill(kKeys, "later");
  saver_.step(clock_.now() + Micros(1));
  EXPECT_GT(saver_.held_bytes(), ChunkQueue::kMost * Chunk::kBytes);
  ASSERT_TRUE(finish());
  ASSERT_TRUE(result_->outcome) << result_->outcome.error().text;
  MemoryDataSet back;
  ASSERT_TRUE(load_rdb_file(fs_, path, back, {}));
  EXPECT_EQ(back.databases, before);
}

// At any moment: what is not there by then does not come later.
TEST_F(BackgroundSnapshot, TheFileOfOneThatIsAbandonedDoesNotComeLater) {
  fill(100, "value");
  const std::string path = folder_.path() + "/dump.rdb";
  int kept = 0, dropped = 0;
  for (int round = 0; round < 150; ++round) {
    ASSERT_TRUE(saver_.start(to_file(path), keep()));
    const Instant until = clock_.now() + Micros(round * 13);
    while (clock_.now() < until) saver_.step(until);
    saver_.abandon();
    EXPECT_FALSE(saver_.running());
    const bool there = fs_.exists(path);
    saver_.stop();
    ASSERT_EQ(fs_.exists(path), there) << round;
    ASSERT_EQ(fs_.list(folder_.path())->size(), there ? 1U : 0U);
    ++(there ? kept : dropped);
    if (there) {
      ASSERT_TRUE(fs_.remove(path));
    }
  }
  EXPECT_GT(dropped, 0);
  EXPECT_FALSE(result_) << "nobody is told";
  RecordProperty("kept", kept);
}

TEST_F(BackgroundSnapshot, OneThatWaitsAtEachKeyEndsAtOnceAllTheSame) {
  fill(100, "value");
  CutSnapshotSaver::Hooks slow = hooks_;
  slow.key_delay = [] { return [] { return Micros(Seconds(5)); }; };
  CutSnapshotSaver saver(fs_, clock_, keys_, slow);
  ASSERT_TRUE(saver.start(to_file(folder_.path() + "/dump.rdb"), keep()));
  while (saver.step(clock_.now() + Micros(200))) {
  }
  const Instant begin = clock_.now();
  saver.stop();
  EXPECT_LT(clock_.now() - begin, Seconds(4));
  EXPECT_TRUE(fs_.list(folder_.path())->empty());
}

// A descriptor that nobody reads keeps the writer busy until something ends it.
class StuckSnapshot : public BackgroundSnapshot {
 protected:
  void SetUp() override {
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_), 0);
    SnapshotRequest request;
    request.purpose = SnapshotPurpose::transfer;
    request.descriptor = ends_[1];
    request.encoding.compression = false;
    fill(5000, std::string(1000, 'x'));
    ASSERT_TRUE(saver_.start(request, keep()));
    ::close(ends_[1]);
  }
  void TearDown() override { ::close(ends_[0]); }
  int ends_[2] = {-1, -1};
};

TEST_F(StuckSnapshot, CanBeCancelled) {
  saver_.step(clock_.now() + Millis(1));
  saver_.poll();
  EXPECT_FALSE(result_);
  saver_.cancel();
  EXPECT_FALSE(result_) << "told by poll() only";
  ASSERT_TRUE(finish());
  EXPECT_TRUE(result_->cancelled);
  EXPECT_FALSE(result_->outcome);
}

TEST_F(StuckSnapshot, OneThatIsAbandonedReportsNothing) {
  const auto before = shown(keys_);
  saver_.abandon();
  EXPECT_FALSE(saver_.running());
  saver_.poll();
  EXPECT_FALSE(result_);
  ASSERT_TRUE(saver_.start(to_file(folder_.path() + "/dump.rdb"), keep()));
  ASSERT_TRUE(finish());
  EXPECT_TRUE(result_->outcome);
  MemoryDataSet back;
  ASSERT_TRUE(load_rdb_file(fs_, folder_.path() + "/dump.rdb", back, {}));
  EXPECT_EQ(back.databases, before);
}

TEST_F(StuckSnapshot, AReaderThatGoesIsAFailure) {
  ::shutdown(ends_[0], SHUT_RDWR);
  ASSERT_TRUE(finish());
  ASSERT_FALSE(result_->outcome);
  EXPECT_EQ(result_->outcome.error().code, EPIPE);
  EXPECT_FALSE(result_->cancelled);
}

// More snapshots that come to no end than there are colours to tell them apart.
TEST_F(StuckSnapshot, ManyCancelledOnesLeaveNoTemporaryAndHarmNoneThatFollows) {
  const auto before = shown(keys_);
  saver_.abandon();
  for (int round = 0; round < 20; ++round) {
    ASSERT_TRUE(saver_.start(to_file(folder_.path() + "/dump" + std::to_string(round) + ".rdb"), keep()));
    for (int slice = 0; slice < round % 4; ++slice) saver_.step(clock_.now() + Micros(50));
    saver_.abandon();
  }
  saver_.stop();
  const auto names = fs_.list(folder_.path());
  ASSERT_TRUE(names);
  for (const std::string& name : *names) EXPECT_THAT(name, testing::StartsWith("dump"));
  ASSERT_TRUE(saver_.start(to_file(folder_.path() + "/last.rdb"), keep()));
  ASSERT_TRUE(finish());
  MemoryDataSet back;
  ASSERT_TRUE(load_rdb_file(fs_, folder_.path() + "/last.rdb", back, {}));
  EXPECT_EQ(back.databases, before);
}

}  // namespace
}  // namespace holdfast::node
