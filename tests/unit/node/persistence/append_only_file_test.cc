// The append-only file as a whole over a file system that crashes: start, rewrite, off and on, recovery.
#include "node/persistence/append_only_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "common/base/random.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/inline_snapshot_saver.h"
#include "tests/unit/node/persistence/test_util.h"

namespace holdfast::node {
namespace {

using test::FaultyFileSystem;
using test::InlineSnapshotSaver;
using test::MemoryDataSet;
using testing::ElementsAre;
using testing::HasSubstr;
using Operation = FaultyFileSystem::Operation;

// A node in small: a data set whose changes are logged.
class Node {
 public:
  explicit Node(FaultyFileSystem& fs, FsyncPolicy policy = FsyncPolicy::always) : fs_(fs), saver_(fs, data) {
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
  InlineSnapshotSaver& saver() { return saver_; }

  ManualClock clock;
  MemoryDataSet data;
  std::optional<ReplicationPosition> position;
  std::unique_ptr<AppendOnlyFile> aof;
  Result<std::optional<AofLoad>> loaded;

 private:
  FaultyFileSystem& fs_;
  InlineSnapshotSaver saver_;
  Replayer replay_{data};
};

std::string counter(const MemoryDataSet& data) {
  const auto db = data.databases.find(0);
  if (db == data.databases.end() || !db->second.contains("n")) return "0";
  return db->second.at("n").bytes;
}

// After a crash: what is left is within the bounds, it is written to, and all of that is found by the next start.
void expect_to_go_on(FaultyFileSystem& fs, int least, int most, const std::string& when) {
  int left = 0;
  {
    Node node(fs);
    const auto started = node.start();
    ASSERT_TRUE(started) << when << ": " << started.error().text;
    left = std::stoi(counter(node.data));
    ASSERT_GE(left, least) << when;
    ASSERT_LE(left, most) << when;
    ASSERT_TRUE(node.write({"INCR", "n"})) << when;
  }
  Node again(fs);
  const auto started = again.start();
  ASSERT_TRUE(started) << when << ", the second start: " << started.error().text;
  ASSERT_EQ(std::stoi(counter(again.data)), left + 1) << when;
}

class AppendOnlyFileTest : public testing::Test {
 protected:
  std::string reload() {
    Node node(fs_);
    const auto started = node.start();
    if (!started) return started.error().text;
    return counter(node.data);
  }
  std::string manifest() { return fs_.content("data/appendonlydir/appendonly.aof.manifest"); }

