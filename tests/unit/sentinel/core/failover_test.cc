// The failover itself, and the return of the old primary.
#include "tests/unit/sentinel/core/harness.h"

namespace holdfast::sentinel::test {
namespace {

using namespace std::chrono_literals;

TEST(Failover, EverythingHappensInTheMomentOfSdown) {
  UsualHarness harness;
  harness.server(kReplica2).offset = 200;
  harness.kill(kPrimary);
  const Instant killed = harness.now;
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+switch-master mymaster"); }, 3s));
  // Answers take no time here, so neither does the failover (this candidate's rank is 0, 1 or 2).
  EXPECT_LE(harness.now - killed, 1080ms);
  EXPECT_TRUE(harness.noticed("+switch-master mymaster 10.0.0.1 6379 10.0.0.3 6379"));
  EXPECT_TRUE(harness.server(kReplica2).is_primary);
  EXPECT_EQ(harness.core.primary_address("mymaster"), kReplica2);
  EXPECT_EQ(harness.saved_state->primaries[0].address, kReplica2);
  EXPECT_EQ(harness.saved_state->primaries[0].config_epoch, Epoch{5});
}

TEST(Failover, ReportsItsStepsInTheReferencesOrder) {
  UsualHarness harness;
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+failover-end"); }, 5s));
  const char* steps[] = {"+sdown master",       "+odown master",
                         "+new-epoch 5",        "+try-failover master mymaster 10.0.0.1 6379",
                         "+vote-for-leader",    "+elected-leader master mymaster 10.0.0.1 6379",
                         "+failover-state-select-slave master",
                         "+selected-slave slave 10.0.0.",
                         "+failover-state-send-slaveof-noone slave",
                         "+failover-state-wait-promotion slave",
                         "+promoted-slave slave",
                         "+failover-state-reconf-slaves master",
                         "+switch-master mymaster 10.0.0.1 6379",
                         "+slave slave",        "+slave-reconf-sent slave",
                         "+slave-reconf-inprog slave", "+slave-reconf-done slave",
                         "+failover-end master mymaster"};
  size_t last = 0;
  for (const char* step : steps) {
    const size_t at = harness.index_of(step);
    ASSERT_LT(at, harness.notices.size()) << step;
    EXPECT_GE(at, last) << step;
    last = at;
  }
}

TEST(Failover, TheOtherReplicaFollowsAndPeersHearAtOnce) {
  UsualHarness harness;
  harness.kill(kPrimary);
  for (auto& [address, server] : harness.servers) server.received.clear();
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+failover-end"); }, 5s));
  const Endpoint promoted = *harness.core.primary_address("mymaster");
  const Endpoint other = promoted == kReplica1 ? kReplica2 : kReplica1;
  EXPECT_EQ(harness.server(other).follows, promoted);
  for (const Endpoint& address : {kReplica1, kReplica2, kPeer1, kPeer2}) {
    const Request* hello = harness.server(address).last(Request::Kind::publish_hello);
    ASSERT_TRUE(hello);
    EXPECT_TRUE(hello->text.ends_with(",5,mymaster," + promoted.host + ",6379,5")) << hello->text;
  }
}

TEST(Failover, TheNewPrimaryIsShownHealthyAtOnce) {
  UsualHarness harness;
  harness.server(kReplica1).link_up = harness.server(kReplica2).link_up = false;  // the other replica is slow to follow
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+switch-master"); }, 3s));
  const auto fields = *harness.core.primary_fields("mymaster", harness.now);
  EXPECT_EQ(fields[4], (std::pair<std::string_view, std::string>("flags", "master")));
  EXPECT_EQ(harness.core.summaries()[0].failover_state, "reconf_slaves");
}

TEST(Failover, ParallelSyncsLimitsTheReplicasOnTheMove) {
  PersistentState state = usual_state();
  const Endpoint third{"10.0.0.4", 6379}, fourth{"10.0.0.5", 6379};
  state.primaries[0].replicas.push_back(third);
  state.primaries[0].replicas.push_back(fourth);
  UsualHarness harness(state);
  for (const Endpoint& address : {third, fourth}) harness.server(address).follows = kPrimary;
  harness.run_for(11s);
  harness.server(kReplica1).offset = 1000;
  harness.kill(kPrimary);
  for (const Endpoint& address : {kReplica2, third, fourth}) harness.server(address).link_up = false;
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+slave-reconf-inprog"); }, 5s));
  harness.run_for(1s);
  EXPECT_EQ(harness.times_noticed("+slave-reconf-sent"), 1u);
  for (const Endpoint& address : {kReplica2, third, fourth}) harness.server(address).link_up = true;
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+failover-end"); }, 5s));
  EXPECT_EQ(harness.times_noticed("+slave-reconf-sent"), 3u);
  EXPECT_EQ(harness.times_noticed("+slave-reconf-done"), 3u);
}

TEST(Failover, EndsForTimeoutWhereAReplicaNeverFollows) {
  UsualHarness harness;
  harness.server(kReplica1).link_up = harness.server(kReplica2).link_up = false;
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+switch-master"); }, 3s));
  harness.run_for(5s);
  EXPECT_FALSE(harness.noticed("+failover-end"));
  harness.run_for(2s);
  EXPECT_TRUE(harness.noticed("+failover-end-for-timeout"));
  EXPECT_TRUE(harness.noticed("+failover-end master"));
}

TEST(Failover, WithoutAReplicaItIsTriedOnceThenWhenOneTurnsUp) {
  UsualHarness harness;
  harness.kill(kReplica1);
  harness.kill(kReplica2);
  harness.run_for(2s);
  harness.kill(kPrimary);
  harness.run_for(8s);
  EXPECT_EQ(harness.times_noticed("-failover-abort-no-good-slave master mymaster"), 1u);
  harness.server(kReplica2).refuses = false;
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+switch-master"); }, 3s));
}

// The votes of a sentinel without peers are counted before its state is on the disk, the replicas asked after.
TEST(Failover, TheWaitForOffsetsDoesNotCountTheTimeOfTheDisk) {
  PersistentState alone = usual_state();
  alone.primaries[0].settings.quorum = 1;
  alone.primaries[0].sentinels.clear();
  UsualHarness harness(std::move(alone));
  harness.run_for(4s);  // what INFO told by then is old at the death
  harness.server(kReplica2).offset = 200;
  harness.save_time = 330ms;
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+switch-master mymaster"); }, 4s));
  EXPECT_FALSE(harness.noticed("-failover-abort-no-good-slave"));
  EXPECT_EQ(harness.core.primary_address("mymaster"), kReplica2);
}

TEST(Failover, ARefusedOrderIsRepeatedUntilTheTimeout) {
  UsualHarness harness;
  harness.server(kReplica1).refuses_role = harness.server(kReplica2).refuses_role = true;
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+failover-state-wait-promotion"); }, 3s));
  harness.run_for(3500ms);
  EXPECT_GE(harness.server(kReplica1).count(Request::Kind::change_role) +
                harness.server(kReplica2).count(Request::Kind::change_role),
            3u);
  EXPECT_FALSE(harness.noticed("+promoted-slave"));
  harness.run_for(3s);
  EXPECT_TRUE(harness.noticed("-failover-abort-slave-timeout"));
}

TEST(Failover, AnOrderWhoseAnswerWasLostIsRecognizedByInfo) {
  UsualHarness harness;
  for (const Endpoint& address : {kReplica1, kReplica2}) {
    harness.server(address).ping = Reply::status("PONG");
    harness.server(address).refuses_role = true;
  }
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+failover-state-wait-promotion"); }, 3s));
  const Endpoint chosen =
      harness.server(kReplica1).count(Request::Kind::change_role) > 0 ? kReplica1 : kReplica2;
  harness.server(chosen).is_primary = true;  // it did obey
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+promoted-slave"); }, 2s));
  EXPECT_EQ(harness.core.primary_address("mymaster"), chosen);
}

TEST(Failover, ADyingChoiceIsGivenUpForAnother) {
  UsualHarness harness;
  harness.server(kReplica1).offset = 500;
  harness.kill(kPrimary);
  harness.run_for(500ms);
  harness.server(kReplica1).refuses_role = true;
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+failover-state-wait-promotion"); }, 3s));
  harness.kill(kReplica1);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+switch-master"); }, 4s));
  EXPECT_EQ(harness.core.primary_address("mymaster"), kReplica2);
}

TEST(Failover, TheReturningOldPrimaryBecomesAReplica) {
  UsualHarness harness;
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+failover-end"); }, 5s));
  const Endpoint promoted = *harness.core.primary_address("mymaster");
  EXPECT_TRUE(harness.noticed("+sdown slave 10.0.0.1:6379 10.0.0.1 6379 @ mymaster"));
  harness.run_for(10s);
  harness.server(kPrimary).refuses = false;
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+convert-to-slave slave 10.0.0.1:6379"); }, 10s));
  EXPECT_EQ(harness.server(kPrimary).follows, promoted);
  EXPECT_FALSE(harness.server(kPrimary).is_primary);
}

TEST(Failover, ConfirmedConfigurationsConvertSooner) {
  UsualHarness harness;
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+failover-end"); }, 5s));
  const Endpoint promoted = *harness.core.primary_address("mymaster");
  harness.run_for(3s);
  harness.server(kPrimary).refuses = false;
  const Instant back = harness.now;
  const auto hello_of_peer = [&] {
    harness.perform(harness.core.hello_published(
        "10.0.1.1,26379," + id('b').str() + ",5,mymaster," + promoted.host + ",6379,5", harness.now));
  };
  harness.run_for(1500ms);
  hello_of_peer();
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+convert-to-slave"); }, 10s));
  EXPECT_LE(harness.now - back, 3s);
}

TEST(Failover, AReplicaOfTheWrongPrimaryIsFixed) {
  UsualHarness harness;
  harness.server(kReplica1).follows = {"10.0.0.77", 6379};
  harness.run_for(9s);
  EXPECT_FALSE(harness.noticed("+fix-slave-config"));
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+fix-slave-config slave 10.0.0.2:6379"); }, 15s));
  EXPECT_EQ(harness.server(kReplica1).follows, kPrimary);
}

TEST(Failover, ByOrderItNeedsNoDownPrimaryButTheVotes) {
  UsualHarness harness;
  for (const Endpoint& peer : {kPeer1, kPeer2}) {
    harness.server(peer).answer = [](const Request& request) {
      return ballot(false, request.candidate.value_or(id('b')), request.epoch.value);
    };
  }
  auto outcome = harness.core.failover("mymaster", {}, harness.now);
  ASSERT_TRUE(outcome.result) << outcome.result.error().text;
  harness.perform(std::move(outcome.actions));
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+failover-end"); }, 3s));
  EXPECT_FALSE(harness.noticed("+sdown"));
  const Endpoint promoted = *harness.core.primary_address("mymaster");
  EXPECT_EQ(harness.server(kPrimary).follows, promoted);  // the old primary, alive, is demoted at once
}

TEST(Failover, ByOrderWithoutVotesItIsNotMade) {
  UsualHarness harness;
  for (const Endpoint& peer : {kPeer1, kPeer2}) harness.server(peer).silent = true;
  auto outcome = harness.core.failover("mymaster", {}, harness.now);
  ASSERT_TRUE(outcome.result);
  harness.perform(std::move(outcome.actions));
  EXPECT_EQ(harness.core.failover("mymaster", {}, harness.now).result.error().text,
            "INPROG Failover already in progress");
  harness.run_for(12s);
  EXPECT_TRUE(harness.noticed("-failover-abort-not-elected"));
  EXPECT_EQ(harness.core.primary_address("mymaster"), kPrimary);
}

TEST(Failover, ASecondDeathIsHandledAtOnce) {
  UsualHarness harness;
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+failover-end"); }, 5s));
  const Endpoint first = *harness.core.primary_address("mymaster");
  harness.run_for(1s);
  harness.kill(first);
  const Instant killed = harness.now;
  ASSERT_TRUE(harness.run_until([&] { return harness.times_noticed("+switch-master") == 2; }, 5s));
  EXPECT_LE(harness.now - killed, 1080ms);  // perhaps not the first of the candidates this time
  EXPECT_EQ(harness.saved_state->primaries[0].config_epoch, Epoch{6});
}

TEST(Failover, AReturningPrimaryIsReportedToChangeItsRoleAndBack) {
  UsualHarness harness;
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+failover-end"); }, 5s));
  harness.server(kPrimary).refuses = false;
  harness.run_for(20s);
  const size_t lost = harness.index_of("-role-change slave 10.0.0.1:6379 10.0.0.1 6379 @ mymaster");
  ASSERT_LT(lost, harness.notices.size());
  EXPECT_TRUE(harness.notices[lost].ends_with(" new reported role is master"));
  EXPECT_GT(harness.index_of("+role-change slave 10.0.0.1:6379 10.0.0.1 6379 @ mymaster"), lost);
  EXPECT_TRUE(harness.noticed("+role-change slave 10.0.0.1:6379 10.0.0.1 6379 @ mymaster"));
}

}  // namespace
}  // namespace holdfast::sentinel::test
