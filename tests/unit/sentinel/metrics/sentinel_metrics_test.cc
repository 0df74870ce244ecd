#include "sentinel/metrics/sentinel_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "sentinel/metrics/sentinel_health.h"
#include "tests/support/promtool.h"

namespace holdfast::sentinel {
namespace {

using ::testing::HasSubstr;

SentinelFacts facts_of_one_primary() {
  SentinelFacts facts;
  facts.info = "redis_mode:sentinel\r\nredis_version:7.0.15\r\n";
  MonitoredPrimaryFacts primary;
  primary.name = "my/primary";
  primary.address = {"127.0.0.1", 6379};
  primary.quorum = 2;
  primary.replicas = 2;
  primary.ok_replicas = 1;
  primary.sentinels = 3;
  primary.ok_sentinels = 3;
  primary.quorum_reachable = true;
  primary.quorum_message = "OK 3 usable Sentinels. Quorum and failover authorization can be reached";
  primary.instances = {{InstanceFacts::Kind::primary, {"127.0.0.1", 6379}, true, std::chrono::microseconds(150), {}},
                       {InstanceFacts::Kind::replica, {"::1", 6380}, false, {}, 77}};
  facts.primaries.push_back(primary);
  facts.failovers[{"my/primary", "odown", "success"}] = 4;
  facts.failover_phases["election"].observe(std::chrono::milliseconds(3));
  return facts;
}

http::Response ask(const SentinelFacts& facts, std::string_view target, int silent_ms = 0) {
  auto request = http::parse_target(target);
  request->snapshot_age = std::chrono::milliseconds(silent_ms);
  return sentinel_snapshot(std::make_shared<SentinelFacts>(facts))->answer(std::move(*request));
}

TEST(SentinelMetrics, ExporterNamesAndOurs) {
  const std::string text = sentinel_metrics(facts_of_one_primary()).text();
  for (const char* line : {
           "redis_sentinel_masters 1\n",
           "redis_sentinel_tilt 0\n",
           "redis_sentinel_master_status{master_name=\"my/primary\",master_address=\"127.0.0.1:6379\",master_status=\"ok\"} 1\n",
           "redis_sentinel_master_ok_slaves{master_name=\"my/primary\",master_address=\"127.0.0.1:6379\"} 1\n",
           "redis_sentinel_master_ckquorum_status{master_name=\"my/primary\",message=\"OK 3 usable Sentinels. Quorum and "
           "failover authorization can be reached\"} 1\n",
           "holdfast_failovers_total{master_name=\"my/primary\",trigger=\"odown\",result=\"success\"} 4\n",
           "holdfast_failover_phase_duration_seconds_count{phase=\"election\"} 1\n",
           "holdfast_instance_up{master_name=\"my/primary\",instance_address=\"::1:6380\",kind=\"replica\"} 0\n",
           "holdfast_replica_lag_bytes{master_name=\"my/primary\",instance_address=\"::1:6380\",kind=\"replica\"} 77\n",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(SentinelMetrics, HoldfastNamesPassPromtool) {
  const auto complaints = tests::promtool_complaints(sentinel_metrics(facts_of_one_primary()).text(), "holdfast_");
  if (!complaints) GTEST_SKIP() << "promtool is not installed";
  EXPECT_EQ(*complaints, "");
}

TEST(SentinelHealth, QuorumFollowsCkquorum) {
  SentinelFacts facts = facts_of_one_primary();
  EXPECT_EQ(ask(facts, "/quorum/my/primary").status, 200u);
  EXPECT_EQ(ask(facts, "/quorum/my%2Fprimary").status, 200u);
  EXPECT_EQ(ask(facts, "/quorum/other").status, 404u);
  facts.primaries[0].quorum_reachable = false;
  const auto refused = ask(facts, "/quorum/my/primary");
  EXPECT_EQ(refused.status, 503u);
  EXPECT_EQ(nlohmann::json::parse(refused.body)["reason"], "quorum or majority cannot be reached");
}

TEST(SentinelHealth, PrimaryTellsTheAddressAndItsState) {
  SentinelFacts facts = facts_of_one_primary();
  const auto up = ask(facts, "/primary/my/primary");
  EXPECT_EQ(up.status, 200u);
  EXPECT_EQ(nlohmann::json::parse(up.body)["port"], 6379);
  facts.primaries[0].status = "sdown";  // one sentinel's opinion
  EXPECT_EQ(ask(facts, "/primary/my/primary").status, 200u);
  facts.primaries[0].status = "odown";
  EXPECT_EQ(ask(facts, "/primary/my/primary").status, 503u);
  facts.primaries[0].status = "ok";
  facts.primaries[0].failover_in_progress = true;
  EXPECT_EQ(ask(facts, "/primary/my/primary").status, 503u);
  EXPECT_EQ(ask(facts, "/primary/").status, 404u);
}

TEST(SentinelHealth, ASilentLoopIsNotReadyAndInTheEndNotAlive) {
  SentinelFacts facts = facts_of_one_primary();
  EXPECT_EQ(ask(facts, "/readyz", 4'000).status, 200u);
  EXPECT_EQ(ask(facts, "/readyz", 6'000).status, 503u);
  EXPECT_EQ(ask(facts, "/quorum/my/primary", 6'000).status, 503u);
  EXPECT_EQ(ask(facts, "/livez", 6'000).status, 200u);
  EXPECT_EQ(ask(facts, "/livez", 61'000).status, 503u);
  facts.ready = false;
  EXPECT_EQ(ask(facts, "/readyz").status, 503u);
}

}  // namespace
}  // namespace holdfast::sentinel
