// SENTINEL FAILOVER where the primary hands over; what happens when it does not; who leads when the leader is gone.
#include "tests/unit/sentinel/core/harness.h"

namespace holdfast::sentinel::test {
namespace {

using namespace std::chrono_literals;
using OnFailover = FakeServer::OnFailover;

struct HandoverTest : testing::Test {
  HandoverTest() {
    for (const Endpoint& peer : {kPeer1, kPeer2}) {
      harness.server(peer).answer = [](const Request& request) {
        return ballot(false, request.candidate.value_or(id('b')), request.epoch.value);
      };
    }
    harness.server(kReplica1).offset = 200;  // the best
  }

  std::string failover(const FailoverOrder& order = {}) {
    auto outcome = harness.core.failover("mymaster", order, harness.now);
    harness.perform(std::move(outcome.actions));
    return outcome.result ? "OK" : outcome.result.error().text;
  }
  bool until(const char* notice, Nanos limit = 5s) {
    return harness.run_until([&] { return harness.noticed(notice); }, limit);
  }
  size_t promotions(const Endpoint& address) {
    size_t n = 0;
    for (const Request& request : harness.server(address).received) {
      n += request.kind == Request::Kind::change_role && request.target.host.empty() ? 1 : 0;
    }
    return n;
  }

  UsualHarness harness;
};

TEST_F(HandoverTest, ThePrimaryHandsOverAndTheConfigurationFollowsAtOnce) {
  harness.run_for(10s);  // the offsets are known
  const Instant ordered = harness.now;
  ASSERT_EQ(failover(), "OK");
  ASSERT_TRUE(until("+switch-master mymaster 10.0.0.1 6379 10.0.0.2 6379"));
  EXPECT_LE(harness.now - ordered, 5ms);
  const Request* order = harness.server(kPrimary).last(Request::Kind::hand_over);
  ASSERT_TRUE(order);
  EXPECT_EQ(commands_of(*order),
            (std::vector<std::vector<std::string>>{{"FAILOVER", "TO", "10.0.0.2", "6379", "TIMEOUT", "2000"}}));
  ASSERT_TRUE(until("+failover-end master"));
  size_t last = 0;
  for (const char* step : {"+try-failover master", "+elected-leader master", "+selected-slave slave 10.0.0.2:6379",
                           "+failover-state-send-failover slave", "+failover-state-wait-promotion slave",
                           "+promoted-slave slave", "+failover-state-reconf-slaves master", "+switch-master"}) {
    const size_t at = harness.index_of(step);
    ASSERT_LT(at, harness.notices.size()) << step;
    EXPECT_GE(at, last) << step;
    last = at;
  }
  EXPECT_FALSE(harness.noticed("+failover-state-send-slaveof-noone"));
  EXPECT_EQ(harness.saved_state->primaries[0].config_epoch, Epoch{5});
  EXPECT_EQ(harness.server(kReplica2).follows, kReplica1);
}

TEST_F(HandoverTest, BothNodesWriteTheirNewRoleDownAndDropTheirClients) {
  ASSERT_EQ(failover({.target = kReplica1}), "OK");
  ASSERT_TRUE(until("+failover-end master"));
  EXPECT_EQ(promotions(kReplica1), 1u);
  const Request* order = harness.server(kPrimary).last(Request::Kind::change_role);
  ASSERT_TRUE(order);
  EXPECT_EQ(order->target, kReplica1);
}

TEST_F(HandoverTest, NoHelloGoesToThePrimaryWhileItHoldsWritesBack) {
  harness.server(kPrimary).on_failover = OnFailover::hangs;
  ASSERT_EQ(failover({.coordinated = true}), "OK");
  ASSERT_TRUE(harness.server(kPrimary).last(Request::Kind::hand_over));
  const size_t before = harness.server(kPrimary).count(Request::Kind::publish_hello);
  auto outcome = harness.core.set_globals({.announce_port = 1}, harness.now);  // makes everybody be told
  harness.perform(std::move(outcome.actions));
  harness.run_for(200ms);
  EXPECT_EQ(harness.server(kPrimary).count(Request::Kind::publish_hello), before);
  harness.run_for(3s);
  EXPECT_GT(harness.server(kPrimary).count(Request::Kind::publish_hello), before);
}

TEST_F(HandoverTest, ToNamesTheReplica) {
  EXPECT_EQ(failover({.target = Endpoint{"10.0.0.9", 6379}}), "ERR No such replica with that address");
  EXPECT_EQ(failover({.target = kPrimary}), "ERR No such replica with that address");
  harness.kill(kReplica2);
  EXPECT_EQ(failover({.target = kReplica2}), "NOGOODSLAVE No suitable replica to promote");
  harness.server(kReplica2).refuses = false;
  harness.run_for(3s);
  ASSERT_EQ(failover({.target = kReplica2}), "OK");
  ASSERT_TRUE(until("+switch-master mymaster 10.0.0.1 6379 10.0.0.3 6379"));
}

TEST_F(HandoverTest, OldNodesArePromotedWithoutIt) {
  for (const Endpoint& node : {kPrimary, kReplica1, kReplica2}) harness.server(node).version = "6.0.16";
  harness.run_for(11s);
  EXPECT_EQ(failover({.coordinated = true}),
            "ERR No coordinated failover: the master is down, or it or the replica does not support FAILOVER");
  ASSERT_EQ(failover(), "OK");
  ASSERT_TRUE(until("+switch-master"));
  EXPECT_EQ(harness.server(kPrimary).count(Request::Kind::hand_over), 0u);
  EXPECT_TRUE(harness.noticed("+failover-state-send-slaveof-noone"));
}

TEST_F(HandoverTest, ADeadPrimaryIsNotAsked) {
  for (const Endpoint& peer : {kPeer1, kPeer2}) harness.server(peer).silent = true;  // nobody helps to fail over
  harness.kill(kPrimary);
  harness.run_for(2s);
  EXPECT_NE(failover({.coordinated = true}), "OK");
  EXPECT_EQ(harness.server(kPrimary).count(Request::Kind::hand_over), 0u);
}

TEST_F(HandoverTest, ARefusalIsFollowedByAnOrdinaryPromotionUnlessAskedOtherwise) {
  harness.server(kPrimary).on_failover = OnFailover::refuses;
  ASSERT_EQ(failover({.coordinated = true}), "OK");
  EXPECT_TRUE(
      harness.noticed("-failover-abort-coordinated master mymaster 10.0.0.1 6379 NOPERM this user has no permissions"));
  EXPECT_EQ(harness.core.primary_address("mymaster"), kPrimary);
  EXPECT_EQ(harness.server(kPrimary).count(Request::Kind::keep_role), 0u);

  ASSERT_EQ(failover(), "OK");
  ASSERT_TRUE(until("+switch-master"));
  EXPECT_TRUE(harness.noticed("-failover-state-send-failover slave 10.0.0."));
  EXPECT_EQ(harness.server(kPrimary).count(Request::Kind::keep_role), 1u);
  EXPECT_EQ(harness.server(kPrimary).follows, *harness.core.primary_address("mymaster"));
}

TEST_F(HandoverTest, OneThatTakesTooLongIsStopped) {
  harness.server(kPrimary).on_failover = OnFailover::hangs;
  ASSERT_EQ(failover({.coordinated = true}), "OK");
  ASSERT_TRUE(until("-failover-abort-coordinated master mymaster 10.0.0.1 6379 timeout"));
  EXPECT_EQ(harness.server(kPrimary).count(Request::Kind::keep_role), 1u);
  EXPECT_EQ(harness.core.primary_address("mymaster"), kPrimary);
  EXPECT_TRUE(harness.server(kPrimary).is_primary);

  ASSERT_EQ(failover(), "OK");
  ASSERT_TRUE(until("+switch-master"));
  EXPECT_TRUE(harness.noticed(
      "-failover-state-send-failover slave 10.0.0.2:6379 10.0.0.2 6379 @ mymaster 10.0.0.1 6379 timeout"));
  EXPECT_EQ(harness.server(kPrimary).count(Request::Kind::keep_role), 2u);
}

TEST_F(HandoverTest, ItsTargetsDeathLeavesThePrimaryAsItWas) {
  harness.server(kPrimary).on_failover = OnFailover::hangs;
  ASSERT_EQ(failover({.target = kReplica1}), "OK");
  harness.kill(kReplica1);
  ASSERT_TRUE(until("-failover-abort-slave-timeout", 500ms));
  EXPECT_EQ(harness.server(kPrimary).count(Request::Kind::keep_role), 1u);
  EXPECT_EQ(promotions(kReplica2), 0u);
  EXPECT_EQ(harness.core.primary_address("mymaster"), kPrimary);
}

TEST_F(HandoverTest, ThePrimarysDeathInTheMiddleIsAFailoverToTheTarget) {
  harness.server(kPrimary).on_failover = OnFailover::hangs;
  ASSERT_EQ(failover({.target = kReplica1}), "OK");
  harness.kill(kPrimary);
  ASSERT_TRUE(until("+switch-master mymaster 10.0.0.1 6379 10.0.0.2 6379", 500ms));
  EXPECT_EQ(promotions(kReplica1), 1u);
}

TEST_F(HandoverTest, AnAnswerLostWithItsConnectionDoesNotMatter) {
  harness.server(kPrimary).on_failover = OnFailover::hangs;
  ASSERT_EQ(failover({.target = kReplica1}), "OK");
  harness.disconnect(kPrimary);
  harness.run_for(50ms);
  harness.server(kPrimary).is_primary = false;
  harness.server(kPrimary).follows = kReplica1;
  harness.server(kReplica1).is_primary = true;
  ASSERT_TRUE(until("+switch-master mymaster 10.0.0.1 6379 10.0.0.2 6379", 10ms));
}

// Whoever ordered it is gone: this sentinel gave its vote, and hears nothing more.
TEST_F(HandoverTest, OneThatNobodyLeadsIsMadeTheConfiguration) {
  ASSERT_EQ(harness.ask({kPrimary, Epoch{9}, id('b')}).leader, id('b'));
  harness.server(kPrimary).is_primary = false;
  harness.server(kPrimary).follows = kReplica2;
  harness.server(kReplica2).is_primary = true;
  const Instant done = harness.now;
  ASSERT_TRUE(until("+switch-master mymaster 10.0.0.1 6379 10.0.0.3 6379"));
  EXPECT_LE(harness.now - done, 2s);
  EXPECT_EQ(harness.saved_state->primaries[0].config_epoch, Epoch{10});
  ASSERT_TRUE(until("+failover-end master"));
  EXPECT_EQ(harness.server(kReplica1).follows, kReplica2);
  EXPECT_FALSE(harness.noticed("+sdown"));
}

TEST_F(HandoverTest, AHandoverThatTheLeaderReportsInTimeIsNotTakenFromIt) {
  harness.run_for(11s);
  ASSERT_EQ(harness.ask({kPrimary, Epoch{9}, id('b')}).leader, id('b'));
  harness.server(kPrimary).is_primary = false;
  harness.server(kPrimary).follows = kReplica2;
  harness.server(kReplica2).is_primary = true;
  harness.run_for(300ms);
  harness.perform(
      harness.core.hello_published("10.0.1.1,26379," + id('b').str() + ",9,mymaster,10.0.0.3,6379,9", harness.now));
  harness.run_for(5s);
  EXPECT_EQ(harness.core.primary_address("mymaster"), kReplica2);
  EXPECT_FALSE(harness.noticed("+try-failover"));
}

TEST_F(HandoverTest, AnUnfinishedOneIsNotTakenForAChange) {
  harness.server(kPrimary).is_primary = false;  // it has stepped down, but nobody has stepped up
  harness.server(kPrimary).follows = kReplica2;
  harness.run_for(4s);
  EXPECT_FALSE(harness.noticed("+try-failover"));
}

TEST_F(HandoverTest, AFormerPrimaryThatWillNotStepDownYetIsToldAgainSoon) {
  harness.server(kPrimary).on_failover = OnFailover::goes_back;
  harness.server(kPrimary).refuses_role = true;
  ASSERT_EQ(failover({.target = kReplica1}), "OK");
  ASSERT_TRUE(until("+switch-master"));
  harness.run_for(200ms);
  const size_t refused = harness.server(kPrimary).count(Request::Kind::change_role);
  harness.server(kPrimary).refuses_role = false;
  ASSERT_TRUE(harness.run_until([&] { return !harness.server(kPrimary).is_primary; }, 1s));
  EXPECT_GT(harness.server(kPrimary).count(Request::Kind::change_role), refused);
  EXPECT_EQ(harness.server(kPrimary).follows, kReplica1);
}

}  // namespace
}  // namespace holdfast::sentinel::test
