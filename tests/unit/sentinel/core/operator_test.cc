// Operator commands and views: the reference's texts (taken from redis-sentinel 7.0.15) and field order.
#include "tests/unit/sentinel/core/harness.h"

namespace holdfast::sentinel::test {
namespace {

using namespace std::chrono_literals;

struct Operator : ::testing::Test {
  UsualHarness harness;

  std::string monitor(std::string_view name, std::string_view host, std::string_view port, std::string_view quorum) {
    auto outcome = harness.core.monitor(name, host, port, quorum, harness.now);
    harness.perform(std::move(outcome.actions));
    return outcome.result ? "OK" : outcome.result.error().text;
  }
  std::string set(std::vector<std::string> args) {
    auto outcome = harness.core.set("mymaster", args, harness.now);
    harness.perform(std::move(outcome.actions));
    return outcome.result ? "OK" : outcome.result.error().text;
  }
  static std::vector<std::string_view> names(const InstanceFields& fields) {
    std::vector<std::string_view> names;
    for (const auto& [name, value] : fields) names.push_back(name);
    return names;
  }
};

TEST_F(Operator, MonitorChecksItsArgumentsAsTheReference) {
  EXPECT_EQ(monitor("a", "127.0.0.1", "99999", "2"), "ERR Invalid port number.");
  EXPECT_EQ(monitor("a", "127.0.0.1", "x", "2"), "ERR Invalid port");
  EXPECT_EQ(monitor("a", "127.0.0.1", "6379", "0"), "ERR Quorum must be 1 or greater.");
  EXPECT_EQ(monitor("a", "127.0.0.1", "6379", "x"), "ERR Invalid quorum");
  EXPECT_EQ(monitor("a", "localhost", "6379", "2"), "ERR Invalid IP address or hostname specified");
  EXPECT_EQ(monitor("mymaster", "127.0.0.1", "6379", "2"), "ERR Duplicate master name.");
  EXPECT_EQ(monitor("mymaster", "127.0.0.1", "65536", "2"), "ERR Invalid port number.");
  EXPECT_NE(monitor("a,b", "127.0.0.1", "6379", "2"), "OK");
  EXPECT_NE(monitor("", "127.0.0.1", "6379", "2"), "OK");
  EXPECT_EQ(harness.core.primary_names(), std::vector<std::string>{"mymaster"});
}

TEST_F(Operator, MonitorStartsAtOnce) {
  EXPECT_EQ(monitor("second", "127.0.0.1", "7000", "1"), "OK");
  EXPECT_TRUE(harness.noticed("+monitor master second 127.0.0.1 7000 quorum 1"));
  EXPECT_EQ(harness.server({"127.0.0.1", 7000}).count(Request::Kind::ping), 1u);
  EXPECT_EQ(harness.saved_state->primaries.size(), 2u);
}

TEST_F(Operator, RemoveForgetsAndCloses) {
  const size_t links = harness.links.size();
  auto outcome = harness.core.remove("mymaster", harness.now);
  harness.perform(std::move(outcome.actions));
  EXPECT_TRUE(outcome.result);
  EXPECT_TRUE(harness.noticed("-monitor master mymaster 10.0.0.1 6379"));
  EXPECT_EQ(links, 8u);
  EXPECT_TRUE(harness.links.empty());
  EXPECT_TRUE(harness.saved_state->primaries.empty());
  EXPECT_EQ(harness.core.remove("mymaster", harness.now).result.error().text, "ERR No such master with that name");
  harness.run_for(10s);
}

TEST_F(Operator, ForgetsAReplicaOrASentinelThatIsGone) {
  const auto forget = [&](std::string_view name, std::string_view host, std::string_view port) {
    auto outcome = harness.core.forget(name, host, port, harness.now);
    harness.perform(std::move(outcome.actions));
    return outcome.result ? std::string("OK") : outcome.result.error().text;
  };
  EXPECT_EQ(forget("nope", "10.0.0.2", "6379"), "ERR No such master with that name");
  EXPECT_EQ(forget("mymaster", "10.0.0.2", "x"), "ERR Invalid port");
  EXPECT_EQ(forget("mymaster", "10.0.0.2", "70000"), "ERR Invalid port");
  EXPECT_EQ(forget("mymaster", "10.9.9.9", "6379"), "ERR No such replica or sentinel with that address");
  EXPECT_EQ(forget("mymaster", "10.0.0.1", "6379"), "ERR No such replica or sentinel with that address");  // itself

  harness.kill(kReplica1);
  EXPECT_EQ(forget("mymaster", kReplica1.host, std::to_string(kReplica1.port)), "OK");
  EXPECT_EQ(harness.core.replica_fields("mymaster", harness.now)->size(), 1u);
  EXPECT_EQ(harness.saved_state->primaries[0].replicas.size(), 1u);
  const size_t sentinels = harness.core.sentinel_fields("mymaster", harness.now)->size();
  ASSERT_GT(sentinels, 0u);
  const auto peer = harness.saved_state->primaries[0].sentinels[0];
  EXPECT_EQ(forget("mymaster", peer.address.host, std::to_string(peer.address.port)), "OK");
  EXPECT_EQ(harness.core.sentinel_fields("mymaster", harness.now)->size(), sentinels - 1);
  EXPECT_EQ(harness.saved_state->primaries[0].sentinels.size(), sentinels - 1);
}

TEST_F(Operator, SetChecksItsArgumentsAsTheReference) {
  EXPECT_EQ(set({"quorum", "0"}), "ERR Invalid argument '0' for SENTINEL SET 'quorum'");
  EXPECT_EQ(set({"foo", "bar"}), "ERR Unknown option or number of arguments for SENTINEL SET 'foo'");
  EXPECT_EQ(set({"QUORUM", "0"}), "ERR Invalid argument '0' for SENTINEL SET 'QUORUM'");
  EXPECT_EQ(set({"rename-command", "a", ""}), "ERR Invalid argument '' for SENTINEL SET 'rename-command'");
  EXPECT_EQ(set({"quorum"}), "ERR Unknown option or number of arguments for SENTINEL SET 'quorum'");
  EXPECT_EQ(set({"rename-command", "a"}), "ERR Unknown option or number of arguments for SENTINEL SET 'rename-command'");
  EXPECT_EQ(set({"down-after-milliseconds", "x"}),
            "ERR Invalid argument 'x' for SENTINEL SET 'down-after-milliseconds'");
  EXPECT_EQ(set({"failover-timeout", "-1"}), "ERR Invalid argument '-1' for SENTINEL SET 'failover-timeout'");
  EXPECT_EQ(set({"notification-script", "/bin/true"}),
            "ERR Reconfiguration of scripts path is denied for security reasons. Check the deny-scripts-reconfig "
            "configuration directive in your Sentinel configuration");
}

TEST_F(Operator, SetIsAllOrNothing) {
  EXPECT_NE(set({"quorum", "1", "parallel-syncs", "0"}), "OK");
  EXPECT_EQ(harness.core.settings("mymaster")->quorum, 2u);
  EXPECT_EQ(set({"quorum", "1", "DOWN-AFTER-MILLISECONDS", "500", "rename-command", "config", "guarded"}), "OK");
  EXPECT_EQ(harness.core.settings("mymaster")->quorum, 1u);
  EXPECT_EQ(harness.core.settings("mymaster")->down_after, Millis(500));
  EXPECT_EQ(harness.core.settings("mymaster")->renames->at("CONFIG"), "guarded");
  EXPECT_TRUE(harness.noticed("+set master mymaster 10.0.0.1 6379 quorum 1"));
  EXPECT_EQ(harness.saved_state->primaries[0].settings.quorum, 1u);
}

TEST_F(Operator, ANewPasswordReconnectsAndStaysSecret) {
  const size_t before = harness.connects.size();
  EXPECT_EQ(set({"auth-pass", "hidden secret"}), "OK");
  EXPECT_TRUE(harness.noticed("+set master mymaster 10.0.0.1 6379 auth-pass ******"));
  for (const std::string& notice : harness.notices) EXPECT_EQ(notice.find("hidden"), std::string::npos);
  ASSERT_EQ(harness.connects.size(), before + 6);
  EXPECT_EQ(harness.connects.back().auth_pass, "hidden secret");
}

TEST_F(Operator, ResetForgetsWhatWasDiscovered) {
  auto outcome = harness.core.reset("my*", harness.now);
  EXPECT_EQ(*outcome.result, 1u);
  // Looked at before the first answers come in.
  EXPECT_EQ(harness.core.replica_fields("mymaster", harness.now)->size(), 0u);
  EXPECT_EQ(harness.core.sentinel_fields("mymaster", harness.now)->size(), 0u);
  harness.perform(std::move(outcome.actions));
  EXPECT_TRUE(harness.noticed("+reset-master master mymaster 10.0.0.1 6379"));
  harness.run_for(100ms);
  EXPECT_EQ(harness.core.replica_fields("mymaster", harness.now)->size(), 2u);
  EXPECT_EQ(*harness.core.reset("x*", harness.now).result, 0u);
}

TEST_F(Operator, FailoverNeedsAReplica) {
  EXPECT_EQ(harness.core.failover("nope", {}, harness.now).result.error().text, "ERR No such master with that name");
  harness.kill(kReplica1);
  harness.kill(kReplica2);
  EXPECT_EQ(harness.core.failover("mymaster", {}, harness.now).result.error().text,
            "NOGOODSLAVE No suitable replica to promote");
}

TEST_F(Operator, PrimaryFieldsAreInTheReferencesOrder) {
  const std::vector<std::string_view> expected{
      "name", "ip", "port", "runid", "flags", "link-pending-commands", "link-refcount", "last-ping-sent",
      "last-ok-ping-reply", "last-ping-reply", "down-after-milliseconds", "info-refresh", "role-reported",
      "role-reported-time", "config-epoch", "num-slaves", "num-other-sentinels", "quorum", "failover-timeout",
      "parallel-syncs"};
  EXPECT_EQ(names(*harness.core.primary_fields("mymaster", harness.now)), expected);
  EXPECT_EQ(harness.core.primary_fields("nope", harness.now).error().text, "ERR No such master with that name");
}

TEST_F(Operator, ADownPrimaryShowsForHowLong) {
  for (const Endpoint& peer : {kPeer1, kPeer2}) harness.server(peer).answer = nullptr;
  harness.kill(kPrimary);
  harness.run_for(1500ms);
  const InstanceFields fields = *harness.core.primary_fields("mymaster", harness.now);
  const auto found = std::find_if(fields.begin(), fields.end(), [](const auto& f) { return f.first == "s-down-time"; });
  ASSERT_NE(found, fields.end());
  EXPECT_GE(std::stoi(found->second), 500);
  EXPECT_EQ(fields[4].second, "s_down,master,disconnected");
  EXPECT_TRUE(harness.core.summaries()[0].s_down);
}

TEST_F(Operator, ReplicaFieldsAreInTheReferencesOrder) {
  const auto all = *harness.core.replica_fields("mymaster", harness.now);
  ASSERT_EQ(all.size(), 2u);
  const std::vector<std::string_view> expected{
      "name", "ip", "port", "runid", "flags", "link-pending-commands", "link-refcount", "last-ping-sent",
      "last-ok-ping-reply", "last-ping-reply", "down-after-milliseconds", "info-refresh", "role-reported",
      "role-reported-time", "master-link-down-time", "master-link-status", "master-host", "master-port",
      "slave-priority", "slave-repl-offset", "replica-announced"};
  EXPECT_EQ(names(all[0]), expected);
  EXPECT_EQ(all[0][0].second, "10.0.0.2:6379");
  EXPECT_EQ(all[0][4].second, "slave");
}

TEST_F(Operator, SentinelFieldsAreInTheReferencesOrder) {
  const auto all = *harness.core.sentinel_fields("mymaster", harness.now);
  ASSERT_EQ(all.size(), 2u);
  const std::vector<std::string_view> expected{
      "name", "ip", "port", "runid", "flags", "link-pending-commands", "link-refcount", "last-ping-sent",
      "last-ok-ping-reply", "last-ping-reply", "down-after-milliseconds", "last-hello-message", "voted-leader",
      "voted-leader-epoch"};
  EXPECT_EQ(names(all[0]), expected);
  EXPECT_EQ(all[0].back().second, "0");
}

TEST_F(Operator, CheckQuorumCountsTheReachable) {
  EXPECT_EQ(*harness.core.check_quorum("mymaster"),
            "OK 3 usable Sentinels. Quorum and failover authorization can be reached");
  harness.kill(kPeer1);
  harness.kill(kPeer2);
  harness.run_for(2s);
  EXPECT_TRUE(harness.core.check_quorum("mymaster").error().text.starts_with("NOQUORUM 1 usable Sentinels."));
}

}  // namespace
}  // namespace holdfast::sentinel::test
