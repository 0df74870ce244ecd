// fast-down: which evidence of a crash counts without waiting for down-after, and which does not.
#include "tests/unit/sentinel/core/harness.h"

namespace holdfast::sentinel::test {
namespace {

using namespace std::chrono_literals;

PersistentState fast_state() {
  PersistentState state = usual_state();
  state.primaries[0].settings.down_after = Millis(5000);
  state.primaries[0].settings.fast_down = true;
  return state;
}

struct FastDown : ::testing::Test {
  UsualHarness harness{fast_state()};
  void replicas_lose_it() {
    for (const Endpoint& replica : {kReplica1, kReplica2}) harness.server(replica).link_up = false;
  }
  bool down_within(Nanos limit) {
    return harness.run_until([&] { return harness.noticed("+sdown master mymaster"); }, limit);
  }
};

TEST_F(FastDown, RefusedAndLostByItsReplicasIsDownAtOnce) {
  replicas_lose_it();
  harness.kill(kPrimary);
  EXPECT_TRUE(harness.noticed("+sdown master mymaster"));
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+switch-master"); }, 200ms));
}

TEST_F(FastDown, ReplicasAreAskedUntilTheyKnow) {
  harness.kill(kPrimary);
  EXPECT_FALSE(down_within(50ms));
  EXPECT_GE(harness.server(kReplica1).count(Request::Kind::info), 5u);
  replicas_lose_it();
  EXPECT_TRUE(down_within(10ms));
}

TEST_F(FastDown, WithoutTheSettingDownAfterCounts) {
  PersistentState state = fast_state();
  state.primaries[0].settings.fast_down = false;
  UsualHarness other(state);
  for (const Endpoint& replica : {kReplica1, kReplica2}) other.server(replica).link_up = false;
  other.kill(kPrimary);
  other.run_for(4s);
  EXPECT_FALSE(other.noticed("+sdown master"));
}

// The replicas may say so of an earlier quarrel; only what they say since it refuses counts, and all of them must.
TEST_F(FastDown, OneReplicaThatStillHasItsLinkIsAgainstIt) {
  harness.server(kReplica1).link_up = false;
  harness.kill(kPrimary);
  harness.run_for(4s);
  EXPECT_FALSE(harness.noticed("+sdown master"));
  EXPECT_LE(harness.server(kReplica2).count(Request::Kind::info), 260u);  // the hurry ends after a second
}

TEST_F(FastDown, AReplicaThatIsGoneItselfIsNotAsked) {
  harness.kill(kReplica1);
  harness.run_for(1s);
  harness.server(kReplica2).link_up = false;
  harness.kill(kPrimary);
  EXPECT_TRUE(harness.noticed("+sdown master mymaster"));
}

TEST_F(FastDown, WithoutAnyReplicaToBearWitnessDownAfterCounts) {
  replicas_lose_it();
  harness.kill(kReplica1);
  harness.kill(kReplica2);
  harness.kill(kPrimary);
  harness.run_for(4s);
  EXPECT_FALSE(harness.noticed("+sdown master"));
}

TEST_F(FastDown, ALinkThatIsLostAndNotRefusedIsNoCrash) {
  replicas_lose_it();
  harness.server(kPrimary).vanished = true;
  harness.kill(kPrimary);
  harness.run_for(4s);
  EXPECT_FALSE(harness.noticed("+sdown master"));
}

TEST_F(FastDown, NeverConnectedIsNoCrash) {
  Harness fresh(fast_state());
  script_usual(fresh);
  fresh.server(kPrimary).refuses = true;
  for (const Endpoint& replica : {kReplica1, kReplica2}) fresh.server(replica).link_up = false;
  fresh.start();
  fresh.run_for(4s);
  EXPECT_FALSE(fresh.noticed("+sdown master"));
}

TEST_F(FastDown, ADecisionStillNeedsTheQuorum) {
  for (const Endpoint& peer : {kPeer1, kPeer2}) {
    harness.server(peer).answer = [](const Request&) {
      return Reply::array({Reply::number(0), Reply::bulk("*"), Reply::number(0)});
    };
  }
  replicas_lose_it();
  harness.kill(kPrimary);
  harness.run_for(4s);
  EXPECT_TRUE(harness.noticed("+sdown master mymaster"));
  EXPECT_FALSE(harness.noticed("+odown"));
}

TEST_F(FastDown, APrimaryThatIsBackIsUpAgain) {
  for (const Endpoint& peer : {kPeer1, kPeer2}) {
    harness.server(peer).answer = [](const Request&) {
      return Reply::array({Reply::number(0), Reply::bulk("*"), Reply::number(0)});
    };
  }
  replicas_lose_it();
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.noticed("+sdown master mymaster"));
  harness.server(kPrimary).refuses = false;
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("-sdown master mymaster"); }, 2s));
}

TEST_F(FastDown, IsSetAndShown) {
  const auto shown = [&] {
    const auto fields = *harness.core.primary_fields("mymaster", harness.now);
    return fields.back().first == "fast-down";
  };
  EXPECT_TRUE(shown());
  const std::vector<std::string> off{"fast-down", "no"}, wrong{"fast-down", "maybe"};
  auto outcome = harness.core.set("mymaster", off, harness.now);
  EXPECT_TRUE(outcome.result);
  harness.perform(std::move(outcome.actions));
  EXPECT_FALSE(harness.saved_state->primaries[0].settings.fast_down);
  EXPECT_FALSE(shown());
  EXPECT_EQ(harness.core.set("mymaster", wrong, harness.now).result.error().text,
            "ERR Invalid argument 'maybe' for SENTINEL SET 'fast-down'");
}

}  // namespace
}  // namespace holdfast::sentinel::test
