// StreamBacklog with a store: what is in memory, what is on disk, what is dropped.

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "node/replication/stream_backlog.h"

namespace holdfast::node {
namespace {

constexpr size_t kChunk = 16 * 1024;
constexpr uint64_t kHistory = 64 * 1024;
constexpr uint64_t kRing = 128 * 1024;
constexpr uint64_t kPlenty = 1ull << 40;

// Carries out its jobs when it is told to.
class FakeStore final : public SpillStore {
 public:
  explicit FakeStore(StreamBacklog& backlog) : backlog_(backlog) {}

  void write(uint64_t round, uint64_t chunk, std::shared_ptr<const char[]> bytes, size_t size) override {
    jobs_.push_back({true, round, chunk, std::move(bytes), size});
  }
  void read(uint64_t chunk, size_t size) override { jobs_.push_back({false, 0, chunk, nullptr, size}); }
  void forget_below(uint64_t chunk) override {
    forgotten_ = chunk;
    files_.erase(files_.begin(), files_.lower_bound(chunk));
  }

  bool step() {
    if (jobs_.empty()) return false;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    if (job.is_write) {
      ++writes;
      if (!full && job.chunk >= forgotten_) files_[job.chunk].assign(job.bytes.get(), job.size);
      backlog_.written(job.round, job.chunk, !full);
      return true;
    }
    ++reads;
    const auto file = files_.find(job.chunk);
    std::shared_ptr<char[]> bytes;
    if (file != files_.end() && !unreadable) {
      bytes = std::make_shared<char[]>(job.size);
      std::memcpy(bytes.get(), file->second.data(), job.size);
    }
    backlog_.read_done(job.chunk, std::move(bytes));
    return true;
  }
  void run() {
    while (step()) {
    }
  }
  size_t chunks() const { return files_.size(); }
  size_t waiting() const { return jobs_.size(); }

  bool full = false, unreadable = false;
  int writes = 0, reads = 0;

 private:
  struct Job {
    bool is_write;
    uint64_t round, chunk;
    std::shared_ptr<const char[]> bytes;
    size_t size;
  };
  StreamBacklog& backlog_;
  std::deque<Job> jobs_;
  std::map<uint64_t, std::string> files_;
  uint64_t forgotten_ = 0;
};

struct Spilling : testing::Test {
  Spilling() {
    backlog.set_store(&store, kRing);
    backlog.set_spill_limit(kPlenty);
    backlog.start(1000);
  }
  ~Spilling() override { backlog.set_store(nullptr); }

  // Bytes that tell their position.
  void append(size_t count) {
    std::string bytes(count, 0);
    for (size_t i = 0; i < count; ++i) bytes[i] = byte_at(backlog.end() + static_cast<int64_t>(i));
    backlog.append(bytes);
  }
  static char byte_at(int64_t position) { return static_cast<char>((position * 2654435761) >> 7); }
  // Reads at the hold until there is nothing, or so much; false when a byte is not what it should be.
  bool read(StreamBacklog::HoldId hold, int64_t& position, int64_t until) {
    for (;;) {
      auto run = backlog.read(hold);
      if (run.empty() || position >= until) return true;
      run = run.first(std::min(run.size(), static_cast<size_t>(until - position)));
      for (size_t i = 0; i < run.size(); ++i) {
        if (run[i] != byte_at(position + static_cast<int64_t>(i))) return false;
      }
      position += static_cast<int64_t>(run.size());
      backlog.move_hold(hold, position);
    }
  }

