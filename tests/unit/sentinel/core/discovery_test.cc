// Hellos: other sentinels, and their configurations.
#include <set>

#include "common/hello/hello.h"
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

TEST_F(Discovery, ANewerConfigurationEndsOurOwnFailover) {
  harness.server(kReplica1).refuses_role = harness.server(kReplica2).refuses_role = true;
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+failover-state-wait-promotion"); }, 3s));
  hear(hello(kPeer1, id('b'), 8, kReplica2, 8));
  EXPECT_EQ(harness.core.summaries()[0].failover_state, "none");
  EXPECT_EQ(harness.core.primary_address("mymaster"), kReplica2);
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

TEST_F(Discovery, SaysHelloEachTwoSeconds) {
  harness.server(kPrimary).received.clear();
  harness.server(kPeer1).received.clear();
  harness.run_for(10s);
  EXPECT_EQ(harness.server(kPrimary).count(Request::Kind::publish_hello), 5u);
  EXPECT_EQ(harness.server(kPeer1).count(Request::Kind::publish_hello), 5u);
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
