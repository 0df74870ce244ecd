// Names in place of addresses: who is who, and what others are told.
#include "sentinel/core/host_names.h"
#include "common/hello/hello.h"
#include "tests/unit/sentinel/core/harness.h"

namespace holdfast::sentinel::test {
namespace {

using namespace std::chrono_literals;

Globals modes(bool announce) {
  Globals globals;
  globals.resolve_hostnames = true;
  globals.announce_hostnames = announce;
  return globals;
}

TEST(HostNames, KeepTheLastGoodAnswer) {
  HostNames names;
  const Globals globals = modes(true);
  const Instant start{1h};
  EXPECT_EQ(names.known({"10.0.0.1", 1}, globals), (Endpoint{"10.0.0.1", 1}));
  EXPECT_EQ(names.known({"::1", 1}, globals), (Endpoint{"::1", 1}));
  EXPECT_TRUE(names.take_due(start).empty());
  EXPECT_EQ(names.known({"db", 1}, globals), (Endpoint{"db", 1}));
  EXPECT_EQ(names.take_due(start), std::vector<std::string>{"db"});
  EXPECT_TRUE(names.take_due(start).empty());  // being looked up
  EXPECT_EQ(names.answered("db", {}, start), "");
  EXPECT_EQ(names.next_due(), start + 1s);
  EXPECT_EQ(names.take_due(start + 1s).size(), 1u);
  EXPECT_EQ(names.answered("db", {"10.0.0.1", "10.0.0.2"}, start + 1s), "10.0.0.1");
  EXPECT_EQ(names.known({"db", 7}, globals), (Endpoint{"10.0.0.1", 7}));
  EXPECT_EQ(names.shown({"10.0.0.1", 7}, globals), (Endpoint{"db", 7}));
  EXPECT_EQ(names.shown({"10.0.0.1", 8}, globals), (Endpoint{"10.0.0.1", 8}));  // never given by name
  EXPECT_EQ(names.shown({"10.0.0.1", 7}, modes(false)), (Endpoint{"10.0.0.1", 7}));
  EXPECT_EQ(names.next_due(), start + 11s);
  EXPECT_EQ(names.answered("db", {"10.0.0.2", "10.0.0.1"}, start + 11s), "");  // the order of the answers is no change
  EXPECT_EQ(names.answered("db", {}, start + 21s), "");
  EXPECT_EQ(names.known({"db", 7}, globals), (Endpoint{"10.0.0.1", 7}));
  EXPECT_EQ(names.answered("db", {"10.0.0.9"}, start + 31s), "10.0.0.9");
  EXPECT_EQ(names.known({"db", 7}, globals), (Endpoint{"10.0.0.9", 7}));
  EXPECT_EQ(names.answered("never asked", {"10.0.0.3"}, start), "");
}

TEST(HostNames, OnlyWhatCanBeOneIsUsable) {
  EXPECT_TRUE(is_usable({"10.0.0.1", 1}, Globals()));
  EXPECT_TRUE(is_usable({"::1", 1}, Globals()));
  EXPECT_FALSE(is_usable({"db", 1}, Globals()));
  EXPECT_TRUE(is_usable({"db_1.my-net.test", 1}, modes(true)));
  for (const std::string& bad : {std::string(), std::string("a b"), std::string("a\"b"), std::string("a\nb"),
                                 std::string(254, 'a')}) {
    EXPECT_FALSE(is_usable({bad, 1}, modes(true))) << bad;
  }
}

TEST(HostNames, AreNotLookedUpForAnybodyOrWhileOff) {
  HostNames names;
  EXPECT_EQ(names.known({"db", 1}, Globals()), (Endpoint{"db", 1}));
  EXPECT_EQ(names.known_already({"db", 1}, modes(true)), (Endpoint{"db", 1}));
  EXPECT_TRUE(names.take_due(Instant{1h}).empty());
}

// A group whose primary, replicas and sentinels were all given by name.
PersistentState named_state(bool announce) {
  PersistentState state = usual_state();
  state.globals = modes(announce);
  state.primaries[0].address = {"db1", 6379};
  state.primaries[0].replicas = {{"db2", 6379}, {"db3", 6379}};
  state.primaries[0].sentinels = {{{"s1", 26379}, id('b')}, {{"s2", 26379}, id('c')}};
  return state;
}

struct NamedHarness : Harness {
  explicit NamedHarness(bool announce) : Harness(named_state(announce)) {
    script_usual(*this);
    for (const Endpoint& node : {kPrimary, kReplica1, kReplica2}) server(node).replicas.clear();
    server(kPrimary).replicas = {{"db2", 6379}, {"db3", 6379}};
    server(kReplica1).follows = server(kReplica2).follows = {"db1", 6379};
    for (const char* name : {"db1", "db2", "db3", "s1", "s2"})
      server({name, 6379}).refuses = server({name, 26379}).refuses = true;
    start();
    for (const auto& [name, ip] : std::map<std::string, std::string>{
             {"db1", "10.0.0.1"}, {"db2", "10.0.0.2"}, {"db3", "10.0.0.3"}, {"s1", "10.0.1.1"}, {"s2", "10.0.1.2"}}) {
      perform(core.resolved(name, {ip}, now));
    }
    run_for(3s);
  }
};

TEST(HostNames, OfPeersAndReplicasMeanTheSameInstancesAsAddresses) {
  NamedHarness harness(false);
  EXPECT_EQ(harness.core.primary_address("mymaster"), kPrimary);
  EXPECT_EQ(harness.core.replica_fields("mymaster", harness.now)->size(), 2u);
  EXPECT_TRUE(harness.ask({.address = {"db1", 6379}, .epoch = Epoch{}, .candidate = {}}).down == false);
  harness.perform(harness.core.hello_published(format_hello({.sentinel = {"s1", 26379},
                                                             .run_id = id('b'),
                                                             .current_epoch = 9,
                                                             .primary_name = "mymaster",
                                                             .primary = {"db1", 6379},
                                                             .config_epoch = 9}),
                                               harness.now));
  EXPECT_FALSE(harness.noticed("+switch-master"));
  EXPECT_FALSE(harness.noticed("+sentinel-address-switch"));
  harness.run_for(20s);
  EXPECT_FALSE(harness.noticed("+fix-slave-config"));
  EXPECT_EQ(harness.core.replica_fields("mymaster", harness.now)->size(), 2u);
}

TEST(HostNames, TurnedOffAddressesStay) {
  NamedHarness harness(true);
  Globals off = harness.core.globals();
  off.resolve_hostnames = false;
  harness.perform(harness.core.set_globals(off, harness.now).actions);
  EXPECT_EQ(harness.saved_state->primaries[0].address, kPrimary);
  harness.perform(harness.core.resolved("db1", {"10.0.0.99"}, harness.now));  // was asked before
  harness.run_for(20s);
  EXPECT_EQ(harness.core.primary_address("mymaster"), kPrimary);
  EXPECT_FALSE(harness.core.awaits_address_of_a_primary());
}

TEST(HostNames, WhileNotAnnouncedOthersAreToldAddresses) {
  NamedHarness harness(false);
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+failover-end"); }, 5s));
  EXPECT_TRUE(harness.noticed("+switch-master mymaster 10.0.0.1 6379 10.0.0."));
  EXPECT_EQ(harness.saved_state->primaries[0].address, *harness.core.primary_address("mymaster"));
}

TEST(HostNames, WhileAnnouncedTheyAreWhatOthersAreTold) {
  NamedHarness harness(true);
  EXPECT_EQ(harness.core.primary_address("mymaster"), (Endpoint{"db1", 6379}));
  harness.server(kReplica2).offset = 500;
  harness.run_for(12s);
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+failover-end"); }, 5s));
  EXPECT_TRUE(harness.noticed("+sdown master mymaster db1 6379"));
  EXPECT_TRUE(harness.noticed("+promoted-slave slave db3:6379 db3 6379 @ mymaster db1 6379"));
  EXPECT_TRUE(harness.noticed("+switch-master mymaster db1 6379 db3 6379"));
  EXPECT_EQ(harness.server(kReplica1).follows, (Endpoint{"db3", 6379}));
  EXPECT_EQ(harness.saved_state->primaries[0].address, (Endpoint{"db3", 6379}));
  EXPECT_EQ(harness.server(kPeer1).last(Request::Kind::publish_hello)->text.find("10.0.0."), std::string::npos);
  const auto fields = *harness.core.primary_fields("mymaster", harness.now);
  EXPECT_EQ(fields[1].second, "db3");
}

TEST(HostNames, ANameThatMovesTakesItsInstanceAlong) {
  NamedHarness harness(false);
  const Endpoint elsewhere{"10.0.0.99", 6379};
  harness.server(elsewhere) = harness.server(kPrimary);
  harness.kill(kPrimary);
  harness.perform(harness.core.resolved("db1", {"10.0.0.99"}, harness.now));
  harness.run_for(5s);
  EXPECT_EQ(harness.core.primary_address("mymaster"), elsewhere);
  EXPECT_FALSE(harness.noticed("+sdown master"));
  EXPECT_FALSE(harness.noticed("+fix-slave-config"));
  harness.perform(harness.core.resolved("db2", {}, harness.now));  // a failure: where it was
  EXPECT_EQ(harness.core.replica_fields("mymaster", harness.now)->size(), 2u);
  harness.perform(harness.core.resolved("db3", {"10.0.0.2"}, harness.now));  // two names of one node
  EXPECT_EQ(harness.core.replica_fields("mymaster", harness.now)->size(), 1u);
}

}  // namespace
}  // namespace holdfast::sentinel::test
