#include "node/replication/failover.h"

#include <gtest/gtest.h>

#include "common/base/text.h"

namespace holdfast::node {
namespace {

using Act = Failover::Step::Act;

constexpr Millis kPatience{60000};

Result<FailoverRequest> parse(std::string_view line) {
  const auto words = split(line, ' ');
  return parse_failover(line.empty() ? std::span<const std::string_view>() : std::span<const std::string_view>(words));
}

ReplicaRow row(uint16_t port, int64_t offset, std::string_view state = "online") {
  return {.ip = "10.0.0.1", .port = port, .state = state, .offset = offset};
}

class FailoverTest : public testing::Test {
 protected:
  Result<> start(std::string_view line, const std::vector<ReplicaRow>& rows) { return failover_.start(*parse(line), false, rows, now_); }
  Failover::Step poll(int64_t offset, const std::vector<ReplicaRow>& rows) {
    return failover_.poll(now_, kPatience, offset, rows);
  }
  // Two requests for acknowledgement of 37 bytes each behind `offset`.
  void ask(int64_t offset) {
    EXPECT_EQ(poll(offset, {row(1, 0), row(2, 0)}).act, Act::ask);
    failover_.asked(offset + 37, offset + 74);
  }

  Failover failover_;
  Instant now_{Seconds(1000)};
};

TEST(FailoverArguments, AreTakenInAnyOrder) {
  const auto request = parse("TIMEOUT 500 force to 10.0.0.1 6380");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->target, (Endpoint{"10.0.0.1", 6380}));
  EXPECT_TRUE(request->force);
  EXPECT_EQ(request->timeout, Millis(500));
  EXPECT_TRUE(parse("abort")->abort);
  EXPECT_FALSE(parse("")->target);
}

TEST(FailoverArguments, AreRefusedAsRedisRefusesThem) {
  for (const std::string_view line : {"to", "to a", "timeout", "what", "abort force", "force abort", "to a 1 to b 2", "force force"}) {
    const auto request = parse(line);
    ASSERT_FALSE(request) << line;
    EXPECT_EQ(request.error().text, "ERR syntax error") << line;
  }
  EXPECT_EQ(parse("timeout 0").error().text, "ERR FAILOVER timeout must be greater than 0");
  EXPECT_EQ(parse("timeout x").error().text, "ERR value is not an integer or out of range");
  EXPECT_EQ(parse("to a x").error().text, "ERR value is not an integer or out of range");
}

TEST_F(FailoverTest, StartsOnlyWhereItCanEnd) {
  EXPECT_EQ(start("", {}).error().text, "ERR FAILOVER requires connected replicas.");
  EXPECT_EQ(failover_.start({}, true, {row(1, 0)}, now_).error().text, "ERR FAILOVER is not valid when server is a replica.");
  EXPECT_EQ(start("force", {row(1, 0)}).error().text,
            "ERR FAILOVER with force option requires both a timeout and target HOST and IP.");
  EXPECT_EQ(start("to 10.0.0.1 9", {row(1, 0)}).error().text, "ERR FAILOVER target HOST and PORT is not a replica.");
  EXPECT_EQ(start("to 10.0.0.1 1", {row(1, 0, "send_bulk")}).error().text, "ERR FAILOVER target replica is not online.");
  EXPECT_EQ(failover_.state(), FailoverState::none);
  ASSERT_TRUE(start("", {row(1, 0)}));
  EXPECT_EQ(failover_.state(), FailoverState::waiting_for_sync);
  EXPECT_EQ(start("", {row(1, 0)}).error().text, "ERR FAILOVER already in progress.");
}

TEST_F(FailoverTest, HandsOverToTheFirstReplicaThatHasEverything) {
  ASSERT_TRUE(start("", {row(1, 0), row(2, 0)}));
  ask(1000);
  EXPECT_EQ(poll(1074, {row(1, 1000), row(2, 1036)}).act, Act::none);  // it has the data, but perhaps not the request
  EXPECT_EQ(poll(1074, {row(1, 1037, "send_bulk"), row(2, 1000)}).act, Act::none);
  const auto step = poll(1074, {row(1, 1000), row(2, 1037)});
  EXPECT_EQ(step.act, Act::hand_over);
  EXPECT_EQ(step.target, (Endpoint{"10.0.0.1", 2}));
  EXPECT_EQ(failover_.state(), FailoverState::in_progress);
  EXPECT_TRUE(failover_.wants_takeover());
}

TEST_F(FailoverTest, WaitsForItsTargetAlone) {
  ASSERT_TRUE(start("to 10.0.0.1 1", {row(1, 0), row(2, 0)}));
  ask(1000);
  EXPECT_EQ(poll(1074, {row(1, 1000), row(2, 1074)}).act, Act::none);
  EXPECT_EQ(poll(1074, {row(2, 1074)}).act, Act::none);  // it is gone, and may come back
  EXPECT_EQ(poll(1074, {row(1, 1074), row(2, 1074)}).target.port, 1);
}

TEST_F(FailoverTest, AsksAgainWhenSomethingWasWrittenAllTheSame) {
  ASSERT_TRUE(start("", {row(1, 0)}));
  ask(1000);
  ask(1200);
  EXPECT_EQ(poll(1274, {row(1, 1037)}).act, Act::none);
  EXPECT_EQ(poll(1274, {row(1, 1237)}).act, Act::hand_over);
}

TEST_F(FailoverTest, GivesUpAtItsTimeout) {
  ASSERT_TRUE(start("timeout 100", {row(1, 0)}));
  ask(1000);
  EXPECT_EQ(failover_.deadline(), now_ + Millis(100));
  now_ += Millis(100);
  const auto step = poll(1074, {row(1, 1000)});
  EXPECT_EQ(step.act, Act::give_up);
  EXPECT_FALSE(step.demoted);
  EXPECT_EQ(step.reason, "Replica never caught up before timeout");
  EXPECT_EQ(failover_.state(), FailoverState::none);
}

TEST_F(FailoverTest, IsForcedAtItsTimeout) {
  ASSERT_TRUE(start("to 10.0.0.1 1 timeout 100 force", {row(1, 0)}));
  ask(1000);
  now_ += Millis(100);
  const auto step = poll(1074, {});
  EXPECT_EQ(step.act, Act::hand_over);
  EXPECT_EQ(step.target.port, 1);
}

TEST_F(FailoverTest, IsThePrimaryAgainWhenTheTargetRefuses) {
  ASSERT_TRUE(start("", {row(1, 0)}));
  ask(0);
  poll(74, {row(1, 74)});
  failover_.takeover_asked();
  const auto step = failover_.refused("-ERR PSYNC FAILOVER can't be sent to a master.");
  EXPECT_EQ(step.act, Act::give_up);
  EXPECT_TRUE(step.demoted);
}

TEST_F(FailoverTest, FollowsATargetWhoseAnswerWasLost) {
  ASSERT_TRUE(start("", {row(1, 0)}));
  ask(0);
  poll(74, {row(1, 74)});
  failover_.takeover_asked();
  failover_.takeover_asked();  // over another connection
  EXPECT_EQ(failover_.refused("-ERR PSYNC FAILOVER can't be sent to a master.").act, Act::none);
  EXPECT_EQ(failover_.state(), FailoverState::in_progress);
  EXPECT_FALSE(failover_.wants_takeover());
  EXPECT_EQ(failover_.deadline(), Instant::max());
}

TEST_F(FailoverTest, GivesUpATargetThatCannotBeReached) {
  ASSERT_TRUE(start("", {row(1, 0)}));
  ask(0);
  poll(74, {row(1, 74)});
  now_ += kPatience - Millis(1);
  EXPECT_EQ(poll(74, {}).act, Act::none);
  now_ += Millis(1);
  const auto step = poll(74, {});
  EXPECT_EQ(step.act, Act::give_up);
  EXPECT_TRUE(step.demoted);
}

TEST_F(FailoverTest, WaitsForATargetThatWasAskedAndMayHaveTakenOver) {
  ASSERT_TRUE(start("", {row(1, 0)}));
  ask(0);
  poll(74, {row(1, 74)});
  failover_.takeover_asked();
  now_ += kPatience * 10;
  EXPECT_EQ(poll(74, {}).act, Act::none);
}

TEST_F(FailoverTest, IsAbortedInEitherState) {
  EXPECT_EQ(failover_.abort().error().text, "ERR No failover in progress.");
  ASSERT_TRUE(start("", {row(1, 0)}));
  EXPECT_FALSE(failover_.abort()->demoted);
  ASSERT_TRUE(start("", {row(1, 0)}));
  ask(0);
  poll(74, {row(1, 74)});
  EXPECT_TRUE(failover_.abort()->demoted);
  EXPECT_EQ(failover_.state(), FailoverState::none);
}

}  // namespace
}  // namespace holdfast::node
