#include "sentinel/io/failover_history.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "sentinel/io/record_file.h"

namespace holdfast::sentinel {
namespace {

FailoverRecord record(std::string primary, std::string result, int64_t unix_ms = 1000) {
  FailoverRecord record;
  record.primary = std::move(primary);
  record.epoch = Epoch{3};
  record.trigger = "crash";
  record.result = std::move(result);
  record.from = {"127.0.0.1", 6379};
  record.started_unix_ms = unix_ms;
  record.phases = {{"sdown", Millis(-3)},        {"odown", Millis(-1)},         {"wait_start", Nanos(0)},
                   {"select_slave", Millis(10)}, {"reconf_slaves", Millis(40)}, {"end", Millis(140)}};
  record.duration = Nanos(140'000'999);  // kept to the microsecond
  record.unavailable = Millis(1043);
  record.to = Endpoint{"::1", 6380};
  record.candidates = {{{"::1", 6380}, "aa", 100, 12345678901234567890u, "chosen"}};
  return record;
}

TEST(FailoverHistory, MeasuresEachPhaseOfAFailoverItLed) {
  FailoverHistory history;
  history.add(record("m", "success"));
  history.vote();
  FailoverRecord seen = record("m", "success");
  seen.leader = false;
  history.add(seen);
  SentinelFacts facts;
  history.fill(facts);
  EXPECT_EQ(facts.failovers.at({"m", "crash", "success"}), 1u);
  EXPECT_EQ(facts.votes, 1u);
  EXPECT_DOUBLE_EQ(facts.failover_phases.at("detection").sum_seconds(), 0.002);
  EXPECT_DOUBLE_EQ(facts.failover_phases.at("election").sum_seconds(), 0.010);
  EXPECT_DOUBLE_EQ(facts.failover_phases.at("promotion").sum_seconds(), 0.030);
  EXPECT_DOUBLE_EQ(facts.failover_phases.at("reconfiguration").sum_seconds(), 0.100);
  EXPECT_DOUBLE_EQ(facts.failover_unavailability.sum_seconds(), 1.043);
  EXPECT_EQ(facts.history->size(), 2u);
}

TEST(FailoverHistory, CampaignsInARowWithoutVotesAreOneRecord) {
  FailoverHistory history;
  history.add(record("m", "not_elected", 1000));
  history.add(record("other", "success", 1500));
  history.add(record("m", "not_elected", 2000));
  history.add(record("m", "not_elected", 3000));
  history.add(record("m", "success", 4000));
  history.add(record("m", "not_elected", 400'000));
  const auto found = history.of("m");
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].attempts, 1u);
  EXPECT_EQ(found[1].result, "success");
  EXPECT_EQ(found[2].attempts, 3u);
  FailoverHistory restored;  // as the file has them, each state of a record on its line
  FailoverRecord second = record("m", "not_elected", 2000), third = record("m", "not_elected", 3000);
  second.attempts = 2;
  third.attempts = 3;
  restored.restore({record("m", "not_elected", 1000), second, third, record("m", "success", 4000)});
  EXPECT_EQ(restored.of("m").size(), 2u);
  SentinelFacts facts;
  history.fill(facts);
  EXPECT_EQ(facts.failovers.at({"m", "crash", "not_elected"}), 4u);
}

TEST(FailoverHistory, IsBounded) {
  FailoverHistory history;
  for (int i = 0; i < 50; ++i) history.add(record("m", "success", i));
  EXPECT_EQ(history.of("m").size(), FailoverHistory::kKeptOfOnePrimary);
  EXPECT_EQ(history.of("m").front().started_unix_ms, 49);
  for (int i = 0; i < 200; ++i) history.add(record("p" + std::to_string(i), "success", i));
  EXPECT_EQ(history.all().size(), FailoverHistory::kKept);
}

class RecordFileTest : public testing::Test {
 protected:
  RecordFileTest() : path_(testing::TempDir() + "records." + std::to_string(::getpid())) {
    std::filesystem::remove(path_);
  }
  ~RecordFileTest() override { std::filesystem::remove(path_); }

  PosixFileSystem fs_;
  const std::string path_;
};

TEST_F(RecordFileTest, KeepsRecordsAcrossRestarts) {
  FailoverHistory history;
  RecordFile file(fs_, path_);
  EXPECT_TRUE(file.load().empty());
  for (int i = 0; i < 100; ++i) {
    history.add(record("m", "success", i));
    file.append(history.all().back(), history.all());
  }
  std::ofstream(path_, std::ios::app) << "not a record\n{\"master\":\"m\"}\n[1]\n{\"epoch";
  const auto loaded = RecordFile(fs_, path_).load();
  EXPECT_LE(loaded.size(), 2 * FailoverHistory::kKeptOfOnePrimary);
  FailoverHistory restored;
  restored.restore(loaded);
  const FailoverRecord back = restored.of("m").at(0), meant = history.of("m").at(0);
  EXPECT_EQ(restored.of("m").size(), history.of("m").size());
  EXPECT_EQ(back.started_unix_ms, 99);
  EXPECT_EQ(back.epoch, meant.epoch);
  EXPECT_EQ(back.to, meant.to);
  EXPECT_EQ(back.duration, Nanos(140'000'000));
  EXPECT_EQ(back.unavailable, meant.unavailable);
  EXPECT_EQ(back.began("sdown"), Millis(-3));
  EXPECT_EQ(back.candidates.at(0).offset, 12345678901234567890u);
  EXPECT_EQ(back.candidates.at(0).verdict, "chosen");
  SentinelFacts facts;
  restored.fill(facts);
  EXPECT_TRUE(facts.failovers.empty());  // earlier runs count in no metric
}

TEST_F(RecordFileTest, DoesWithoutAFileThatCannotBeWritten) {
  RecordFile file(fs_, "/proc/nothing/here");
  EXPECT_TRUE(file.load().empty());
  FailoverHistory history;
  history.add(record("m", "success"));
  file.append(history.all().back(), history.all());
}

}  // namespace
}  // namespace holdfast::sentinel
