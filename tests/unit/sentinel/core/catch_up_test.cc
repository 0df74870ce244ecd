// What peers are asked for: by a restarted sentinel before clients are answered, and before a returning primary is told
// to step down.
#include "tests/unit/sentinel/core/harness.h"

namespace holdfast::sentinel::test {
namespace {

using namespace std::chrono_literals;

struct CatchUp : ::testing::Test {
  PersistentState state = usual_state();
  std::unique_ptr<Harness> harness;

  CatchUp() {
    state.primaries[0].config_epoch = Epoch{3};
    make();
  }
  void make() {
    harness = std::make_unique<Harness>(state);
    script_usual(*harness);
  }
  void peer_says(const Endpoint& peer, const Endpoint& address, uint64_t epoch, uint64_t voted = 0) {
    harness->server(peer).configured = {address, epoch, voted};
  }
  bool catching_up() const { return harness->core.catching_up(harness->now); }
  Endpoint named() const { return *harness->core.primary_address("mymaster"); }
};

TEST_F(CatchUp, WithoutPeersItAnswersAtOnce) {
  state.primaries[0].sentinels.clear();
  make();
  harness->start();
  EXPECT_FALSE(catching_up());
}

TEST_F(CatchUp, TheNewestAnswerHolds) {
  peer_says(kPeer1, kReplica1, 5);
  peer_says(kPeer2, kPrimary, 2);  // stale itself
  harness->start();
  EXPECT_FALSE(catching_up());
  EXPECT_EQ(named(), kReplica1);
  EXPECT_TRUE(harness->noticed("+config-update-from"));
  EXPECT_EQ(harness->saved_state->primaries[0].config_epoch, Epoch{5});
}

TEST_F(CatchUp, APeerThatSaysNothingIsWaitedForASecond) {
  peer_says(kPeer1, kPrimary, 3);
  harness->server(kPeer2).silent = true;
  harness->start();
  harness->run_for(999ms);
  EXPECT_TRUE(catching_up());
  harness->run_for(1ms);
  EXPECT_FALSE(catching_up());
  EXPECT_EQ(named(), kPrimary);
}

TEST_F(CatchUp, APeerThatIsGoneIsNotWaitedFor) {
  peer_says(kPeer1, kPrimary, 3);
  harness->server(kPeer2).refuses = true;
  harness->start();
  EXPECT_FALSE(catching_up());
}

TEST_F(CatchUp, APeerThatKnowsNoSuchPrimaryHasAnswered) {
  harness->start();
  EXPECT_FALSE(catching_up());
  EXPECT_EQ(named(), kPrimary);
}

TEST_F(CatchUp, NonsenseChangesNothing) {
  peer_says(kPeer1, {"10.0.0.2", 0}, 9);
  peer_says(kPeer2, kReplica1, (uint64_t{1} << 62) + 1);
  harness->start();
  EXPECT_EQ(named(), kPrimary);
}

TEST_F(CatchUp, OnlyOnceAfterAStart) {
  harness->start();
  harness->run_for(5s);
  const size_t asked = harness->server(kPeer1).count(Request::Kind::ask_configuration);
  EXPECT_EQ(asked, 1u);
  harness->disconnect(kPeer1);
  harness->run_for(5s);
  EXPECT_EQ(harness->server(kPeer1).count(Request::Kind::ask_configuration), asked);
}

// A replica restarts as the primary that it once was.
struct ReturningPrimary : CatchUp {
  void comes_back(
      uint64_t voted, const std::function<void()>& but = [] {}) {
    harness->start();
    harness->run_for(3s);
    peer_says(kPeer1, kPrimary, 3, voted);
    peer_says(kPeer2, kPrimary, 3, voted);
    but();
    harness->server(kReplica1).is_primary = true;
    harness->disconnect(kReplica1);
  }
  bool told_within(Nanos limit) {
    return harness->run_until([&] { return harness->noticed("+convert-to-slave slave 10.0.0.2:6379"); }, limit);
  }
};

TEST_F(ReturningPrimary, IsToldAtOnceWhereAMajorityConfirms) {
  comes_back(3);
  EXPECT_TRUE(told_within(300ms));
}

TEST_F(ReturningPrimary, IsLeftAloneWhileAnElectionMayHaveMadeItOne) {
  comes_back(4);
  EXPECT_FALSE(told_within(7s));
  EXPECT_TRUE(told_within(2s));
}

TEST_F(ReturningPrimary, IsLeftAloneWhereTheOthersHaveNotConfirmed) {
  harness->server(kPeer2).silent = true;
  comes_back(3, [&] { peer_says(kPeer1, kReplica2, 2, 3); });
  EXPECT_FALSE(told_within(7s));
}

TEST_F(ReturningPrimary, OneAnswerMakesAMajorityOfThree) {
  harness->server(kPeer2).silent = true;
  comes_back(3);
  EXPECT_TRUE(told_within(300ms));
}

// A real sentinel that was ordered to fail over asks nobody.
TEST_F(ReturningPrimary, IsLeftAloneWhileAnotherSentinelIsAtWork) {
  comes_back(3, [&] { harness->server(kPeer2).configured->flags = "master,failover_in_progress,force_failover"; });
  EXPECT_FALSE(told_within(1900ms));
}

TEST_F(ReturningPrimary, EveryLivingPeerMustAnswer) {
  comes_back(3, [&] { harness->server(kPeer2).configured.reset(); });
  EXPECT_FALSE(told_within(1900ms));
}

TEST_F(ReturningPrimary, IsLeftAloneIfWeVotedSince) {
  state.primaries[0].leader_epoch = Epoch{4};
  make();
  comes_back(3);
  EXPECT_FALSE(told_within(7s));
}

TEST_F(ReturningPrimary, OurPrimaryMustStillSayThatItIsOne) {
  harness->start();
  harness->run_for(3s);
  peer_says(kPeer1, kPrimary, 3);
  peer_says(kPeer2, kPrimary, 3);
  harness->server(kPrimary).is_primary = false;  // FAILOVER by hand, from node to node
  harness->server(kPrimary).follows = kReplica1;
  harness->server(kReplica1).is_primary = true;
  harness->disconnect(kReplica1);
  EXPECT_FALSE(told_within(5s));
}

}  // namespace
}  // namespace holdfast::sentinel::test
