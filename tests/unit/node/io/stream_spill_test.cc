#include "node/io/stream_spill.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/faulty_file_system.h"

namespace holdfast::node {
namespace {

using test::FaultyFileSystem;
constexpr size_t kChunk = 16 * 1024;

struct Spill {
  explicit Spill(FileSystem& files, const std::string& directory = "data") : spill(io, files, backlog, "temp-test.spill", events()) {
    spill.set_directory(directory);
    backlog.set_store(&spill, 4 * kChunk);
    backlog.set_spill_limit(1ull << 40);
    backlog.start(0);
  }
  ~Spill() { backlog.set_store(nullptr); }

  StreamSpill::Events events() {
    return {.arrived = [this] { ++arrived; },
            .write_failed = [this](const std::string& reason) { failures.push_back(reason); },
            .write_recovered = [this] { ++recovered; },
            .read_failed = [this](const std::string& reason) { read_failures.push_back(reason); }};
  }
  template <class Condition>
  bool run_until(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      io.restart();
      io.run_for(std::chrono::milliseconds(5));
    }
    return true;
  }
  void append(size_t count) {
    std::string bytes(count, 0);
    for (size_t i = 0; i < count; ++i) bytes[i] = byte_at(backlog.end() + static_cast<int64_t>(i));
    backlog.append(bytes);
  }
  static char byte_at(int64_t position) { return static_cast<char>((position * 2654435761) >> 9); }
  // Everything from the hold on, as it comes.
  testing::AssertionResult read_all(StreamBacklog::HoldId hold, int64_t position) {
    while (position < backlog.end()) {
      if (!run_until([&] { return !backlog.read(hold).empty() || !read_failures.empty(); })) {
        return testing::AssertionFailure() << "nothing comes at " << position;
      }
      const auto run = backlog.read(hold);
      if (run.empty()) return testing::AssertionFailure() << read_failures.front();
      for (const char byte : run) {
        if (byte != byte_at(position++)) return testing::AssertionFailure() << "another byte before " << position;
      }
      backlog.move_hold(hold, position);
    }
    return testing::AssertionSuccess();
  }

  boost::asio::io_context io;
  StreamBacklog backlog{4 * kChunk, kChunk};
  int arrived = 0, recovered = 0;
  std::vector<std::string> failures, read_failures;
  StreamSpill spill;
};

// A folder of the machine's own.
struct Folder {
  Folder() {
    std::string name = testing::TempDir() + "spill-XXXXXX";
    path = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

TEST(StreamSpill, BringsBackWhatItWroteAndLeavesNoNameInTheFolder) {
  Folder folder;
  PosixFileSystem files;
  Spill test(files, folder.path);
  const auto hold = test.backlog.hold(0);
  for (int i = 0; i < 100; ++i) test.append(1'500'000);  // several segments
  ASSERT_TRUE(test.run_until([&] { return test.backlog.memory_bytes() <= 12 * kChunk || !test.failures.empty(); }));
  ASSERT_TRUE(test.failures.empty()) << test.failures.front();
  EXPECT_TRUE(std::filesystem::is_empty(folder.path));
  EXPECT_GT(test.backlog.spilled_bytes(), 149'000'000U);
  EXPECT_TRUE(test.read_all(hold, 0));
  EXPECT_TRUE(test.read_failures.empty());
}

TEST(StreamSpill, TellsOfAFullDiskOnceAndOfItsRecovery) {
  FaultyFileSystem files;
  Spill test(files);
  const auto hold = test.backlog.hold(0);
  test.append(40 * kChunk);
  ASSERT_TRUE(test.run_until([&] { return test.backlog.spilled_bytes() >= 31 * kChunk; }));
  files.fail_operation(FaultyFileSystem::Operation::append, ENOSPC, 3, 2);
  test.append(40 * kChunk);
  ASSERT_TRUE(test.run_until([&] { return !test.failures.empty(); }));
  EXPECT_NE(test.failures.front().find("No space left"), std::string::npos) << test.failures.front();
  test.backlog.retry_spill();  // and fails again
  ASSERT_TRUE(test.run_until([&] {
    test.backlog.retry_spill();
    return test.recovered == 1;
  }));
  EXPECT_EQ(test.failures.size(), 1u);
  EXPECT_TRUE(test.read_all(hold, 0));
}

TEST(StreamSpill, TellsWhatItCannotRead) {
  FaultyFileSystem files;
  Spill test(files);
  const auto hold = test.backlog.hold(0);
  test.append(40 * kChunk);
  ASSERT_TRUE(test.run_until([&] { return test.backlog.spilled_bytes() >= 31 * kChunk; }));
  files.fail_operation(FaultyFileSystem::Operation::read, EIO);
  EXPECT_TRUE(test.backlog.read(hold).empty());
  ASSERT_TRUE(test.run_until([&] { return !test.read_failures.empty(); }));
  EXPECT_EQ(test.backlog.lost_below(), static_cast<int64_t>(kChunk));
}

TEST(StreamSpill, LeavesRoomOnTheDiskForOthers) {
  FaultyFileSystem files;
  files.set_capacity(50ull << 20);
  Spill test(files);
  (void)test.backlog.hold(0);
  test.append(40 * kChunk);
  ASSERT_TRUE(test.run_until([&] { return !test.failures.empty(); }));
  EXPECT_NE(test.failures.front().find("50 MB are left"), std::string::npos) << test.failures.front();
  EXPECT_EQ(test.backlog.spilled_bytes(), 0u);
}

TEST(StreamSpill, RemovesWhatAKilledProcessLeft) {
  FaultyFileSystem files;
  files.put("data/temp-test.spill", "left");
  files.put("data/other", "stays");
  StreamSpill::remove_leftover(files, "data", "temp-test.spill");
  EXPECT_FALSE(files.exists("data/temp-test.spill"));
  EXPECT_TRUE(files.exists("data/other"));
}

TEST(StreamSpill, StopsWhileJobsWait) {
  FaultyFileSystem files;
  Spill test(files);
  (void)test.backlog.hold(0);
  test.append(400 * kChunk);
  test.spill.stop();
  EXPECT_TRUE(test.run_until([&] { return test.spill.stopped(); }));
  EXPECT_EQ(test.backlog.spilled_bytes(), 0u) << "nothing is told any more";
}

}  // namespace
}  // namespace holdfast::node
