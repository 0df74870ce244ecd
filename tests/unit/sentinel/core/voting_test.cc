// Votes given (what a peer's ask gets) and votes asked for.
#include "tests/unit/sentinel/core/harness.h"

namespace holdfast::sentinel::test {
namespace {

using namespace std::chrono_literals;

TEST(Voting, AVoteIsSavedBeforeItIsAnswered) {
  UsualHarness harness;
  const BallotAnswer answer = harness.ask({kPrimary, Epoch{9}, id('b')});
  EXPECT_TRUE(harness.last_ask_saved_first);
  EXPECT_EQ(answer.leader, id('b'));
  EXPECT_EQ(answer.leader_epoch, Epoch{9});
  EXPECT_EQ(harness.saved_state->primaries[0].leader_epoch, Epoch{9});
  EXPECT_EQ(harness.saved_state->current_epoch, Epoch{9});
  EXPECT_TRUE(harness.noticed("+new-epoch 9"));
  EXPECT_TRUE(harness.noticed("+vote-for-leader " + id('b').str() + " 9"));
}

TEST(Voting, OneVoteForEachEpoch) {
  UsualHarness harness;
  harness.ask({kPrimary, Epoch{9}, id('b')});
  const BallotAnswer second = harness.ask({kPrimary, Epoch{9}, id('c')});
  EXPECT_EQ(second.leader, id('b'));  // the vote that was given
  EXPECT_EQ(harness.ask({kPrimary, Epoch{8}, id('c')}).leader, id('b'));
  EXPECT_EQ(harness.ask({kPrimary, Epoch{10}, id('c')}).leader, id('c'));
}

TEST(Voting, AskingForTheStateGivesNoVote) {
  UsualHarness harness;
  const BallotAnswer answer = harness.ask({kPrimary, Epoch{9}, std::nullopt});
  EXPECT_FALSE(answer.down);
  EXPECT_FALSE(answer.leader);
  EXPECT_FALSE(harness.last_ask_saved_first);
  EXPECT_EQ(harness.core.current_epoch(), Epoch{4});
}

TEST(Voting, NoVoteForAnAddressThatIsNotThePrimary) {
  UsualHarness harness;
  EXPECT_FALSE(harness.ask({kReplica1, Epoch{9}, id('b')}).leader);
  EXPECT_FALSE(harness.ask({{"1.2.3.4", 1}, Epoch{9}, id('b')}).leader);
}

TEST(Voting, AfterARestartTheEpochIsSpent) {
  UsualHarness before;
  before.ask({kPrimary, Epoch{9}, id('b')});
  UsualHarness after(*before.saved_state);
  const BallotAnswer answer = after.ask({kPrimary, Epoch{9}, id('c')});
  EXPECT_FALSE(answer.leader);  // it knows that it voted, not for whom
  EXPECT_EQ(answer.leader_epoch, Epoch{9});
}

TEST(Voting, NoVoteLeavesIfItCannotBeSaved) {
  UsualHarness harness;
  harness.save_fails = true;
  EXPECT_FALSE(harness.ask({kPrimary, Epoch{9}, id('b')}).leader);
  EXPECT_FALSE(harness.ask({kPrimary, Epoch{9}, id('b')}).leader);  // also not from memory
  harness.save_fails = false;
  EXPECT_EQ(harness.ask({kPrimary, Epoch{9}, id('b')}).leader, id('b'));
  EXPECT_EQ(harness.saved_state->primaries[0].leader_epoch, Epoch{9});
}

TEST(Voting, NonsenseEpochsAreIgnored) {
  UsualHarness harness;
  EXPECT_FALSE(harness.ask({kPrimary, Epoch{UINT64_MAX}, id('b')}).leader);
  EXPECT_EQ(harness.core.current_epoch(), Epoch{4});
}

TEST(Voting, AVoterLeavesTheLeaderItsTime) {
  UsualHarness harness;
  harness.kill(kPrimary);
  harness.run_for(500ms);
  harness.ask({kPrimary, Epoch{5}, id('b')});
  harness.run_for(4s);
  EXPECT_TRUE(harness.noticed("+odown"));
  EXPECT_FALSE(harness.noticed("+try-failover"));
  EXPECT_TRUE(harness.run_until([&] { return harness.noticed("+try-failover"); }, 10s));
}

TEST(Voting, AVoterWaitsNoLongerForADeadLeader) {
  UsualHarness harness;
  harness.kill(kPrimary);
  harness.run_for(500ms);
  harness.ask({kPrimary, Epoch{5}, id('b')});
  harness.kill(kPeer1);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+try-failover"); }, 3s));
}

TEST(Voting, ACandidateAsksInItsOwnEpochAlsoWhenTheSharedOneMovesOn) {
  UsualHarness harness;
  // The peers see it down but hold their votes back.
  for (const Endpoint& peer : {kPeer1, kPeer2}) {
    harness.server(peer).answer = [](const Request&) {
      return Reply::array({Reply::number(1), Reply::bulk("*"), Reply::number(0)});
    };
  }
  harness.server(kPeer2).silent = true;
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+try-failover"); }, 3s));
  ASSERT_TRUE(harness.core.current_epoch() == Epoch{5});
  harness.perform(harness.core.hello_published(
      "10.0.1.2,26379," + id('c').str() + ",40,mymaster,10.0.0.1,6379,0", harness.now));
  EXPECT_EQ(harness.core.current_epoch(), Epoch{40});
  harness.server(kPeer2).silent = false;
  harness.server(kPeer2).received.clear();
  harness.server(kPeer2).answer = [](const Request& request) {
    return ballot(true, request.candidate.value_or(id('c')), request.epoch.value);
  };
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+elected-leader"); }, 3s));
  EXPECT_EQ(harness.server(kPeer2).last(Request::Kind::ask_master_down)->epoch, Epoch{5});
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+switch-master"); }, 3s));
  EXPECT_EQ(harness.saved_state->primaries[0].config_epoch, Epoch{5});
}

TEST(Voting, ASplitVoteIsTriedAgainSoonInANewEpoch) {
  UsualHarness harness;
  int asks = 0;
  for (const Endpoint& peer : {kPeer1, kPeer2}) {
    const RunId own = peer == kPeer1 ? id('b') : id('c');
    harness.server(peer).answer = [&asks, own](const Request& request) {
      if (!request.candidate) return Reply::array({Reply::number(1), Reply::bulk("*"), Reply::number(0)});
      // In epoch 5 each voted for itself; later epochs are free.
      ++asks;
      return ballot(true, request.epoch == Epoch{5} ? own : *request.candidate, request.epoch.value);
    };
  }
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("-failover-abort-not-elected"); }, 3s));
  const Instant lost = harness.now;
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+elected-leader"); }, 3s));
  EXPECT_LE(harness.now - lost, 300ms);
  EXPECT_EQ(harness.saved_state->primaries[0].leader_epoch, Epoch{6});
}

