// SDOWN, ODOWN, links and stalls, as one sentinel lives them.
#include <algorithm>
#include <set>

#include "tests/unit/sentinel/core/harness.h"

namespace holdfast::sentinel::test {
namespace {

using namespace std::chrono_literals;

TEST(Detection, ConnectsAndPingsAtOnce) {
  Harness harness(usual_state());
  script_usual(harness);
  harness.start();
  EXPECT_TRUE(harness.noticed("+monitor master mymaster 10.0.0.1 6379 quorum 2"));
  EXPECT_EQ(harness.connects.size(), 3u * 2 + 2);  // two links for each node, one for each peer
  EXPECT_EQ(harness.server(kPrimary).count(Request::Kind::ping), 1u);
  EXPECT_EQ(harness.server(kPrimary).count(Request::Kind::info), 1u);
  EXPECT_EQ(harness.server(kPrimary).count(Request::Kind::publish_hello), 1u);
  EXPECT_EQ(harness.server(kPeer1).count(Request::Kind::ping), 1u);
  EXPECT_EQ(harness.connects[0].client_name, "sentinel-aaaaaaaa-cmd");
}

TEST(Detection, PingsEachTenthOfDownAfter) {
  UsualHarness harness;
  harness.server(kPrimary).received.clear();
  harness.run_for(10s);
  const size_t pings = harness.server(kPrimary).count(Request::Kind::ping);
  EXPECT_GE(pings, 94u);  // five hellos and an INFO may stand for one each
  EXPECT_LE(pings, 99u);
  EXPECT_GE(harness.server(kPrimary).received.size(), 100u);
  EXPECT_EQ(ping_period_of(Millis(30000), {}), Millis(1000));
  EXPECT_EQ(ping_period_of(Millis(50), {}), Millis(20));
}

PersistentState state_with(Millis down_after) {
  PersistentState state = usual_state();
  state.primaries[0].settings.down_after = down_after;
  return state;
}

// Long periods end at multiples of 50 ms, early rather than late, and are not shortened by that for good.
TEST(Detection, SendsToManyNodesAtTheSameMoments) {
  UsualHarness harness{state_with(30s)};
  harness.server(kReplica1).received.clear();
  std::set<Instant> sent;
  const Instant end = harness.now + 20s;
  while (harness.core.next_deadline() < end) {
    harness.run_for(harness.core.next_deadline() - harness.now);
    sent.insert(harness.now);
  }
  for (const Instant at : sent) EXPECT_EQ(at.time_since_epoch() % 50ms, Nanos(0));
  const size_t requests = harness.server(kReplica1).received.size();  // the last of them may be due at the end itself
  EXPECT_TRUE(requests == 19 || requests == 20) << requests;
}

TEST(Detection, AnAnswerToAHelloOrAnInfoCountsAsLife) {
  UsualHarness harness{state_with(30s)};
  harness.server(kPrimary).received.clear();
  harness.run_for(20s);
  // Each second one of: ten hellos, two INFO (some at the moment of a hello), PINGs for the rest.
  EXPECT_LE(harness.server(kPrimary).count(Request::Kind::ping), 10u);
  EXPECT_GE(harness.server(kPrimary).received.size(), 20u);
  harness.server(kPrimary).ping = Reply::error("ERR something");
  harness.run_for(60s);
  EXPECT_FALSE(harness.noticed("+sdown master"));  // it took hellos all along
}

// Periods that have got out of step fall together again: one request a second, and none later than its period.
TEST(Detection, AHelloOrAnInfoTakesThePlaceOfAPing) {
  PersistentState state = state_with(30s);
  UsualHarness harness{state};
  harness.run_for(300ms);
  harness.disconnect(kPrimary);
  harness.run_for(20s);
  harness.server(kPrimary).received.clear();
  harness.run_for(20s);
  EXPECT_LE(harness.server(kPrimary).received.size(), 22u);  // each INFO may leave beside a hello
  EXPECT_EQ(harness.server(kPrimary).count(Request::Kind::publish_hello), 10u);
  EXPECT_GE(harness.server(kPrimary).count(Request::Kind::info), 2u);
}

TEST(Detection, WhoRefusesAHelloOrAnInfoIsAskedByPing) {
  UsualHarness harness{state_with(2s)};
  for (const Endpoint& node : {kPrimary, kReplica1, kReplica2}) {
    harness.server(node).refuses_hellos = harness.server(node).refuses_info = true;
    harness.server(node).received.clear();
  }
  harness.run_for(20s);
  EXPECT_FALSE(harness.noticed("+sdown"));
  for (const Endpoint& node : {kPrimary, kReplica1}) EXPECT_GE(harness.server(node).count(Request::Kind::ping), 98u);
  harness.server(kPrimary).ping = Reply::error("ERR something");
  harness.run_for(3s);
  EXPECT_TRUE(harness.noticed("+sdown master"));
}

TEST(Detection, APubsubLinkWithoutOurHelloIsGivenUp) {
  UsualHarness harness;
  const auto connects = [&](const Endpoint& address) {
    return std::ranges::count_if(harness.connects, [&](const ConnectLink& connect) {
      return connect.address == address && connect.kind == LinkKind::pubsub;
    });
  };
  // Nothing is heard on any here: after three periods of the hellos, which are longer on a replica, they are renewed.
  const auto primary = connects(kPrimary), replica = connects(kReplica1);
  harness.run_for(7s);
  EXPECT_EQ(connects(kPrimary), primary + 1);
  EXPECT_EQ(connects(kReplica1), replica);
  harness.run_for(24s);
  EXPECT_EQ(connects(kReplica1), replica + 1);
}

TEST(Detection, SilenceCountsFromTheLastGoodReply) {
  UsualHarness harness;
  const Instant last_ok = harness.now;  // a ping was answered within the last 100 ms
  harness.server(kPrimary).silent = true;
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+sdown master mymaster"); }, 2s));
  EXPECT_LE(harness.now, last_ok + 1000ms);
  EXPECT_GE(harness.now, last_ok + 900ms);
}

TEST(Detection, AClosedConnectionAloneIsNotDown) {
  UsualHarness harness;
  for (int i = 0; i < 20; ++i) {
    harness.disconnect(kPrimary);
    harness.run_for(300ms);
  }
  EXPECT_FALSE(harness.noticed("+sdown"));
}

TEST(Detection, ARefusedReconnectDoesNotRestartTheCount) {
  UsualHarness harness;
  harness.kill(kPrimary);
  const Instant killed = harness.now;
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+sdown master mymaster"); }, 2s));
  EXPECT_LE(harness.now - killed, 1000ms);
}

TEST(Detection, LoadingIsAlive) {
  UsualHarness harness;
  harness.server(kPrimary).ping = Reply::error("LOADING Redis is loading the dataset in memory");
  harness.run_for(5s);
  EXPECT_FALSE(harness.noticed("+sdown"));
  harness.server(kPrimary).ping = Reply::error("NOAUTH Authentication required.");
  harness.run_for(1100ms);
  EXPECT_TRUE(harness.noticed("+sdown master mymaster"));
}

TEST(Detection, TheFirstGoodReplyEndsIt) {
  UsualHarness harness;
  for (const Endpoint& peer : {kPeer1, kPeer2}) harness.server(peer).answer = nullptr;  // they do not agree
  harness.server(kPrimary).silent = true;
  harness.run_for(1500ms);
  ASSERT_TRUE(harness.noticed("+sdown master"));
  EXPECT_FALSE(harness.noticed("+odown"));
  harness.server(kPrimary).silent = false;
  harness.run_for(200ms);
  EXPECT_TRUE(harness.noticed("-sdown master mymaster 10.0.0.1 6379"));
}

TEST(Detection, PeersAreAskedInTheMomentOfSdown) {
  UsualHarness harness;
  EXPECT_EQ(harness.server(kPeer1).count(Request::Kind::ask_master_down), 0u);
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+sdown master"); }, 2s));
  EXPECT_GE(harness.server(kPeer1).count(Request::Kind::ask_master_down), 1u);
  EXPECT_TRUE(harness.noticed("+odown master mymaster 10.0.0.1 6379 #quorum 2/2"));  // in the same moment
}

TEST(Detection, QuorumNeedsAnswersThatAreFresh) {
  PersistentState state = usual_state();
  state.primaries[0].settings.quorum = 3;
  UsualHarness harness(state);
  harness.server(kPeer2).silent = true;
  harness.kill(kPrimary);
  harness.run_for(4s);
  EXPECT_TRUE(harness.noticed("+sdown master"));
  EXPECT_FALSE(harness.noticed("+odown"));
}

TEST(Detection, APeersQuestionIsAnsweredByAQuestion) {
  UsualHarness harness;
  for (const Endpoint& peer : {kPeer1, kPeer2}) harness.server(peer).answer = nullptr;
  harness.kill(kPrimary);
  harness.run_for(1200ms);
  ASSERT_FALSE(harness.noticed("+odown"));
  script_usual(harness);  // now the peer sees it too: it asks us
  harness.server(kPrimary).refuses = true;
  harness.ask({kPrimary, Epoch{4}, std::nullopt});
  EXPECT_TRUE(harness.noticed("+odown master"));
}

TEST(Detection, APrimaryThatCallsItselfReplicaGoesDown) {
  UsualHarness harness;
  harness.server(kPrimary).is_primary = false;
  harness.server(kPrimary).follows = kReplica1;
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+sdown master"); }, 20s));
  EXPECT_TRUE(harness.noticed("-role-change master mymaster 10.0.0.1 6379 new reported role is slave"));
}

TEST(Detection, AHungConnectionIsReplaced) {
  PersistentState state = usual_state();
  state.primaries[0].settings.down_after = Millis(60000);
  UsualHarness harness(state);
  harness.run_for(20s);
  const size_t before = harness.connects.size();
  harness.server(kPrimary).silent = true;
  harness.run_for(35s);
  EXPECT_GT(harness.connects.size(), before);
  EXPECT_FALSE(harness.noticed("+sdown"));
}

TEST(Detection, OwnStallIsNotThePeersFault) {
  UsualHarness harness;
  harness.now += 1500ms;  // the driver slept through its deadline
  harness.perform(harness.core.advance(harness.now));
  EXPECT_FALSE(harness.noticed("+sdown"));
  EXPECT_FALSE(harness.noticed("+tilt"));
}

TEST(Detection, ALongStallMeansTilt) {
  UsualHarness harness;
  harness.now += 5s;
  harness.perform(harness.core.advance(harness.now));
  EXPECT_TRUE(harness.noticed("+tilt #tilt mode entered"));
  harness.kill(kPrimary);
  harness.run_for(10s);
  EXPECT_FALSE(harness.noticed("+sdown"));  // it watches, and does not act
  EXPECT_FALSE(harness.ask({kPrimary, Epoch{4}, std::nullopt}).down);
  EXPECT_TRUE(harness.core.tilt_since(harness.now));
  harness.run_for(21s);
  EXPECT_TRUE(harness.noticed("-tilt #tilt mode exited"));
  EXPECT_TRUE(harness.noticed("+sdown master"));
}

TEST(Detection, ARebootIsReported) {
  UsualHarness harness;
  harness.disconnect(kPrimary);
  harness.run_for(500ms);
  EXPECT_FALSE(harness.noticed("+reboot"));
}

// A node that loads takes messages and answers INFO: only a PONG says that it serves again.
TEST(Detection, APrimaryThatLoadsAfterARestartIsDownAfterThePeriodForThat) {
  PersistentState state = usual_state();
  state.primaries[0].settings.down_after = Millis(60000);
  state.primaries[0].settings.reboot_down_after = Millis(5000);
  UsualHarness harness(state);
  harness.server(kPrimary).run_id = std::string(40, '1');
  harness.run_for(15s);
  harness.server(kPrimary).run_id = std::string(40, '2');
  harness.server(kPrimary).ping = Reply::error("LOADING Redis is loading the dataset in memory");
  harness.disconnect(kPrimary);
  EXPECT_TRUE(harness.run_until([&] { return harness.noticed("+sdown master"); }, 20s));
}

TEST(Detection, NoSaveMeansNoVoteAndARetry) {
  UsualHarness harness;
  harness.save_fails = true;
  harness.kill(kPrimary);
  harness.run_for(2s);
  ASSERT_TRUE(harness.noticed("+try-failover"));
  EXPECT_EQ(harness.server(kPeer1).last(Request::Kind::ask_master_down)->candidate, std::nullopt);
  EXPECT_FALSE(harness.noticed("+elected-leader"));
  EXPECT_TRUE(harness.noticed("-failover-abort-not-elected"));
  harness.save_fails = false;
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+switch-master"); }, 5s));
}

}  // namespace
}  // namespace holdfast::sentinel::test
