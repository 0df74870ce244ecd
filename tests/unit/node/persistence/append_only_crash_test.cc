// The append-only file over a file system that crashes, at every step and at random: what was reported durable is there,
// nothing is applied twice, and the log always loads and goes on.
#include <gtest/gtest.h>

#include <functional>

#include "common/base/random.h"
#include "tests/unit/node/persistence/logged_node.h"

namespace holdfast::node {
namespace {

using test::FaultyFileSystem;

// Calls `crash_at` with a disk that dies after each number of changes in turn, until it outlives what is done with it: that
// says whether it has died. A failure ends it.
void at_each_step(const std::function<bool(FaultyFileSystem& fs, uint64_t seed, const std::string& when)>& crash_at) {
  bool died = true;
  for (uint64_t step = 0; died; ++step) {
    died = false;
    for (uint64_t seed = 0; seed < 8; ++seed) {
      FaultyFileSystem fs;
      fs.die_after(step);
      died |= crash_at(fs, seed, fmt::format("step {} seed {}", step, seed));
      if (testing::Test::HasFailure()) return;
    }
  }
}

// After a crash: what is left is within the bounds, it is written to, and all of that is found by the next start.
void expect_to_go_on(FaultyFileSystem& fs, int least, int most, const std::string& when) {
  int left = 0;
  {
    LoggedNode node(fs);
    const auto started = node.start();
    ASSERT_TRUE(started) << when << ": " << started.error().text;
    left = std::stoi(counter(node.data));
    ASSERT_GE(left, least) << when;
    ASSERT_LE(left, most) << when;
    ASSERT_TRUE(node.write({"INCR", "n"})) << when;
  }
  LoggedNode again(fs);
  const auto started = again.start();
  ASSERT_TRUE(started) << when << ", the second start: " << started.error().text;
  ASSERT_EQ(std::stoi(counter(again.data)), left + 1) << when;
}

// Start, writes, rewrites, off and on, with a crash after each single change of the disk in turn: what was reported
// durable is there, nothing is applied twice, and the log always loads.
TEST(AppendOnlyCrash, ACrashAtAnyStepLosesNothingThatWasDurable) {
  at_each_step([](FaultyFileSystem& fs, uint64_t seed, const std::string& when) {
    bool died = false;
    int durable = 0;
    int written = 0;
    {
      LoggedNode node(fs, seed < 4 ? FsyncPolicy::always : FsyncPolicy::everysec);
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
      died = fs.dead();
    }
    SeededRandom random(seed);
    fs.crash(seed % 4 == 0 ? nullptr : &random);
    expect_to_go_on(fs, durable, written, when);
    return died;
  });
}

TEST(AppendOnlyCrash, ACrashWhileItIsSwitchedOnLeavesALogThatLoadsAndGoesOn) {
  at_each_step([](FaultyFileSystem& fs, uint64_t seed, const std::string& when) {
    bool died = false;
    int durable = 0;
    int written = 0;
    {
      LoggedNode node(fs);
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
      died = fs.dead();
    }
    SeededRandom random(seed);
    if (seed == 7) {
      fs.restart();
    } else {
      fs.crash(seed == 0 ? nullptr : &random);
    }
    expect_to_go_on(fs, durable, written, when);
    return died;
  });
}

// Again and again killed or cut off.
TEST(AppendOnlyCrash, TheLogGoesOnBehindWhateverACrashLeaves) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SeededRandom random(seed);
    FaultyFileSystem fs;
    int least = 0, most = 0;
    for (int life = 0; life < 6; ++life) {
      LoggedNode node(fs, random.chance(0.8) ? FsyncPolicy::always : FsyncPolicy::everysec);
      const auto started = node.start();
      ASSERT_TRUE(started) << "seed " << seed << " life " << life << ": " << started.error().text;
      const int found = std::stoi(counter(node.data));
      ASSERT_GE(found, least) << "seed " << seed << " life " << life;
      ASSERT_LE(found, most) << "seed " << seed << " life " << life;
      least = most = found;
      const uint64_t writes = random.below(40);
      const uint64_t death = random.below(3 * writes + 2);
      if (random.chance(0.5)) fs.die_after(death);
      for (uint64_t i = 0; i < writes; ++i) {
        if (random.chance(0.05)) (void)node.rewrite();
        (void)node.write({"SET", "value", std::string(random.below(3000), '#')});
        ++most;
        if (node.write({"INCR", "n"})) least = most;
      }
      fs.die_after(0);
      if (random.chance(0.3)) {
        fs.restart();
      } else {
        fs.crash(&random);
      }
    }
  }
}

// A killed process leaves bytes and names that are loaded and not on the disk: what is logged behind them is worth nothing
// unless they are made durable first.
TEST(AppendOnlyCrash, APowerCutAfterARestartLosesNothingThatWasDurable) {
  at_each_step([](FaultyFileSystem& fs, uint64_t seed, const std::string& when) {
    bool died = false;
    {
      LoggedNode node(fs, FsyncPolicy::everysec);
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
      died = fs.dead();
    }
    fs.restart();
    int durable = 0;
    {
      LoggedNode node(fs);
      const auto started = node.start();
      EXPECT_TRUE(started) << when << ": " << started.error().text;
      if (!started) return false;
      durable = std::stoi(counter(node.data));
      if (node.write({"INCR", "n"})) ++durable;
      fs.die_after(0);
    }
    SeededRandom random(seed);
    fs.crash(seed == 0 ? nullptr : &random);
    expect_to_go_on(fs, durable, durable, when);
    return died;
  });
}

}  // namespace
}  // namespace holdfast::node
