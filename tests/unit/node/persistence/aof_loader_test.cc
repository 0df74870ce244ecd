// Loading of append-only files: order, transactions, torn tails and every kind of damage.
#include "node/persistence/aof_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "common/base/random.h"
#include "tests/support/faulty_file_system.h"
#include "tests/unit/node/persistence/test_util.h"

namespace holdfast::node {
namespace {

using test::FaultyFileSystem;
using test::MemoryDataSet;
using testing::HasSubstr;

constexpr std::string_view kReplId = "0123456789abcdef0123456789abcdef01234567";

class AofLoader : public testing::Test {
 protected:
  // Two increments (or those in `files`) as the manifest of folder d.
  Result<AofLoad> load(std::vector<std::string> names = {"i1", "i2"}) {
    std::string text;
    for (size_t i = 0; i < names.size(); ++i) {
      const bool base = names[i].starts_with("base");
      text += fmt::format("file {} seq {} type {}\n", names[i], i + 1, base ? 'b' : 'i');
    }
    data_ = {};
    Replayer replayer(data_);
    const auto manifest = AofManifest::parse(text);
    EXPECT_TRUE(manifest);
    auto loaded = load_aof(fs_, clock_, "d", *manifest, data_, std::ref(replayer), options_);
    commands_ = replayer.commands;
    std::erase_if(data_.databases, [](const auto& db) { return db.second.empty(); });
    return loaded;
  }
  std::string error(std::vector<std::string> names = {"i1", "i2"}) {
    const auto loaded = load(std::move(names));
    return loaded ? "loaded" : loaded.error().text;
  }
  std::string value(const std::string& key, int db = 0) {
    return data_.databases[db].contains(key) ? data_.databases[db].at(key).bytes : "(none)";
  }