TEST(Voting, ASplitVoteDoesNotWaitForASentinelThatIsGone) {
  UsualHarness harness;
  harness.server(kPeer1).answer = [](const Request& request) {
    if (!request.candidate) return Reply::array({Reply::number(1), Reply::bulk("*"), Reply::number(0)});
    return ballot(true, request.epoch == Epoch{5} ? id('b') : *request.candidate, request.epoch.value);
  };
  harness.kill(kPeer2);
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+try-failover"); }, 3s));
  const Instant began = harness.now;
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+elected-leader"); }, 20s));
  EXPECT_LE(harness.now - began, 300ms);
  EXPECT_EQ(harness.saved_state->primaries[0].leader_epoch, Epoch{6});
}

TEST(Voting, ALeaderAtWorkKeepsItsVote) {
  UsualHarness harness;
  harness.server(kReplica1).refuses_role = harness.server(kReplica2).refuses_role = true;
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+failover-state-wait-promotion"); }, 3s));
  EXPECT_EQ(harness.ask({kPrimary, Epoch{6}, id('b')}).leader, id('a'));
}

TEST(Voting, APrimaryThatReturnsEndsTheCampaign) {
  UsualHarness harness;
  for (const Endpoint& peer : {kPeer1, kPeer2}) {
    harness.server(peer).answer = [](const Request& request) {
      return Reply::array({Reply::number(request.candidate ? 1 : 1), Reply::bulk("*"), Reply::number(0)});
    };
  }
  harness.server(kPeer2).silent = true;
  harness.server(kPrimary).silent = true;
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+try-failover"); }, 3s));
  harness.server(kPrimary).silent = false;
  harness.run_for(1s);
  EXPECT_TRUE(harness.noticed("-failover-abort-not-elected"));
  EXPECT_EQ(harness.core.primary_address("mymaster"), kPrimary);
  EXPECT_FALSE(harness.noticed("+elected-leader"));
}

}  // namespace
}  // namespace holdfast::sentinel::test
