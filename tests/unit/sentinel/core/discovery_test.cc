// Hellos: other sentinels, and their configurations.
#include <set>

#include "common/hello/hello.h"
#include "sentinel/core/host_names.h"
#include "tests/unit/sentinel/core/harness.h"

namespace holdfast::sentinel::test {
namespace {

using namespace std::chrono_literals;

std::string hello(const Endpoint& sentinel, const RunId& run_id, uint64_t epoch, const Endpoint& primary,
                  uint64_t config_epoch, const std::string& name = "mymaster") {
  return sentinel.host + "," + std::to_string(sentinel.port) + "," + run_id.str() + "," + std::to_string(epoch) + "," +
         name + "," + primary.host + "," + std::to_string(primary.port) + "," + std::to_string(config_epoch);
}

struct Discovery : ::testing::Test {
  UsualHarness harness;
  void hear(const std::string& text) { harness.perform(harness.core.hello_published(text, harness.now)); }
  size_t peers() { return harness.core.sentinel_fields("mymaster", harness.now)->size(); }
};

const Endpoint kNew{"10.0.1.9", 26379};

TEST_F(Discovery, AddsASentinelAndSavesIt) {
  hear(hello(kNew, id('d'), 4, kPrimary, 0));
  EXPECT_TRUE(harness.noticed("+sentinel sentinel " + id('d').str() + " 10.0.1.9 26379 @ mymaster 10.0.0.1 6379"));
  EXPECT_EQ(peers(), 3u);
  harness.run_for(1ms);
  EXPECT_EQ(harness.saved_state->primaries[0].sentinels.size(), 3u);
  EXPECT_GE(harness.server(kNew).count(Request::Kind::ping), 1u);
}

TEST_F(Discovery, IgnoresItselfAndStrangers) {
  const int saves = harness.saves;
  hear(hello(kNew, id('a'), 99, kPrimary, 99));
  hear(hello(kNew, id('d'), 99, kPrimary, 99, "other"));
  hear("nonsense");
  hear(hello(kNew, id('d'), UINT64_MAX, kPrimary, 3));
  EXPECT_EQ(peers(), 2u);
  EXPECT_EQ(harness.core.current_epoch(), Epoch{4});
  EXPECT_EQ(harness.saves, saves);
}

TEST_F(Discovery, TheSameIdAtANewAddressMoves) {
  hear(hello(kNew, id('b'), 4, kPrimary, 0));
  EXPECT_TRUE(harness.noticed("+sentinel-address-switch master mymaster 10.0.0.1 6379 ip 10.0.1.9 port 26379 for " +
                              id('b').str()));
  EXPECT_EQ(peers(), 2u);
  EXPECT_GE(harness.server(kNew).count(Request::Kind::ping), 1u);
}

TEST_F(Discovery, ANewIdAtAKnownAddressReplaces) {
  hear(hello(kPeer1, id('d'), 4, kPrimary, 0));
  EXPECT_EQ(peers(), 2u);
  EXPECT_TRUE(harness.noticed("+sentinel-invalid-addr sentinel " + id('b').str()));
  EXPECT_TRUE(harness.noticed("+sentinel sentinel " + id('d').str()));
}

TEST_F(Discovery, AdoptsANewerEpoch) {
  hear(hello(kPeer1, id('b'), 12, kPrimary, 0));
  EXPECT_EQ(harness.core.current_epoch(), Epoch{12});
  EXPECT_EQ(harness.saved_state->current_epoch, Epoch{12});
  hear(hello(kPeer1, id('b'), 11, kPrimary, 0));
  EXPECT_EQ(harness.core.current_epoch(), Epoch{12});
}

TEST_F(Discovery, AdoptsAStrictlyNewerConfiguration) {
  hear(hello(kPeer1, id('b'), 5, kReplica2, 5));
  EXPECT_TRUE(harness.noticed("+config-update-from sentinel " + id('b').str() +
                              " 10.0.1.1 26379 @ mymaster 10.0.0.1 6379"));
  EXPECT_TRUE(harness.noticed("+switch-master mymaster 10.0.0.1 6379 10.0.0.3 6379"));
  EXPECT_EQ(harness.core.primary_address("mymaster"), kReplica2);
  EXPECT_EQ(harness.saved_state->primaries[0].config_epoch, Epoch{5});
  EXPECT_EQ(harness.core.replica_fields("mymaster", harness.now)->size(), 2u);
  hear(hello(kPeer2, id('c'), 5, kReplica1, 5));  // the same epoch: not newer
  EXPECT_EQ(harness.core.primary_address("mymaster"), kReplica2);
}

TEST_F(Discovery, ANewPrimaryAtAnUnknownAddressIsTaken) {
  hear(hello(kPeer1, id('b'), 5, {"10.0.0.200", 7000}, 5));
  EXPECT_EQ(harness.core.primary_address("mymaster"), (Endpoint{"10.0.0.200", 7000}));
  EXPECT_EQ(harness.core.replica_fields("mymaster", harness.now)->size(), 3u);
}

// Where names are not resolved; else the conf file could not be read back.
TEST_F(Discovery, WhatIsSaidToBeAtAHostNameIsNotTaken) {
  const size_t sentinels = peers();
  hear(hello(kPeer1, id('b'), 9, {"nohost", 7000}, 9));
  EXPECT_FALSE(harness.noticed("+switch-master"));
  EXPECT_EQ(harness.core.primary_address("mymaster"), kPrimary);
  EXPECT_EQ(harness.core.current_epoch(), Epoch{9}) << "of an election, wherever its primary is";
  hear(hello({"nohost", 26379}, id('d'), 4, kPrimary, 0));
  hear(hello({"nohost", 26379}, id('b'), 4, kPrimary, 0));
  EXPECT_EQ(peers(), sentinels);
  EXPECT_FALSE(harness.noticed("+sentinel-address-switch"));
  harness.server(kPrimary).replicas.push_back({"somename", 6379});
  harness.run_for(11s);
  EXPECT_FALSE(harness.noticed("+slave slave somename"));
  harness.perform(harness.core.flush_config(harness.now).actions);
  const PersistentPrimary& saved = harness.saved_state->primaries[0];
  EXPECT_EQ(saved.address, kPrimary);
  EXPECT_EQ(saved.replicas, (std::vector<Endpoint>{kReplica1, kReplica2}));
  for (const KnownSentinel& known : saved.sentinels) EXPECT_TRUE(is_ip_address(known.address.host)) << known.address.host;
}

TEST_F(Discovery, ANewerConfigurationEndsOurOwnFailover) {
  harness.server(kReplica1).refuses_role = harness.server(kReplica2).refuses_role = true;
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+failover-state-wait-promotion"); }, 3s));
  hear(hello(kPeer1, id('b'), 8, kReplica2, 8));
  EXPECT_EQ(harness.core.summaries()[0].failover_state, "none");
  EXPECT_EQ(harness.core.primary_address("mymaster"), kReplica2);
}

// The primary was moved away and back by others: their newest configuration names it again.
TEST_F(Discovery, ANewerConfigurationOfTheSamePrimaryEndsOurOwnFailoverToo) {
  harness.server(kReplica1).refuses_role = harness.server(kReplica2).refuses_role = true;
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+failover-state-wait-promotion"); }, 3s));
  hear(hello(kPeer1, id('b'), 8, kPrimary, 8));
  EXPECT_TRUE(harness.noticed("+config-update-from sentinel " + id('b').str()));
  EXPECT_FALSE(harness.noticed("+switch-master"));
  EXPECT_NE(harness.core.summaries()[0].failover_state, "wait_promotion");
  harness.server(kReplica1).refuses_role = harness.server(kReplica2).refuses_role = false;
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+switch-master"); }, 20s));  // it is down all the same
  EXPECT_GT(harness.saved_state->primaries[0].config_epoch, Epoch{8});
}

TEST_F(Discovery, FindsReplicasInThePrimarysInfo) {
  const Endpoint added{"10.0.0.50", 6379};
  harness.server(added).follows = kPrimary;
  harness.server(kPrimary).replicas.push_back(added);
  harness.run_for(11s);
  EXPECT_TRUE(harness.noticed("+slave slave 10.0.0.50:6379 10.0.0.50 6379 @ mymaster 10.0.0.1 6379"));
  EXPECT_EQ(harness.saved_state->primaries[0].replicas.size(), 3u);
}

TEST_F(Discovery, AnnouncesTheConfiguredAddress) {
  Globals globals;
  globals.announce_ip = "203.0.113.7";
  globals.announce_port = 5000;
  harness.perform(harness.core.set_globals(globals, harness.now).actions);
  EXPECT_TRUE(harness.server(kPrimary).last(Request::Kind::publish_hello)->text.starts_with("203.0.113.7,5000,"));
}

// The more primaries, the more is gathered for one save: 200 ms for 400 of them.
TEST(Discoveries, AreSavedTogetherWhereManyPrimariesAreWatched) {
  PersistentState state = usual_state();
  for (int i = 1; i < 400; ++i) {
    PersistentPrimary& primary = state.primaries.emplace_back();
    primary.name = "p" + std::to_string(i);
    primary.address = {"10.1.0.1", static_cast<uint16_t>(20000 + i)};
  }
  UsualHarness harness(state);
  const int saves = harness.saves;
  for (const char digit : {'d', 'e', 'f'}) {
    const Endpoint address{"10.0.2.1", static_cast<uint16_t>(26000 + digit)};
    harness.perform(harness.core.hello_published(hello(address, id(digit), 4, kPrimary, 0), harness.now));
    harness.run_for(50ms);
  }
  EXPECT_EQ(harness.saves, saves);
  harness.run_for(50ms);
  EXPECT_EQ(harness.saves, saves + 1);
  EXPECT_EQ(harness.saved_state->primaries[0].sentinels.size(), 5u);
  harness.run_for(5s);
  EXPECT_EQ(harness.saves, saves + 1);
}

TEST_F(Discovery, SavesWhatWasFoundBeforeAVoteThatMayDependOnIt) {
  const int saves = harness.saves;
  hear(hello(kNew, id('d'), 4, kPrimary, 0));
  EXPECT_EQ(harness.saves, saves);
  EXPECT_EQ(harness.ask({kPrimary, Epoch{9}, id('b')}).leader, id('b'));
  EXPECT_TRUE(harness.last_ask_saved_first);
  EXPECT_EQ(harness.saved_state->primaries[0].sentinels.size(), 3u);
  // The same vote again changes nothing, but it leaves.
  hear(hello({"10.0.1.10", 26379}, id('e'), 4, kPrimary, 0));
  EXPECT_EQ(harness.ask({kPrimary, Epoch{9}, id('b')}).leader, id('b'));
  EXPECT_EQ(harness.saved_state->primaries[0].sentinels.size(), 4u);
}

TEST_F(Discovery, SavesWhatWasFoundBeforeItAsksForVotes) {
  harness.server(kPeer1).answer = harness.server(kPeer2).answer = [](const Request& request) {
    return request.candidate ? Reply{} : ballot(true, id('f'), 0);  // down, and nothing of use about the election
  };
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+try-failover"); }, 3s));
  hear(hello(kNew, id('d'), 4, kPrimary, 0));  // it is asked for its vote at once
  ASSERT_EQ(harness.server(kNew).count(Request::Kind::ask_master_down), 1u);
  EXPECT_EQ(harness.saved_state->primaries[0].sentinels.size(), 3u);
}

TEST_F(Discovery, SavesWhatWasFoundAtAnOrderlyEnd) {
  harness.perform(harness.core.save_discoveries(harness.now));
  const int saves = harness.saves;
  hear(hello(kNew, id('d'), 4, kPrimary, 0));
  harness.perform(harness.core.save_discoveries(harness.now));
  EXPECT_EQ(harness.saves, saves + 1);
  EXPECT_EQ(harness.saved_state->primaries[0].sentinels.size(), 3u);
  harness.perform(harness.core.save_discoveries(harness.now));
  EXPECT_EQ(harness.saves, saves + 1);
}

TEST_F(Discovery, WhatWasFoundIsSavedAgainWhereTheSaveFailed) {
  harness.save_fails = true;
  hear(hello(kNew, id('d'), 4, kPrimary, 0));
  harness.run_for(700ms);
  harness.save_fails = false;
  harness.run_for(1s);
  EXPECT_EQ(harness.saved_state->primaries[0].sentinels.size(), 3u);
}

struct QuietHellos : Discovery {
  size_t hellos_to(const Endpoint& address) {
    const size_t count = harness.server(address).count(Request::Kind::publish_hello);
    harness.server(address).received.clear();
    return count;
  }
  void forget_all() {
    for (const Endpoint& address : {kPrimary, kReplica1, kReplica2, kPeer1, kPeer2}) hellos_to(address);
  }
};

TEST_F(QuietHellos, GoOutEachTwoSecondsOnThePrimaryAndNowAndThenElsewhereWhileAllIsWell) {
  forget_all();
  harness.run_for(20s);
  EXPECT_EQ(hellos_to(kPrimary), 10u);
  for (const Endpoint& other : {kReplica1, kPeer1}) {
    const size_t count = hellos_to(other);
    EXPECT_TRUE(count == 2 || count == 3) << count;
  }
}

TEST_F(QuietHellos, GoOutEachTwoSecondsEverywhereWhileThePrimaryIsAway) {
  harness.server(kPeer1).answer = harness.server(kPeer2).answer = {};  // they see it up
  harness.kill(kPrimary);
  harness.run_for(2s);
  forget_all();
  harness.run_for(10s);
  EXPECT_EQ(hellos_to(kReplica1), 5u);
  EXPECT_EQ(hellos_to(kPeer1), 5u);
}

TEST_F(QuietHellos, GoOutAtOnceWhenTheConfigurationChanges) {
  forget_all();
  hear(hello(kPeer1, id('b'), 5, kReplica2, 5));
  for (const Endpoint& everybody : {kPrimary, kReplica1, kReplica2, kPeer1, kPeer2}) EXPECT_EQ(hellos_to(everybody), 1u);
}

TEST_F(QuietHellos, GoEachTwoSecondsToWhoIsBehindOurConfiguration) {
  harness.server(kReplica2).is_primary = true;
  harness.server(kPrimary).is_primary = false;
  harness.server(kPrimary).follows = harness.server(kReplica1).follows = kReplica2;
  hear(hello(kPeer1, id('b'), 5, kReplica2, 5));
  harness.run_for(15s);
  forget_all();
  harness.run_for(10s);
  EXPECT_EQ(hellos_to(kPeer2), 5u);  // it has been silent, or says the old
  EXPECT_LE(hellos_to(kPeer1), 2u);
  hear(hello(kPeer2, id('c'), 5, kReplica2, 5));
  harness.run_for(10s);
  forget_all();
  harness.run_for(10s);
  EXPECT_LE(hellos_to(kPeer2), 2u);
}

// One link carries the hellos of all primaries that both watch, and takes only so many requests at a time.
TEST(Hellos, AreSaidForEachOfManyPrimariesWithoutWaitingForTheNextPeriod) {
  PersistentState state = usual_state();
  const PersistentPrimary first = state.primaries[0];
  for (int i = 0; i < 250; ++i) {
    PersistentPrimary another = first;
    another.name = "m" + std::to_string(i);
    another.address.port = static_cast<uint16_t>(7000 + i);
    another.replicas.clear();
    state.primaries.push_back(another);
  }
  UsualHarness harness(state);
  harness.run_for(10s);
  harness.server(kPeer1).received.clear();
  harness.disconnect(kPeer1);
  harness.run_for(500ms);
  std::set<std::string> named;
  for (const Request& request : harness.server(kPeer1).received) {
    if (const auto hello = parse_hello(request.text)) named.insert(hello->primary_name);
  }
  EXPECT_EQ(named.size(), 251u);
}

}  // namespace
}  // namespace holdfast::sentinel::test