  FaultyFileSystem fs_;
  ManualClock clock_;
  AofLoadOptions options_;
  MemoryDataSet data_;
  uint64_t commands_ = 0;
};

TEST_F(AofLoader, RunsBaseAndIncrementsInOrder) {
  fs_.put("d/base", command({"SELECT", "0"}) + command({"SET", "a", "1"}) + command({"SET", "b", "1"}));
  fs_.put("d/i1", command({"SELECT", "0"}) + command({"SET", "a", "2"}) + command({"SELECT", "3"}) +
                      command({"SET", "c", std::string(700'000, 'x')}));
  fs_.put("d/i2", command({"SELECT", "0"}) + command({"INCR", "a"}));
  const auto loaded = load({"base", "i1", "i2"});
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(value("a"), "3");
  EXPECT_EQ(value("b"), "1");
  EXPECT_EQ(value("c", 3).size(), 700'000U);
  EXPECT_EQ(loaded->commands, 9U);
  EXPECT_EQ(loaded->base_bytes, fs_.content("d/base").size());
  EXPECT_EQ(loaded->total_bytes,
            fs_.content("d/base").size() + fs_.content("d/i1").size() + fs_.content("d/i2").size());
}

TEST_F(AofLoader, ReadsAnRdbPreambleAndTheCommandsBehindIt) {
  MemoryDataSet base;
  base.put(0, "a", "1");
  base.put(2, "expired", "kept, its DEL is in the log", 1);
  StringSink sink;
  ASSERT_TRUE(save_rdb(base, sink, {.aof_base = true}, {}));
  fs_.put("d/base.rdb", sink.text() + command({"SELECT", "0"}) + command({"INCR", "a"}));
  fs_.put("d/i2", command({"SELECT", "0"}) + command({"INCR", "a"}));
  options_.rdb.drop_expired_at = from_unix_ms(1'000'000);
  const auto loaded = load({"base.rdb", "i2"});
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(value("a"), "3");
  EXPECT_EQ(loaded->keys, 2U);
  fs_.put("d/base.rdb", sink.text().substr(0, sink.text().size() - 3));
  EXPECT_THAT(error({"base.rdb", "i2"}), HasSubstr("Error reading the RDB preamble of the AOF file base.rdb"));
}

TEST_F(AofLoader, TransactionsRunWholeOrNotAtAll) {
  const std::string good = command({"SET", "a", "1"}) + command({"MULTI"}) + command({"INCR", "a"}) +
                           command({"INCR", "a"}) + command({"EXEC"});
  fs_.put("d/i1", good + command({"MULTI"}) + command({"SET", "a", "9"}) + command({"SET", "b", "9"}));
  const auto loaded = load({"i1"});
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(value("a"), "3");
  EXPECT_EQ(value("b"), "(none)");
  EXPECT_EQ(fs_.content("d/i1"), good);  // cut back to before MULTI
}

TEST_F(AofLoader, TornTailAtEveryOffsetKeepsWhatIsWhole) {
  const std::vector<std::string> items = {command({"SELECT", "0"}),
                                          "#TS:1700000000\r\n",
                                          command({"SET", "a", "1"}),
                                          command({"SET", "binary", std::string("\r\n\0*1\r\n", 8)}),
                                          command({"MULTI"}) + command({"INCR", "a"}) + command({"SELECT", "1"}) +
                                              command({"SET", "b", "2"}) + command({"EXEC"}),
                                          command({"INCR", "b"})};
  std::string whole;
  std::vector<size_t> ends = {0};
  for (const std::string& item : items) ends.push_back((whole += item).size());
  for (size_t size = 0; size <= whole.size(); ++size) {
    for (const size_t zeros : {0, 1, 5000}) {
      const size_t valid = *std::prev(std::upper_bound(ends.begin(), ends.end(), size));
      fs_.put("d/i1", command({"SELECT", "5"}) + command({"SET", "first", "file"}));
      fs_.put("d/i2", whole.substr(0, size) + std::string(zeros, '\0'));
      const auto loaded = load();
      ASSERT_TRUE(loaded) << size << ": " << loaded.error().text;
      ASSERT_EQ(fs_.content("d/i2").size(), valid) << size << " zeros " << zeros;
      ASSERT_EQ(value("first", 5), "file");
      ASSERT_EQ(value("a"), valid < ends[3] ? "(none)" : valid < ends[5] ? "1" : "2") << size;
      ASSERT_EQ(loaded->truncated_bytes, size + zeros - valid);
      fs_.crash();
      ASSERT_EQ(fs_.content("d/i2").size(), valid) << "the cut must be durable";
    }
  }
}

TEST_F(AofLoader, TornTailIsAnErrorWhenNotAllowed) {
  options_.load_truncated = false;
  const std::string torn = command({"SET", "a", "1"}) + "*3\r\n$3\r\nSE";
  fs_.put("d/i1", "");
  fs_.put("d/i2", torn);
  EXPECT_THAT(error(), HasSubstr("Unexpected end of file reading the append only file i2. You can: 1) Make a backup"));
  EXPECT_EQ(fs_.content("d/i2"), torn);
}

TEST_F(AofLoader, TornTailOfAnEarlierFileIsAnError) {
  const std::string torn = command({"SET", "a", "1"}) + "*3\r\n$3\r\nSE";
  fs_.put("d/i1", torn);
  fs_.put("d/i2", command({"SET", "b", "1"}));
  EXPECT_THAT(error(), HasSubstr("the truncated file is not the last file"));
  EXPECT_EQ(fs_.content("d/i1"), torn);
  fs_.put("d/i2", "");  // made by a rewrite that got no further: the tear is at the log's end
  EXPECT_EQ(error(), "loaded");
  EXPECT_EQ(value("a"), "1");
}

TEST_F(AofLoader, CorruptionNamesFileAndOffsetAndChangesNothing) {
  const std::string first = command({"SET", "a", "1"});
  const std::string last = command({"SET", "b", "2"});
  for (const std::string& bad :
       {std::string("garbage\r\n"), std::string("*0\r\n"), std::string("*-1\r\n"), std::string("*x\r\n"),
        std::string("*1\r\n:4\r\n"), std::string("*1\r\n$x\r\nPING\r\n"), std::string("*1\r\n$4\r\nPINGxx"),
        std::string("*1\r\n$4\r\nPING\n\r"), std::string(100, '\0'), "#" + std::string(2000, 'x') + "\r\n",
        std::string("*1\r\n$-1\r\n"), command({"EXEC"}), command({"MULTI"}) + command({"MULTI"})}) {
    fs_.put("d/i1", "");
    fs_.put("d/i2", first + bad + last);
    const std::string text = error();
    EXPECT_THAT(text, HasSubstr("Bad file format reading the append only file i2: make a backup of your AOF file, then "
                                "use ./redis-check-aof --fix <filename.manifest>"))
        << bad;
    EXPECT_THAT(text, HasSubstr(fmt::format("(at offset {}", first.size()).substr(0, 11)));
    EXPECT_EQ(fs_.content("d/i2"), first + bad + last);
  }
}

TEST_F(AofLoader, UnknownCommandEndsTheLoad) {
  fs_.put("d/i1", command({"SELECT", "0"}) + command({"FLY", "away"}));
  EXPECT_EQ(error({"i1"}), "Unknown command 'FLY' reading the append only file i1 (at offset 23)");
  fs_.put("d/i1", command({"MULTI"}) + command({"FLY"}) + command({"EXEC"}));
  EXPECT_THAT(error({"i1"}), HasSubstr("Unknown command 'FLY'"));
}

TEST_F(AofLoader, MissingAndUnreadableFilesAreErrors) {
  fs_.put("d/i1", command({"SET", "a", "1"}));
  EXPECT_THAT(error(), HasSubstr("The AOF file i2 is in the manifest but it does not exist"));
  EXPECT_EQ(commands_, 0U);
  fs_.put("d/i2", command({"SET", "b", "1"}));
  fs_.fail_operation(FaultyFileSystem::Operation::read, EIO, 0, 100, "i2");
  EXPECT_THAT(error(), HasSubstr("Input/output error"));
}

TEST_F(AofLoader, ReplicationPositionIsExactOnlyAtTheEnd) {
  const ReplicationPosition position{*RunId::parse(kReplId), 4711, 2};
  const std::string line = aof::format_replication(position);
  EXPECT_EQ(line, fmt::format("#REPL:{} 4711 2\r\n", kReplId));
  fs_.put("d/i1", command({"SET", "a", "1"}) + line);
  auto loaded = load({"i1"});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->replication, position);
  EXPECT_TRUE(loaded->replication_exact);
  fs_.put("d/i2", command({"SELECT", "0"}) + command({"SET", "a", "1"}));
  loaded = load();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->replication, position);
  EXPECT_FALSE(loaded->replication_exact);
  for (const char* damaged :
       {"#REPL:\r\n", "#REPL:xyz 1 0\r\n", "#REPL:0123456789abcdef0123456789abcdef01234567 -4 0\r\n", "#TS:1\r\n",
        "#\r\n", "#REPL:0123456789abcdef0123456789abcdef01234567 1\n"}) {
    fs_.put("d/i2", damaged);
    loaded = load();
    ASSERT_TRUE(loaded) << damaged;
    EXPECT_EQ(loaded->replication, position) << damaged;
  }
}

TEST_F(AofLoader, ReportsProgressAndStopsWhenTold) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += command({"SET", std::to_string(i), "value"});
  fs_.put("d/i1", text);
  options_.rdb.progress_interval_bytes = 10'000;
  uint64_t calls = 0;
  options_.rdb.on_progress = [&](uint64_t) -> Result<> { return ++calls == 3 ? Result<>(fail("stop")) : Result<>(); };
  EXPECT_EQ(error({"i1"}), "stop");
  EXPECT_LT(commands_, 5000U);
}

TEST_F(AofLoader, TellsTheExecutorWhatComesNext) {
  std::string text = command({"SELECT", "0"});
  SeededRandom random(3);
  for (int i = 0; i < 3000; ++i) {
    if (i % 100 == 50) text += "#TS:1\r\n";
    if (i % 70 == 30) text += command({"MULTI"}) + command({"INCR", "n"}) + command({"INCR", "n"}) + command({"EXEC"});
    text += command({"SET", "key:" + std::to_string(i), std::string(random.below(1000), 'v')});
  }
  fs_.put("d/i1", text + "*3\r\n$3\r\nSET");
  ASSERT_TRUE(load({"i1"}));
  const auto plain = data_.databases;
  fs_.put("d/i1", text + "*3\r\n$3\r\nSET");

  Replayer replayer(data_);
  std::vector<std::span<const std::string_view>> expected;
  size_t batches = 0, by_number = 0;
  options_.pipeline = AofPipeline{
      .expect =
          [&](std::span<const std::span<const std::string_view>> commands) {
            expected.assign(commands.begin(), commands.end());
            ++batches;
          },
      .execute =
          [&](std::span<const std::string_view> argv, size_t number) {
            EXPECT_LT(number, expected.size());
            EXPECT_EQ(expected[number].data(), argv.data());
            ++by_number;
            return replayer(argv);
          }};
  data_ = {};
  const auto manifest = AofManifest::parse("file i1 seq 1 type i\n");
  const auto loaded = load_aof(fs_, clock_, "d", *manifest, data_, std::ref(replayer), options_);
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(data_.databases, plain);
  EXPECT_EQ(replayer.commands, 3001U + 2 * 43);
  // What is in transactions, or lies across two blocks of the file, comes without a number.
  EXPECT_LE(by_number, 3001U);
  EXPECT_GT(by_number, 2950U);
  EXPECT_GT(batches, 3001U / 32);
  EXPECT_LT(batches, 400U);
}

TEST_F(AofLoader, RandomDamageNeverCrashes) {
  MemoryDataSet base;
  base.put(0, "a", "1");
  base.put(0, "packed", std::string(100, 'p'));
  StringSink sink;
  ASSERT_TRUE(save_rdb(base, sink, {}, {}));
  const std::string good = sink.text() + command({"SELECT", "0"}) + "#TS:1\r\n" + command({"MULTI"}) +
                           command({"INCR", "a"}) + command({"EXEC"}) + command({"SET", "b", std::string(200, 'b')}) +
                           aof::format_replication({*RunId::parse(kReplId), 1, 0}) + command({"DEL", "b"});
  options_.rdb.verify_checksum = false;
  SeededRandom random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = good.substr(0, random.chance(0.3) ? random.below(good.size()) : good.size());
    for (uint64_t hits = random.below(4); hits > 0 && !bytes.empty(); --hits) {
      bytes[random.below(bytes.size())] =
          random.chance(0.5) ? "\r\n$*#0123456789"[random.below(15)] : static_cast<char>(random.below(256));
    }
    fs_.put("d/base", bytes);
    const auto loaded = load({"base"});
    EXPECT_TRUE(loaded || !loaded.error().text.empty());
    if (!loaded) {
      EXPECT_EQ(fs_.content("d/base"), bytes) << "a refused file is left as it is";
    }
  }
}

}  // namespace
}  // namespace holdfast::node
