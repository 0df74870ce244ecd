// What is written down of a failover.
#include "common/hello/hello.h"
#include "tests/unit/sentinel/core/harness.h"

namespace holdfast::sentinel::test {
namespace {

using namespace std::chrono_literals;

std::string verdict(const std::vector<CandidateVerdict>& candidates, const Endpoint& address) {
  for (const CandidateVerdict& candidate : candidates) {
    if (candidate.address == address) return candidate.verdict;
  }
  return "unknown";
}

TEST(FailoverRecords, HoldPhasesCandidatesAndTheOutcome) {
  UsualHarness harness;
  harness.server(kReplica2).offset = 200;
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until(
      [&] { return harness.noticed("+failover-state-select-slave") || harness.noticed("+failover-end"); }, 3s));
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+failover-end"); }, 5s));
  ASSERT_EQ(harness.records.size(), 1u);
  const FailoverRecord& record = harness.records[0];
  EXPECT_EQ(record.primary, "mymaster");
  EXPECT_EQ(record.epoch, Epoch{5});
  EXPECT_TRUE(record.leader);
  EXPECT_EQ(record.trigger, "crash");
  EXPECT_EQ(record.result, "success");
  EXPECT_EQ(record.from, kPrimary);
  EXPECT_EQ(record.to, kReplica2);
  ASSERT_TRUE(record.unavailable);
  EXPECT_GE(*record.unavailable, 1000ms);
  EXPECT_LE(*record.unavailable, 1300ms);
  Nanos last = -2000ms;
  for (const char* phase : {"sdown", "odown", "wait_start", "select_slave", "send_slaveof_noone", "wait_promotion",
                            "reconf_slaves", "end"}) {
    ASSERT_TRUE(record.began(phase)) << phase;
    EXPECT_GE(*record.began(phase), last) << phase;
    last = *record.began(phase);
  }
  EXPECT_EQ(*record.began("wait_start"), Nanos(0));
  EXPECT_EQ(record.duration, last);
  EXPECT_EQ(verdict(record.candidates, kReplica2), "chosen");
  EXPECT_EQ(verdict(record.candidates, kReplica1), "lower-offset");
  EXPECT_FALSE(harness.core.open_failover("mymaster", harness.now));
}

TEST(FailoverRecords, TellWhyNobodyWasFit) {
  UsualHarness harness;
  harness.server(kReplica1).priority = 0;
  harness.kill(kReplica2);
  harness.run_for(12s);
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("-failover-abort-no-good-slave"); }, 5s));
  ASSERT_EQ(harness.records.size(), 1u);
  EXPECT_EQ(harness.records[0].result, "no_good_replica");
  EXPECT_FALSE(harness.records[0].to);
  EXPECT_EQ(verdict(harness.records[0].candidates, kReplica1), "priority-zero");
  EXPECT_EQ(verdict(harness.records[0].candidates, kReplica2), "down");
}

TEST(FailoverRecords, AnotherSentinelsFailoverIsKnownByItsOutcome) {
  UsualHarness harness;
  harness.perform(harness.core.hello_published(format_hello({.sentinel = kPeer1,
                                                             .run_id = id('b'),
                                                             .current_epoch = 9,
                                                             .primary_name = "mymaster",
                                                             .primary = kReplica1,
                                                             .config_epoch = 9}),
                                               harness.now));
  ASSERT_EQ(harness.records.size(), 1u);
  EXPECT_FALSE(harness.records[0].leader);
  EXPECT_EQ(harness.records[0].epoch, Epoch{9});
  EXPECT_EQ(harness.records[0].from, kPrimary);
  EXPECT_EQ(harness.records[0].to, kReplica1);
  EXPECT_EQ(harness.records[0].trigger, "unknown");
}

TEST(FailoverRecords, ACampaignThatIsOvertakenIsSuperseded) {
  UsualHarness harness;
  for (const Endpoint& peer : {kPeer1, kPeer2}) {
    harness.server(peer).answer = [](const Request&) {
      return Reply::array({Reply::number(1), Reply::bulk("*"), Reply::number(0)});
    };
  }
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+try-failover"); }, 5s));
  const std::string before = harness.notices.back();
  if (harness.records.empty()) {
    ASSERT_TRUE(harness.core.open_failover("mymaster", harness.now)) << before;
    EXPECT_EQ(harness.core.open_failover("mymaster", harness.now)->result, "");
    EXPECT_EQ(harness.core.remove("mymaster", harness.now).actions.records.at(0).result, "superseded");
  } else {
    EXPECT_EQ(harness.records[0].result, "not_elected");
  }
}

TEST(FailoverRecords, WhoWouldBePromotedNowIsToldAtAnyTime) {
  UsualHarness harness;
  harness.server(kReplica1).priority = 50;
  harness.run_for(12s);
  const auto candidates = harness.core.candidates("mymaster", harness.now);
  ASSERT_TRUE(candidates);
  EXPECT_EQ(verdict(*candidates, kReplica1), "chosen");
  EXPECT_EQ(verdict(*candidates, kReplica2), "lower-priority");
  EXPECT_FALSE(harness.core.candidates("nope", harness.now));
}

}  // namespace
}  // namespace holdfast::sentinel::test
