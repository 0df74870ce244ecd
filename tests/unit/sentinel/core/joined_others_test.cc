// Addresses are used again: a node at a replica's address that belongs to another group by now.
#include "tests/unit/sentinel/core/harness.h"

namespace holdfast::sentinel::test {
namespace {

using namespace std::chrono_literals;

const std::string kOurs(40, 'd'), kTheirs(40, 'e');
const Endpoint kTheirPrimary{"10.7.0.1", 6379};
const Endpoint kTheirReplica{"10.7.0.2", 6379};

struct Reused : UsualHarness {
  Reused() {
    for (const Endpoint& node : {kPrimary, kReplica1, kReplica2}) server(node).history = kOurs;
    run_for(15s);
  }
  // Another process at replica 2's address.
  void take_over(bool as_primary) {
    FakeServer& node = server(kReplica2);
    node.history = kTheirs;
    node.is_primary = as_primary;
    node.follows = kTheirPrimary;
    if (as_primary) node.replicas = {kTheirReplica};
    disconnect(kReplica2);
    run_for(1s);
    node.received.clear();
  }
  LinkId pubsub_of(const Endpoint& node) const {
    for (const auto& [link, target] : links) {
      if (target == std::pair(node, LinkKind::pubsub)) return link;
    }
    return 0;
  }
  void hear(const Endpoint& node, const std::string& text) { perform(core.hello_on_link(pubsub_of(node), text, now)); }
};

TEST(JoinedOthers, AReplicaOfAnotherPrimaryIsNotTakenFromIt) {
  Reused harness;
  harness.take_over(false);
  harness.run_for(60s);
  EXPECT_EQ(harness.server(kReplica2).count(Request::Kind::change_role), 0u);
  EXPECT_FALSE(harness.noticed("+fix-slave-config"));
}

TEST(JoinedOthers, AnotherGroupsPrimaryIsNotConverted) {
  Reused harness;
  harness.take_over(true);
  harness.run_for(60s);
  EXPECT_EQ(harness.server(kReplica2).count(Request::Kind::change_role), 0u);
  EXPECT_FALSE(harness.noticed("+convert-to-slave"));
}

TEST(JoinedOthers, AFailoverLeavesItAlone) {
  Reused harness;
  harness.take_over(false);
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+failover-end"); }, 70s));
  EXPECT_TRUE(harness.noticed("+switch-master mymaster 10.0.0.1 6379 10.0.0.2 6379"));
  harness.run_for(60s);
  EXPECT_EQ(harness.server(kReplica2).count(Request::Kind::change_role), 0u);
}

TEST(JoinedOthers, TheTwoGroupsSentinelsDoNotFindEachOther) {
  Reused harness;
  harness.take_over(false);
  harness.run_for(10s);
  EXPECT_EQ(harness.server(kReplica2).count(Request::Kind::publish_hello), 0u);
  harness.hear(kReplica2, "10.7.0.9,26379," + id('9').str() + ",70,mymaster,10.7.0.1,6379,70");
  EXPECT_FALSE(harness.noticed("+sentinel "));
  EXPECT_FALSE(harness.noticed("+switch-master"));
  harness.hear(kReplica1, "10.0.1.9,26379," + id('9').str() + ",4,mymaster,10.0.0.1,6379,0");
  EXPECT_TRUE(harness.noticed("+sentinel ")) << "of our own nodes it is believed";
}

TEST(JoinedOthers, AnOldPrimaryThatReturnsWithAnotherHistoryIsOursStill) {
  Reused harness;
  harness.take_over(true);
  harness.server(kReplica2).replicas.clear();  // nobody follows it
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+convert-to-slave"); }, 30s));
  EXPECT_EQ(harness.server(kReplica2).last(Request::Kind::change_role)->target, kPrimary);
}

// SLAVEOF itself: a node that names itself among its replicas, or is told by its own address.
TEST(JoinedOthers, NobodyIsToldToFollowItself) {
  UsualHarness harness;
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.noticed("+failover-end"); }, 70s));
  const Endpoint chosen = harness.core.primary_address("mymaster").value();
  harness.server(chosen).replicas.push_back(chosen);
  harness.run_for(60s);
  for (auto& [address, server] : harness.servers) {
    for (const Request& request : server.received) {
      if (request.kind == Request::Kind::change_role) {
        EXPECT_NE(request.target, address);
      }
    }
  }
}

}  // namespace
}  // namespace holdfast::sentinel::test