  StreamBacklog backlog{kHistory, kChunk};
  FakeStore store{backlog};
};

constexpr size_t kInMemory = kHistory + kRing + 3 * kChunk;

TEST_F(Spilling, WritesNothingWithoutAReaderThatIsBehind) {
  for (int i = 0; i < 100; ++i) append(50'000);
  EXPECT_EQ(store.writes + static_cast<int>(store.waiting()), 0);
  EXPECT_EQ(backlog.spilled_bytes(), 0u);
  EXPECT_LE(backlog.memory_bytes(), kHistory + 3 * kChunk);
}

TEST_F(Spilling, KeepsHistoryAndRingInMemoryAndTheRestOnDisk) {
  const auto hold = backlog.hold(1000);
  for (int i = 0; i < 100; ++i) {
    append(50'000);
    store.run();
    ASSERT_LE(backlog.memory_bytes(), kInMemory);
  }
  EXPECT_EQ(backlog.begin(), 1000);
  EXPECT_GE(backlog.spilled_bytes(), 5'000'000 - kInMemory);
  EXPECT_EQ(backlog.counted(1000), 0u);
  backlog.release(hold);
  EXPECT_EQ(backlog.spilled_bytes(), 0u);
  EXPECT_EQ(store.chunks(), 0u);
}

TEST_F(Spilling, ReadsBackEveryByteInOrderAndGivesSpaceBackOnTheWay) {
  const auto hold = backlog.hold(1000);
  for (int i = 0; i < 40; ++i) append(50'000);
  store.run();
  int64_t position = 1000;
  while (position < backlog.end()) {
    const int64_t before = position;
    const size_t chunks = store.chunks();
    ASSERT_TRUE(read(hold, position, backlog.end()));
    store.run();
    if (position - before > 2 * static_cast<int64_t>(kChunk)) {
      EXPECT_LT(store.chunks(), chunks);
    }
    ASSERT_LE(backlog.memory_bytes(), kInMemory + StreamBacklog::kReadAhead + 2 * kChunk);
  }
  EXPECT_EQ(backlog.spilled_bytes(), 0u);
  // Each chunk once, some way ahead of the reader.
  EXPECT_EQ(store.reads, store.writes);
}

TEST_F(Spilling, ReadersOfTheSameChunksShareWhatIsFetched) {
  const auto one = backlog.hold(1000), other = backlog.hold(1000);
  for (int i = 0; i < 40; ++i) append(50'000);
  store.run();
  int64_t at_one = 1000, at_other = 1000;
  while (at_one < backlog.end() || at_other < backlog.end()) {
    ASSERT_TRUE(read(one, at_one, at_other + 5000));
    ASSERT_TRUE(read(other, at_other, at_one + 5000));
    store.run();
    if (at_one == backlog.end()) {
      ASSERT_TRUE(read(other, at_other, backlog.end()));
    }
    if (at_other == backlog.end()) {
      ASSERT_TRUE(read(one, at_one, backlog.end()));
    }
  }
  EXPECT_EQ(store.reads, store.writes);
}

TEST_F(Spilling, OneThatWaitsForItsSnapshotFetchesNothing) {
  (void)backlog.hold(1000);
  const auto fast = backlog.hold(1000);
  int64_t position = 1000;
  for (int i = 0; i < 100; ++i) {
    append(30'000);
    store.run();
    ASSERT_TRUE(read(fast, position, backlog.end()));
  }
  EXPECT_EQ(store.reads, 0);
  EXPECT_GT(store.writes, 0);
}

TEST_F(Spilling, AFullDiskLeavesTheStreamInMemoryForWhichTheReaderAnswers) {
  const auto hold = backlog.hold(1000);
  append(1'000'000);
  store.run();
  store.full = true;
  append(1'000'000);
  store.run();
  EXPECT_TRUE(backlog.spill_failed());
  const uint64_t on_disk = backlog.spilled_bytes();
  EXPECT_EQ(backlog.counted(1000), 2'000'000 - on_disk);
  EXPECT_EQ(backlog.counted(backlog.end() - 10), 10u);
  const int writes = store.writes;
  append(1'000'000);
  store.run();
  EXPECT_EQ(store.writes, writes) << "it is tried again when it is told to";
  // Nothing is lost meanwhile.
  int64_t position = 1000;
  while (position < backlog.end()) {
    ASSERT_TRUE(read(hold, position, backlog.end()));
    store.run();
  }
}

TEST_F(Spilling, GoesOnWhereItStoppedWhenTheDiskHasRoomAgain) {
  const auto hold = backlog.hold(1000);
  append(1'000'000);
  store.full = true;
  store.run();
  append(500'000);
  backlog.retry_spill();
  store.run();
  EXPECT_TRUE(backlog.spill_failed());
  store.full = false;
  backlog.retry_spill();
  store.run();
  EXPECT_FALSE(backlog.spill_failed());
  EXPECT_EQ(backlog.counted(1000), 0u);
  EXPECT_LE(backlog.memory_bytes(), kInMemory);
  int64_t position = 1000;
  while (position < backlog.end()) {
    ASSERT_TRUE(read(hold, position, backlog.end()));
    store.run();
  }
}

TEST_F(Spilling, ABurstCountsOnlyWhenTheDiskHasHadTimeForIt) {
  const auto hold = backlog.hold(1000);
  append(1'000'000);
  const size_t given = 1'000'000 - kHistory - kRing;
  EXPECT_NEAR(static_cast<double>(backlog.unwritten()), static_cast<double>(given), 2. * kChunk);
  EXPECT_EQ(backlog.counted(1000), 0u);
  backlog.retry_spill();
  append(500'000);
  EXPECT_EQ(backlog.counted(1000), 0u);
  backlog.retry_spill();
  EXPECT_NEAR(static_cast<double>(backlog.counted(1000)), static_cast<double>(given), 2. * kChunk) << "not what came later";
  EXPECT_EQ(backlog.counted(backlog.end() - 10), 0u);
  store.run();
  EXPECT_EQ(backlog.counted(1000), 0u);
  EXPECT_EQ(backlog.unwritten(), 0u);
  backlog.release(hold);
}

TEST_F(Spilling, AFailureIsOverForReadersOnceNothingNeedsToBeWritten) {
  const auto slow = backlog.hold(1000);
  store.full = true;
  append(1'000'000);
  store.run();
  EXPECT_EQ(backlog.counted(1000), 1'000'000u);
  EXPECT_FALSE(backlog.can_spill());
  backlog.release(slow);
  EXPECT_TRUE(backlog.spill_failed()) << "of the last write";
  EXPECT_TRUE(backlog.can_spill());
  // The next one is not to answer for a disk that may be well again.
  const auto next = backlog.hold(backlog.end());
  const int64_t begin = backlog.end();
  append(kHistory + kRing);
  EXPECT_EQ(backlog.counted(begin), 0u);
  store.full = false;
  backlog.retry_spill();
  append(500'000);
  store.run();
  EXPECT_FALSE(backlog.spill_failed());
  EXPECT_EQ(backlog.counted(begin), 0u);
  backlog.release(next);
}

TEST_F(Spilling, PastItsLimitTheRestStaysInMemoryAndCounts) {
  backlog.set_spill_limit(300'000);
  (void)backlog.hold(1000);
  for (int i = 0; i < 40; ++i) {
    append(50'000);
    store.run();
  }
  EXPECT_LE(backlog.spilled_bytes(), 300'000u);
  EXPECT_FALSE(backlog.can_spill());
  EXPECT_FALSE(backlog.spill_failed());
  EXPECT_NEAR(static_cast<double>(backlog.counted(1000)), 2'000'000. - 300'000 - kHistory - kRing, 2. * kChunk);
}

TEST_F(Spilling, WithALimitOfNoneAllOfItStaysInMemoryAndCounts) {
  backlog.set_spill_limit(0);
  (void)backlog.hold(1000);
  append(2'000'000);
  EXPECT_EQ(store.waiting(), 0u);
  EXPECT_EQ(backlog.counted(1000), 2'000'000u);
}

TEST_F(Spilling, WhatCannotBeReadIsLostUpToTheEndOfItsChunkAndTheRestIsNot) {
  const auto slow = backlog.hold(1000);
  append(1'000'000);
  store.run();
  const auto other = backlog.hold(1000 + 500'000);
  store.unreadable = true;
  EXPECT_TRUE(backlog.read(slow).empty());
  store.step();
  store.unreadable = false;
  EXPECT_GT(backlog.lost_below(), 1000);
  EXPECT_LT(backlog.lost_below(), 1000 + 500'000);
  backlog.release(slow);
  EXPECT_GE(backlog.begin(), backlog.lost_below());
  int64_t position = 1000 + 500'000;
  while (position < backlog.end()) {
    ASSERT_TRUE(read(other, position, backlog.end()));
    store.run();
  }
}

TEST_F(Spilling, AnswersOfAStreamThatHasEndedAreNotAboutTheNext) {
  const auto hold = backlog.hold(1000);
  append(1'000'000);
  for (int i = 0; i < 5; ++i) store.step();
  EXPECT_TRUE(backlog.read(hold).empty());
  backlog.release(hold);
  backlog.start(77);
  const auto fresh = backlog.hold(77);
  append(1'000'000);
  store.run();
  EXPECT_FALSE(backlog.spill_failed());
  int64_t position = 77;
  while (position < backlog.end()) {
    ASSERT_TRUE(read(fresh, position, backlog.end()));
    store.run();
  }
}

// Random appends, readers that come, go and read at their own pace, a disk that is full now and then and answers late.
TEST_F(Spilling, AnyOrderOfEventsReadsTheSameBytes) {
  SeededRandom random(20261121);
  struct Reader {
    StreamBacklog::HoldId hold;
    int64_t position;
  };
  std::vector<Reader> readers;
  for (int step = 0; step < 30'000; ++step) {
    switch (random.below(8)) {
      case 0:
      case 1:
        if (backlog.size() < 4'000'000) append(random.below(40'000));
        break;
      case 2:
        if (readers.size() < 5) {
          const int64_t at = backlog.begin() + static_cast<int64_t>(random.below(backlog.size() + 1));
          readers.push_back({backlog.hold(at), at});
        }
        break;
      case 3:
        if (!readers.empty() && random.below(20) == 0) {
          const size_t which = random.below(readers.size());
          backlog.release(readers[which].hold);
          readers.erase(readers.begin() + static_cast<int64_t>(which));
        }
        break;
      case 4:
        store.full = random.below(10) == 0;
        backlog.retry_spill();
        break;
      case 5:
        if (!readers.empty()) {
          Reader& reader = readers[random.below(readers.size())];
          ASSERT_TRUE(read(reader.hold, reader.position, reader.position + static_cast<int64_t>(random.below(100'000))));
        }
        break;
      default:
        for (uint64_t i = random.below(12); i > 0; --i) store.step();
    }
    ASSERT_LE(backlog.spilled_bytes() / kChunk, store.chunks());
  }
  store.full = false;
  backlog.retry_spill();
  for (Reader& reader : readers) {
    while (reader.position < backlog.end()) {
      ASSERT_TRUE(read(reader.hold, reader.position, backlog.end()));
      store.run();
    }
  }
  EXPECT_EQ(backlog.spilled_bytes(), 0u);
  EXPECT_GT(store.reads, 100);
}

}  // namespace
}  // namespace holdfast::node
