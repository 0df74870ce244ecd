// A node in small for the tests of the append-only file: a data set whose changes are logged.
#pragma once

#include <gtest/gtest.h>

#include <array>

#include "node/persistence/append_only_file.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/inline_snapshot_saver.h"
#include "tests/unit/node/persistence/test_util.h"

namespace holdfast::node {

class LoggedNode {
 public:
  explicit LoggedNode(test::FaultyFileSystem& fs, FsyncPolicy policy = FsyncPolicy::always) : fs_(fs), saver_(fs, data) {
    AppendOnlyFile::Options options;
    options.directory = "data";
    options.fsync = policy;
    aof = std::make_unique<AppendOnlyFile>(
        fs_, clock, options, [] {}, [this] { return position; });
  }

  Result<> start() {
    loaded = aof->load(data, std::ref(replay_), {});
    if (!loaded) return std::unexpected(loaded.error());
    return aof->open(data, {});
  }
  // Executes and logs; true when the log reports it durable.
  bool write(std::initializer_list<std::string_view> argv) {
    const std::array<std::string_view, 2> select = {"SELECT", "0"};
    EXPECT_TRUE(replay_(select));
    EXPECT_TRUE(replay_(std::vector<std::string_view>(argv)));
    feed(*aof, 0, argv);
    aof->flush();
    const uint64_t offset = aof->appended_offset();
    if (!aof->gates_replies()) return false;
    EXPECT_TRUE(eventually([&] { return aof->failed() || aof->durable_offset() >= offset; }));
    return aof->durable_offset() >= offset;
  }
  Result<> rewrite() {
    if (auto started = aof->start_rewrite({}, saver_); !started) return started;
    saver_.poll();
    return {};
  }
  test::InlineSnapshotSaver& saver() { return saver_; }

  ManualClock clock;
  test::MemoryDataSet data;
  std::optional<ReplicationPosition> position;
  std::unique_ptr<AppendOnlyFile> aof;
  Result<std::optional<AofLoad>> loaded;

 private:
  test::FaultyFileSystem& fs_;
  test::InlineSnapshotSaver saver_;
  Replayer replay_{data};
};

inline std::string counter(const test::MemoryDataSet& data) {
  const auto db = data.databases.find(0);
  if (db == data.databases.end() || !db->second.contains("n")) return "0";
  return db->second.at("n").bytes;
}

}  // namespace holdfast::node
