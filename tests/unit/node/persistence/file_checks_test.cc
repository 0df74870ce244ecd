// --check-rdb and --check-aof: their words and exit codes, and that no damage brings them down.
#include "node/persistence/file_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/random.h"
#include "node/persistence/aof_scan.h"
#include "node/persistence/byte_stream.h"
#include "node/persistence/rdb_writer.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/memory_data_set.h"
#include "tests/unit/node/persistence/test_util.h"

namespace holdfast::node {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class FileChecks : public testing::Test {
 protected:
  int check_rdb(const std::string& bytes) {
    fs_.put("dump.rdb", bytes);
    said_.clear();
    return check_rdb_file(around_, "dump.rdb");
  }
  int check_aof(AofCheckRequest request) {
    said_.clear();
    return check_aof_files(around_, request);
  }
  int check_aof(const std::string& bytes) {
    fs_.put("a.aof", bytes);
    return check_aof(AofCheckRequest{.path = "a.aof"});
  }
  std::string content(const std::string& path) { return read_whole_file(fs_, path).value_or("(gone)"); }

  test::FaultyFileSystem fs_;
  std::string said_;
  bool agree_ = false;
  CheckSurroundings around_{fs_, from_unix_ms(1'800'000'000'000), [this](std::string_view line) { (said_ += line) += '\n'; },
                            [this] { return agree_; }};
};

std::string sample_dump() {
  test::MemoryDataSet data;
  for (int i = 0; i < 200; ++i) data.put(i % 3, "key:" + std::to_string(i), std::string(static_cast<size_t>(i), 'v'));
  data.put(0, "old", "x", 1'700'000'000'000);
  data.put(0, "new", "x", 1'900'000'000'000);
  StringSink sink;
  EXPECT_TRUE(save_rdb(data, sink, {}, {}));
  return sink.text();
}

std::string sample_log() { return command({"SELECT", "0"}) + command({"SET", "a", "1"}) + command({"SET", "b", "2"}); }

TEST_F(FileChecks, SaysWhatASoundDumpHolds) {
  const std::string bytes = sample_dump();
  EXPECT_EQ(check_rdb(bytes), 0);
  EXPECT_THAT(said_, HasSubstr("[offset 0] Checking RDB file dump.rdb\n"));
  EXPECT_THAT(said_, HasSubstr("AUX FIELD redis-ver = '7.0.15'\n"));
  EXPECT_THAT(said_, HasSubstr("Selecting DB ID 2\n"));
  EXPECT_THAT(said_, HasSubstr(fmt::format("[offset {}] Checksum OK\n[offset {}] \\o/ RDB looks OK! \\o/\n"
                                           "[info] 202 keys read\n[info] 2 expires\n[info] 1 already expired\n",
                                           bytes.size(), bytes.size())));
}

TEST_F(FileChecks, SaysWhatIsWrongWithADump) {
  const std::string bytes = sample_dump();
  EXPECT_EQ(check_rdb(bytes.substr(0, bytes.size() - 4)), 1);
  EXPECT_THAT(said_, HasSubstr("Unexpected EOF reading RDB file\n[additional info] While doing: check-sum\n"));
  std::string flipped = bytes;
  flipped[bytes.size() - 2] ^= 1;
  EXPECT_EQ(check_rdb(flipped), 1);
  EXPECT_THAT(said_, HasSubstr(fmt::format("[offset {}] RDB CRC error\n", bytes.size())));
  EXPECT_EQ(check_rdb("XEDIS0010"), 1);
  EXPECT_THAT(said_, HasSubstr("Wrong signature trying to load DB from file\n[additional info] While doing: start\n"));
  EXPECT_EQ(check_rdb(""), 1);
  EXPECT_THAT(said_, HasSubstr("[offset 0] Unexpected EOF reading RDB file\n"));
  EXPECT_EQ(check_rdb(std::string("REDIS0010\x63\x01k", 12)), 1);
  EXPECT_THAT(said_, HasSubstr("[offset 10] Invalid object type: 99\n[additional info] While doing: read-type\n"));
  EXPECT_EQ(check_rdb_file(around_, "absent"), 1);
  EXPECT_THAT(said_, HasSubstr("Cannot open file absent: No such file or directory\n"));
}

TEST_F(FileChecks, FindsEveryFlippedByteOfADump) {
  const std::string bytes = sample_dump();
  SeededRandom random(1);
  for (int round = 0; round < 300; ++round) {
    std::string damaged = bytes;
    damaged[random.below(bytes.size())] ^= static_cast<char>(1 + random.below(255));
    EXPECT_EQ(check_rdb(damaged), 1);
    EXPECT_THAT(said_, HasSubstr("--- RDB ERROR DETECTED ---\n[offset "));
    EXPECT_THAT(said_, HasSubstr("keys read"));
  }
}

TEST_F(FileChecks, AcceptsSoundLogs) {
  EXPECT_EQ(check_aof(sample_log()), 0);
  EXPECT_EQ(said_,
            "Start checking Old-Style AOF\n"
            "AOF analyzed: filename=a.aof, size=77, ok_up_to=77, ok_up_to_line=20, diff=0\nAOF a.aof is valid\n");
  EXPECT_EQ(check_aof(std::string()), 0);
  EXPECT_THAT(said_, HasSubstr("AOF a.aof is empty\n"));
  const std::string dump = sample_dump();
  EXPECT_EQ(check_aof(dump + "#TS:1\r\n" + command({"MULTI"}) + sample_log() + command({"EXEC"})), 0);
  EXPECT_THAT(said_, HasSubstr("RDB preamble is OK, proceeding with AOF tail...\n"));
  EXPECT_EQ(check_aof(command({"SET", "k", std::string(1'000'000, 'x')}) + sample_log()), 0);
}

TEST_F(FileChecks, SaysWhereALogIsWrong) {
  const auto fault = [&](std::string_view tail) {
    EXPECT_EQ(check_aof(sample_log() + std::string(tail)), 1) << tail;
    EXPECT_THAT(said_, HasSubstr("ok_up_to=77,"));
    EXPECT_THAT(said_, HasSubstr("AOF a.aof is not valid. Use the --fix option to try fixing it.\n"));
    return said_;
  };
  EXPECT_THAT(fault("*3\r\n$3\r\nSET\r\n$1\r\nc"), HasSubstr("0x              5e: Expected to read 3 bytes, got 1 bytes\n"));
  EXPECT_THAT(fault("xyz\r\n"), HasSubstr("0x              4d: Expected prefix '*', got: 'x'\nAOF a.aof format error\n"));
  EXPECT_THAT(fault("*3\r\n$3\r\nSET\r\n$1\r\ncc\r\n"), HasSubstr("0x              5e: Expected \\r\\n, got: 630d\n"));
  EXPECT_THAT(fault("*x\r\n"), HasSubstr("0x              4d: Expected \\r\\n, got: 780d\n"));
  EXPECT_THAT(fault("*1\r\n+SET\r\n"), HasSubstr("0x              51: Expected prefix '$', got: '+'\n"));
  EXPECT_THAT(fault("*1\r\n$-5\r\n"), HasSubstr("Expected to read string of -5 bytes, which is not in the suitable range\n"));
  EXPECT_THAT(fault("*1\r\n$99999999999\r\nX"), HasSubstr("Expected to read 100000000001 bytes, got 1 bytes\n"));
  EXPECT_THAT(fault("*0\r\n"), HasSubstr("A command of 0 arguments\n"));
  EXPECT_THAT(fault(std::string(50, '\0')), HasSubstr("Expected prefix '*', got: 0x00\n"));
  EXPECT_THAT(fault("#TS:12"), HasSubstr("Reached EOF in an annotation\n"));
  EXPECT_THAT(fault(command({"EXEC"})), HasSubstr("0x              55: Unexpected EXEC in AOF a.aof\n"));
  EXPECT_THAT(fault(command({"MULTI"}) + command({"multi"})), HasSubstr("Unexpected MULTI in AOF a.aof\n"));
  EXPECT_THAT(fault(command({"MULTI"}) + command({"SET", "c", "3"})),
              HasSubstr("Reached EOF before reading EXEC for MULTI\n"));
}

TEST_F(FileChecks, CutsABrokenEndOnlyWhenToldTo) {
  const std::string broken = sample_log() + "*3\r\n$3\r\nSE";
  fs_.put("a.aof", broken);
  EXPECT_EQ(check_aof(AofCheckRequest{.path = "a.aof", .fix = true}), 1);
  EXPECT_THAT(said_, HasSubstr("This will shrink the AOF a.aof from 87 bytes, with 10 bytes, to 77 bytes\nAborting...\n"));
  EXPECT_EQ(content("a.aof"), broken);
  agree_ = true;
  EXPECT_EQ(check_aof(AofCheckRequest{.path = "a.aof", .fix = true}), 0);
  EXPECT_THAT(said_, HasSubstr("Successfully truncated AOF a.aof\n"));
  EXPECT_EQ(content("a.aof"), sample_log());
  fs_.put("a.aof", broken);
  agree_ = false;
  EXPECT_EQ(check_aof(AofCheckRequest{.path = "a.aof", .fix = true, .assume_yes = true}), 0);
  EXPECT_EQ(content("a.aof"), sample_log());
}

TEST_F(FileChecks, ChecksAllFilesOfAManifestAndMendsTheLast) {
  fs_.put("d/l.manifest", "file l.1.base.rdb seq 1 type b\nfile l.1.incr.aof seq 1 type i\nfile l.2.incr.aof seq 2 type i\n");
  fs_.put("d/l.1.base.rdb", sample_dump());
  fs_.put("d/l.1.incr.aof", sample_log());
  fs_.put("d/l.2.incr.aof", sample_log() + "*1");
  const AofCheckRequest plain{.path = "d/l.manifest"}, fix{.path = "d/l.manifest", .fix = true, .assume_yes = true};
  EXPECT_EQ(check_aof(plain), 1);
  EXPECT_THAT(said_, HasSubstr("Start checking Multi Part AOF\nStart to check BASE AOF (RDB format).\n"));
  EXPECT_THAT(said_, HasSubstr("BASE AOF l.1.base.rdb is valid\nStart to check INCR files.\n"));
  EXPECT_THAT(said_, HasSubstr("INCR AOF l.1.incr.aof is valid\n"));
  EXPECT_EQ(check_aof(fix), 0);
  EXPECT_THAT(said_, HasSubstr("All AOF files and manifest are valid\n"));
  EXPECT_EQ(content("d/l.2.incr.aof"), sample_log());
  fs_.put("d/l.1.incr.aof", sample_log() + "*1");
  EXPECT_EQ(check_aof(fix), 1);
  EXPECT_THAT(said_, HasSubstr("Failed to truncate AOF l.1.incr.aof because it is not the last file\n"));
  fs_.put("d/l.1.base.rdb", sample_dump().substr(0, 100));
  EXPECT_EQ(check_aof(plain), 1);
  EXPECT_THAT(said_, HasSubstr("RDB preamble of AOF file is not sane, aborting.\n"));
  EXPECT_TRUE(fs_.remove("d/l.1.base.rdb"));
  EXPECT_EQ(check_aof(plain), 1);
  EXPECT_THAT(said_, HasSubstr("Cannot open file d/l.1.base.rdb: No such file or directory, aborting...\n"));
  fs_.put("d/l.manifest", "file l.1.base.rdb seq 1 type b\nfoo\n");
  EXPECT_EQ(check_aof(plain), 1);
  EXPECT_THAT(said_, HasSubstr("*** FATAL AOF MANIFEST FILE ERROR ***\n"));
}

TEST_F(FileChecks, CutsALogAtATime) {
  const std::string first = "#TS:1000\r\n" + sample_log(), second = "#TS:2000\r\n" + command({"SET", "c", "3"});
  const auto cut = [&](int64_t until) {
    fs_.put("a.aof", first + second);
    return check_aof(AofCheckRequest{.path = "a.aof", .until = until});
  };
  EXPECT_EQ(cut(500), 1);
  EXPECT_THAT(said_, HasSubstr("AOF a.aof has nothing before timestamp 500, aborting...\n"));
  EXPECT_EQ(content("a.aof"), first + second);
  EXPECT_EQ(cut(1999), 0);
  EXPECT_THAT(said_, HasSubstr("Successfully truncated AOF a.aof to timestamp 1999\n"));
  EXPECT_EQ(content("a.aof"), first);
  EXPECT_EQ(cut(2000), 0);
  EXPECT_THAT(said_, HasSubstr("Truncate nothing in AOF a.aof to timestamp 2000\nAOF a.aof is valid\n"));
  EXPECT_EQ(content("a.aof"), first + second);
  fs_.put("a.aof", first + "garbage" + second);
  EXPECT_EQ(check_aof(AofCheckRequest{.path = "a.aof", .until = 1500}), 1);
  EXPECT_EQ(content("a.aof"), first + "garbage" + second);
}

TEST_F(FileChecks, DoesNotCutBeforeTheLastFile) {
  fs_.put("d/l.manifest", "file l.1.incr.aof seq 1 type i\nfile l.2.incr.aof seq 2 type i\n");
  const std::string first = sample_log() + "#TS:2000\r\n" + sample_log();
  fs_.put("d/l.1.incr.aof", first);
  fs_.put("d/l.2.incr.aof", sample_log());
  EXPECT_EQ(check_aof(AofCheckRequest{.path = "d/l.manifest", .until = 1500}), 1);
  EXPECT_THAT(said_, HasSubstr("to timestamp 1500 to offset 77 because it is not the last file.\n"));
  EXPECT_EQ(content("d/l.1.incr.aof"), first);
}

TEST_F(FileChecks, NoDamageToALogBringsTheCheckDown) {
  const std::string bytes = sample_dump() + "#TS:1\r\n" + command({"MULTI"}) + sample_log() + command({"EXEC"}) + sample_log();
  SeededRandom random(2);
  for (int round = 0; round < 1000; ++round) {
    std::string damaged = bytes.substr(random.below(2) == 0 ? 0 : sample_dump().size());
    for (auto left = 1 + random.below(4); left > 0; --left) damaged[random.below(damaged.size())] = static_cast<char>(random.below(256));
    if (random.below(4) == 0) damaged.resize(random.below(damaged.size()));
    fs_.put("a.aof", damaged);
    const int code = check_aof(AofCheckRequest{.path = "a.aof", .fix = true, .assume_yes = true});
    EXPECT_THAT(code, testing::AnyOf(0, 1));
    EXPECT_THAT(said_, Not(testing::IsEmpty()));
    // What was mended is in order.
    if (code == 0) {
      EXPECT_EQ(check_aof(AofCheckRequest{.path = "a.aof"}), 0) << said_;
    }
  }
}

TEST(AofCheckArguments, AreThoseOfRedis) {
  const auto parse = [](std::vector<std::string> words) { return parse_aof_check(words); };
  EXPECT_EQ(parse({"f"})->path, "f");
  EXPECT_TRUE(parse({"--fix", "f"})->fix);
  EXPECT_EQ(parse({"--truncate-to-timestamp", "7", "f"})->until, 7);
  EXPECT_EQ(parse({"--truncate-to-timestamp", "x", "f"}).error().text, "Invalid timestamp, aborting...");
  for (const auto& words : std::vector<std::vector<std::string>>{
           {}, {"--fix"}, {"--foo", "f"}, {"f", "g"}, {"--fix", "--truncate-to-timestamp", "7", "f"}}) {
    EXPECT_THAT(parse(words).error().text, HasSubstr("Usage: redis-check-aof"));
  }
}

}  // namespace
}  // namespace holdfast::node
