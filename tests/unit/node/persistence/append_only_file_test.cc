// The append-only file as a whole: start, rewrite, off and on, recovery. Crashes at every step: append_only_crash_test.cc.
#include "node/persistence/append_only_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "common/base/random.h"
#include "tests/support/faulty_file_system.h"
#include "tests/unit/node/persistence/logged_node.h"

namespace holdfast::node {
namespace {

using test::FaultyFileSystem;
using testing::ElementsAre;
using testing::HasSubstr;
using Operation = FaultyFileSystem::Operation;

class AppendOnlyFileTest : public testing::Test {
 protected:
  std::string reload() {
    LoggedNode node(fs_);
    const auto started = node.start();
    if (!started) return started.error().text;
    return counter(node.data);
  }
  std::string manifest() { return fs_.content("data/appendonlydir/appendonly.aof.manifest"); }

  FaultyFileSystem fs_;
};

TEST_F(AppendOnlyFileTest, BeginsWithABaseOfTheDataThatIsThere) {
  {
    LoggedNode node(fs_);
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
  LoggedNode node(fs_);
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
  LoggedNode node(fs_);
  ASSERT_TRUE(node.start());
  node.aof->options().rdb_base = false;
  node.data.put(3, "expiring", "x", 1'900'000'000'000);
  EXPECT_TRUE(node.write({"INCR", "n"}));
  ASSERT_TRUE(node.rewrite());
  EXPECT_EQ(fs_.content("data/appendonlydir/appendonly.aof.2.base.aof"),
            command({"SELECT", "0"}) + command({"SET", "n", "1"}) + command({"SELECT", "3"}) +
                command({"SET", "expiring", "x"}) + command({"PEXPIREAT", "expiring", "1900000000000"}));
  ASSERT_TRUE(node.aof->close(std::nullopt));
  LoggedNode again(fs_);
  ASSERT_TRUE(again.start());
  EXPECT_EQ(again.data.databases, node.data.databases);
}

TEST_F(AppendOnlyFileTest, FailedRewriteKeepsTheOldLogAndTheNewIncrement) {
  LoggedNode node(fs_);
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
  LoggedNode node(fs_);
  node.position = ReplicationPosition{*RunId::parse(std::string(40, 'b')), 5, 0};
  ASSERT_TRUE(node.start());
  EXPECT_TRUE(node.write({"INCR", "n"}));
  EXPECT_THAT(fs_.content("data/appendonlydir/appendonly.aof.1.incr.aof"),
              testing::StartsWith("#REPL:" + std::string(40, 'b') + " 5 0\r\n"));
  ASSERT_TRUE(node.aof->close(position));
  LoggedNode again(fs_);
  ASSERT_TRUE(again.start());
  EXPECT_EQ((*again.loaded)->replication, position);
  EXPECT_TRUE((*again.loaded)->replication_exact);
}

TEST_F(AppendOnlyFileTest, OffAndOnBeginsWithANewBase) {
  LoggedNode node(fs_);
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
  LoggedNode node(fs_);
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
  LoggedNode node(fs_);
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
    LoggedNode node(fs_);
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
        LoggedNode node(fs);
        completed = node.start().has_value() && !fs.dead();
      }
      SeededRandom random(seed);
      fs.crash(seed == 0 ? nullptr : &random);
      LoggedNode node(fs);
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
    LoggedNode node(fs_);
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

}  // namespace
}  // namespace holdfast::node