  FaultyFileSystem fs_;
};

TEST_F(AppendOnlyFileTest, BeginsWithABaseOfTheDataThatIsThere) {
  {
    Node node(fs_);
    node.data.put(0, "n", "5");
    ASSERT_TRUE(node.start());
    EXPECT_FALSE(node.loaded->has_value());
    EXPECT_TRUE(node.write({"INCR", "n"}));
  }
  EXPECT_THAT(fs_.paths(), ElementsAre("data/appendonlydir/appendonly.aof.1.base.rdb",
                                       "data/appendonlydir/appendonly.aof.1.incr.aof",
                                       "data/appendonlydir/appendonly.aof.manifest"));
  fs_.crash();
  EXPECT_EQ(reload(), "6");
}

TEST_F(AppendOnlyFileTest, RewriteReplacesWhatWasLogged) {
  Node node(fs_);
  ASSERT_TRUE(node.start());
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(node.write({"INCR", "n"}));
  ASSERT_TRUE(node.aof->start_rewrite({}, node.saver()));
  EXPECT_TRUE(node.aof->rewriting());
  EXPECT_FALSE(node.aof->start_rewrite({}, node.saver()));
  EXPECT_TRUE(node.write({"INCR", "n"}));
  EXPECT_EQ(manifest(),
            "file appendonly.aof.1.base.rdb seq 1 type b\n"
            "file appendonly.aof.1.incr.aof seq 1 type i\n"
            "file appendonly.aof.2.incr.aof seq 2 type i\n");
  node.saver().poll();
  EXPECT_FALSE(node.aof->rewriting());
  EXPECT_TRUE(node.write({"INCR", "n"}));
  EXPECT_EQ(manifest(),
            "file appendonly.aof.2.base.rdb seq 2 type b\n"
            "file appendonly.aof.2.incr.aof seq 2 type i\n");
  EXPECT_EQ(fs_.paths().size(), 3U);
  const auto stats = node.aof->stats();
  EXPECT_EQ(stats.current_bytes, fs_.content("data/appendonlydir/appendonly.aof.2.base.rdb").size() +
                                     fs_.content("data/appendonlydir/appendonly.aof.2.incr.aof").size());
  EXPECT_TRUE(stats.last_rewrite_ok);
  fs_.crash();
  EXPECT_EQ(reload(), "12");
}

TEST_F(AppendOnlyFileTest, RewriteWithoutPreambleWritesCommands) {
  Node node(fs_);
  ASSERT_TRUE(node.start());
  node.aof->options().rdb_base = false;
  node.data.put(3, "expiring", "x", 1'900'000'000'000);
  EXPECT_TRUE(node.write({"INCR", "n"}));
  ASSERT_TRUE(node.rewrite());
  EXPECT_EQ(fs_.content("data/appendonlydir/appendonly.aof.2.base.aof"),
            command({"SELECT", "0"}) + command({"SET", "n", "1"}) + command({"SELECT", "3"}) +
                command({"SET", "expiring", "x"}) + command({"PEXPIREAT", "expiring", "1900000000000"}));
  ASSERT_TRUE(node.aof->close(std::nullopt));
  Node again(fs_);
  ASSERT_TRUE(again.start());
  EXPECT_EQ(again.data.databases, node.data.databases);
}

TEST_F(AppendOnlyFileTest, FailedRewriteKeepsTheOldLogAndTheNewIncrement) {
  Node node(fs_);
  ASSERT_TRUE(node.start());
  EXPECT_TRUE(node.write({"INCR", "n"}));
  fs_.fail_operation(Operation::append, ENOSPC, 0, 1, "temp-");
  ASSERT_TRUE(node.rewrite());
  EXPECT_FALSE(node.aof->stats().last_rewrite_ok);
  EXPECT_TRUE(node.write({"INCR", "n"}));
  EXPECT_EQ(fs_.paths().size(), 4U) << "no temporary is left";
  fs_.fail_operation(Operation::rename, EIO, 0, 1, "manifest");
  EXPECT_FALSE(node.rewrite());
  EXPECT_TRUE(node.write({"INCR", "n"}));
  ASSERT_TRUE(node.rewrite());
  EXPECT_TRUE(node.write({"INCR", "n"}));
  fs_.crash();
  EXPECT_EQ(reload(), "4");
}

TEST_F(AppendOnlyFileTest, CleanShutdownLeavesTheExactPosition) {
  const ReplicationPosition position{*RunId::parse(std::string(40, 'a')), 77, 0};
  Node node(fs_);
  node.position = ReplicationPosition{*RunId::parse(std::string(40, 'b')), 5, 0};
  ASSERT_TRUE(node.start());
  EXPECT_TRUE(node.write({"INCR", "n"}));
  EXPECT_THAT(fs_.content("data/appendonlydir/appendonly.aof.1.incr.aof"),
              testing::StartsWith("#REPL:" + std::string(40, 'b') + " 5 0\r\n"));
  ASSERT_TRUE(node.aof->close(position));
  Node again(fs_);
  ASSERT_TRUE(again.start());
  EXPECT_EQ((*again.loaded)->replication, position);
  EXPECT_TRUE((*again.loaded)->replication_exact);
}

TEST_F(AppendOnlyFileTest, OffAndOnBeginsWithANewBase) {
  Node node(fs_);
  ASSERT_TRUE(node.start());
  EXPECT_TRUE(node.write({"INCR", "n"}));
  node.aof->disable(node.saver());
  EXPECT_EQ(node.aof->state(), AppendOnlyFile::State::off);
  EXPECT_EQ(node.aof->durable_offset(), node.aof->appended_offset());
  EXPECT_FALSE(node.write({"INCR", "n"}));  // not logged
  ASSERT_TRUE(node.aof->enable());
  EXPECT_TRUE(node.aof->rewrite_wanted(node.clock.now()));
  ASSERT_TRUE(node.aof->start_rewrite({}, node.saver()));
  EXPECT_FALSE(node.write({"INCR", "n"})) << "not safe before the base is there";
  EXPECT_EQ(counter(node.data), "3");
  node.saver().poll();
  EXPECT_EQ(node.aof->state(), AppendOnlyFile::State::on);
  EXPECT_TRUE(node.write({"INCR", "n"}));
  EXPECT_EQ(manifest(),
            "file appendonly.aof.2.base.rdb seq 2 type b\n"
            "file appendonly.aof.2.incr.aof seq 2 type i\n");
  fs_.crash();
  EXPECT_EQ(reload(), "4");
}

TEST_F(AppendOnlyFileTest, AFirstBaseThatFailsIsTriedAgain) {
  Node node(fs_);
  node.data.put(0, "n", "7");
  ASSERT_TRUE(node.aof->enable());
  fs_.fail_operation(Operation::append, ENOSPC, 0, 1, "temp-");
  ASSERT_TRUE(node.rewrite());
  EXPECT_EQ(node.aof->state(), AppendOnlyFile::State::waiting_rewrite);
  EXPECT_TRUE(fs_.paths().empty());
  EXPECT_FALSE(node.aof->rewrite_wanted(node.clock.now()));
  node.clock.advance(Seconds(5));
  EXPECT_TRUE(node.aof->rewrite_wanted(node.clock.now()));
  ASSERT_TRUE(node.rewrite());
  EXPECT_TRUE(node.write({"INCR", "n"}));
  fs_.crash();
  EXPECT_EQ(reload(), "8");
}

TEST_F(AppendOnlyFileTest, OffAndOnRecoversFromAFullDisk) {
  Node node(fs_);
  ASSERT_TRUE(node.start());
  EXPECT_TRUE(node.write({"INCR", "n"}));
  fs_.set_capacity(0);
  EXPECT_FALSE(node.write({"INCR", "n"}));
  EXPECT_TRUE(node.aof->failed());
  EXPECT_EQ(node.aof->misconf_text(), "MISCONF Errors writing to the AOF file: No space left on device");
  fs_.set_capacity(UINT64_MAX);
  EXPECT_FALSE(node.write({"INCR", "n"})) << "a failed log stays failed";
  EXPECT_FALSE(node.rewrite());
  node.aof->disable(node.saver());
  ASSERT_TRUE(node.aof->enable());
  ASSERT_TRUE(node.rewrite());
  EXPECT_FALSE(node.aof->failed());
  EXPECT_TRUE(node.write({"INCR", "n"}));
  fs_.crash();
  EXPECT_EQ(reload(), "4");
}

TEST_F(AppendOnlyFileTest, TakesOverTheSingleFileOfAnOldVersion) {
  const std::string old = command({"SELECT", "0"}) + command({"SET", "n", "41"});
  fs_.put("data/appendonly.aof", old);
  {
    Node node(fs_);
    ASSERT_TRUE(node.start());
    EXPECT_TRUE(node.write({"INCR", "n"}));
  }
  EXPECT_EQ(manifest(), "file appendonly.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n");
  EXPECT_FALSE(fs_.exists("data/appendonly.aof"));
  fs_.crash();
  EXPECT_EQ(reload(), "42");
}

TEST_F(AppendOnlyFileTest, TakeOverSurvivesACrashAtEachStep) {
  const std::string old = command({"SELECT", "0"}) + command({"SET", "n", "41"});
  bool completed = false;
  for (uint64_t step = 0; !completed; ++step) {
    for (uint64_t seed = 0; seed < 4; ++seed) {
      FaultyFileSystem fs;
      fs.put("data/appendonly.aof", old);
      fs.die_after(step);
      {
        Node node(fs);
        completed = node.start().has_value() && !fs.dead();
      }
      SeededRandom random(seed);
      fs.crash(seed == 0 ? nullptr : &random);
      Node node(fs);
      const auto started = node.start();
      ASSERT_TRUE(started) << "step " << step << ": " << started.error().text;
      ASSERT_EQ(counter(node.data), "41") << "step " << step << " seed " << seed;
    }
  }
}

TEST_F(AppendOnlyFileTest, ABrokenManifestIsAnErrorAndStays) {
  fs_.put("data/appendonlydir/appendonly.aof.manifest", "file a seq x type i\n");
  EXPECT_THAT(reload(), HasSubstr("*** FATAL AOF MANIFEST FILE ERROR ***\nReading the manifest file, at line 1"));
  EXPECT_EQ(manifest(), "file a seq x type i\n");
}

TEST_F(AppendOnlyFileTest, LeftoversOfACrashAreRemovedAtStart) {
  { ASSERT_EQ(reload(), "0"); }
  fs_.put("data/appendonlydir/temp-appendonly.aof.incr", "x");
  fs_.put("data/appendonlydir/appendonly.aof.manifest.tmp", "x");
  fs_.put("data/appendonlydir/temp-rewriteaof-bg-999999999.aof", "x");
  fs_.put("data/appendonlydir/temp-999999999.rdb", "x");
  fs_.put("data/appendonlydir/temp-notes.rdb", "mine");
  ASSERT_EQ(reload(), "0");
  EXPECT_EQ(fs_.paths().size(), 4U);
  EXPECT_EQ(fs_.content("data/appendonlydir/temp-notes.rdb"), "mine");
}

TEST_F(AppendOnlyFileTest, FilesThatTheManifestDoesNotNameAreRemovedAtStart) {
  { ASSERT_EQ(reload(), "0"); }
  for (const char* name : {"appendonly.aof.7.base.rdb", "appendonly.aof.7.incr.aof", "appendonly.aof.1.base.aof"}) {
    fs_.put(std::string("data/appendonlydir/") + name, "x");
  }
  const std::vector<std::string> others = {"appendonly.aof.7.base.rdb.bak", "appendonly.aof.0.incr.aof",
                                           "other.aof.1.base.rdb"};
  for (const std::string& name : others) fs_.put("data/appendonlydir/" + name, "x");
  ASSERT_EQ(reload(), "0");
  EXPECT_EQ(fs_.paths().size(), 3U + others.size());
  for (const std::string& name : others) EXPECT_TRUE(fs_.exists("data/appendonlydir/" + name)) << name;
}

TEST_F(AppendOnlyFileTest, AMissingManifestIsAnErrorWhereDataWouldBeLost) {
  {
    Node node(fs_);
    ASSERT_TRUE(node.start());
    EXPECT_TRUE(node.write({"INCR", "n"}));
  }
  const std::string text = manifest();
  ASSERT_TRUE(fs_.remove("data/appendonlydir/appendonly.aof.manifest"));
  const std::string expected =
      "Fatal error: the AOF manifest file appendonly.aof.manifest is missing, but appendonlydir holds files of an "
      "append-only file: appendonly.aof.1.base.rdb, appendonly.aof.1.incr.aof. Restore the manifest, or move these files "
      "away to start without them.";
  EXPECT_EQ(reload(), expected);
  fs_.put("data/appendonlydir/appendonly.aof.manifest", text);
  EXPECT_EQ(reload(), "1");
}

TEST_F(AppendOnlyFileTest, ACrashOfTheFirstStartIsNoMissingManifest) {
  { ASSERT_EQ(reload(), "0"); }
  ASSERT_TRUE(fs_.remove("data/appendonlydir/appendonly.aof.manifest"));
  EXPECT_EQ(reload(), "0");
}

// Start, writes, rewrites, off and on, with a crash after each single change of the disk in turn: what was reported
// durable is there, nothing is applied twice, and the log always loads.
TEST_F(AppendOnlyFileTest, ACrashAtAnyStepLosesNothingThatWasDurable) {
  bool completed = false;
  for (uint64_t step = 0; !completed; ++step) {
    completed = true;
    for (uint64_t seed = 0; seed < 8; ++seed) {
      FaultyFileSystem fs;
      fs.die_after(step);
      int durable = 0;
      int written = 0;
      {
        Node node(fs, seed < 4 ? FsyncPolicy::always : FsyncPolicy::everysec);
        const auto write = [&](int count) {
          for (int i = 0; i < count; ++i) {
            ++written;
            if (node.write({"INCR", "n"})) durable = written;
          }
        };
        if (node.start()) {
          write(3);
          (void)node.rewrite();
          write(2);
          if (node.aof->start_rewrite({}, node.saver())) {
            write(2);
            node.saver().poll();
          }
          write(2);
          node.aof->disable(node.saver());
          if (node.aof->enable() && node.aof->start_rewrite({}, node.saver())) {
            write(2);
            node.saver().poll();
          }
          write(2);
        }
        completed = completed && !fs.dead();
      }
      SeededRandom random(seed);
      fs.crash(seed % 4 == 0 ? nullptr : &random);
      expect_to_go_on(fs, durable, written, fmt::format("step {} seed {}", step, seed));
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(AppendOnlyFileTest, ACrashWhileItIsSwitchedOnLeavesALogThatLoadsAndGoesOn) {
  bool completed = false;
  for (uint64_t step = 0; !completed; ++step) {
    completed = true;
    for (uint64_t seed = 0; seed < 8; ++seed) {
      FaultyFileSystem fs;
      fs.die_after(step);
      int durable = 0;
      int written = 0;
      {
        Node node(fs);
        const auto write = [&] {
          ++written;
          if (node.write({"INCR", "n"})) durable = written;
        };
        for (int times = 0; times < 2; ++times) {
          if (!node.aof->enable() || !node.aof->start_rewrite({}, node.saver())) break;
          write();
          node.saver().poll();
          write();
          node.aof->disable(node.saver());
        }
        completed = completed && !fs.dead();
      }
      SeededRandom random(seed);
      if (seed == 7) {
        fs.restart();
      } else {
        fs.crash(seed == 0 ? nullptr : &random);
      }
      expect_to_go_on(fs, durable, written, fmt::format("step {} seed {}", step, seed));
      if (HasFatalFailure()) return;
    }
  }
}

// A killed process leaves bytes and names that are loaded and not on the disk: what is logged behind them is worth nothing
// unless they are made durable first.
TEST_F(AppendOnlyFileTest, APowerCutAfterARestartLosesNothingThatWasDurable) {
  bool completed = false;
  for (uint64_t step = 0; !completed; ++step) {
    completed = true;
    for (uint64_t seed = 0; seed < 8; ++seed) {
      FaultyFileSystem fs;
      fs.die_after(step);
      {
        Node node(fs, FsyncPolicy::everysec);
        const auto write = [&] { (void)node.write({"INCR", "n"}); };
        if (node.start()) {
          write();
          (void)node.rewrite();
          write();
          if (node.aof->start_rewrite({}, node.saver())) {
            write();
            node.saver().poll();
          }
        }
        completed = completed && !fs.dead();
      }
      fs.restart();
      int durable = 0;
      {
        Node node(fs);
        const auto started = node.start();
        ASSERT_TRUE(started) << "step " << step << ": " << started.error().text;
        durable = std::stoi(counter(node.data));
        if (node.write({"INCR", "n"})) ++durable;
        fs.die_after(0);
      }
      SeededRandom random(seed);
      fs.crash(seed == 0 ? nullptr : &random);
      Node node(fs);
      const auto started = node.start();
      ASSERT_TRUE(started) << "step " << step << " seed " << seed << ": " << started.error().text;
      ASSERT_EQ(std::stoi(counter(node.data)), durable) << "step " << step << " seed " << seed;
    }
  }
}

}  // namespace
}  // namespace holdfast::node
