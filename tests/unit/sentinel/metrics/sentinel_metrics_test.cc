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
  facts.failovers[{"my/primary", "crash", "success"}] = 4;
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
           "holdfast_failovers_total{master_name=\"my/primary\",trigger=\"crash\",result=\"success\"} 4\n",
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

TEST(SentinelApi, ShowsTheTopologyAndOneMasterWithItsCandidates) {
  SentinelFacts facts = facts_of_one_primary();
  facts.run_id = "abc";
  facts.primaries[0].candidates = {{{"::1", 6380}, "r1", 100, 5, "chosen"}, {{"::1", 6381}, "r2", 0, 5, "priority-zero"}};
  const auto topology = nlohmann::json::parse(ask(facts, "/api/v1/topology").body);
  EXPECT_EQ(topology["runid"], "abc");
  EXPECT_EQ(topology["masters"][0]["node"]["port"], 6379);
  EXPECT_EQ(topology["masters"][0]["replicas"][0]["lag_bytes"], 77);
  EXPECT_EQ(topology["masters"][0]["quorum"]["reachable"], true);
  const auto master = nlohmann::json::parse(ask(facts, "/api/v1/masters/my/primary").body);
  EXPECT_EQ(master["would_promote"]["port"], 6380);
  EXPECT_EQ(master["candidates"][1]["verdict"], "priority-zero");
  EXPECT_TRUE(master["failover"].is_null());
  EXPECT_EQ(ask(facts, "/api/v1/masters/nope").status, 404u);
}

TEST(SentinelApi, ShowsTheHistoryOfAllOrOne) {
  SentinelFacts facts = facts_of_one_primary();
  EXPECT_EQ(nlohmann::json::parse(ask(facts, "/api/v1/history").body)["failovers"].size(), 0u);
  FailoverRecord record;
  record.primary = "m";
  record.result = "success";
  record.duration = Micros(1500);
  facts.history = std::make_shared<const std::vector<FailoverRecord>>(1, record);
  const auto all = nlohmann::json::parse(ask(facts, "/api/v1/history").body);
  EXPECT_EQ(all["failovers"][0]["duration_ms"], 1.5);
  EXPECT_TRUE(all["failovers"][0]["to"].is_null());
  EXPECT_EQ(nlohmann::json::parse(ask(facts, "/api/v1/history?master=m").body)["failovers"].size(), 1u);
  EXPECT_EQ(nlohmann::json::parse(ask(facts, "/api/v1/history?master=x").body)["failovers"].size(), 0u);
}

TEST(SentinelApi, StreamsTheEventsThatAClientHasNotSeen) {
  SentinelFacts facts = facts_of_one_primary();
  facts.events = std::make_shared<const std::vector<ToldEvent>>(
      std::vector<ToldEvent>{{11, "+sdown", "master m 127.0.0.1 6379", 5}, {12, "+odown", "x\ny", 6}});
  const http::Response all = ask(facts, "/api/v1/events");
  EXPECT_EQ(all.content_type, "text/event-stream");
  EXPECT_THAT(all.body, HasSubstr("id: 11\ndata: {\"event\":\"+sdown\",\"payload\":\"master m 127.0.0.1 6379\",\"unix_ms\":5}\n\n"));
  EXPECT_THAT(all.body, HasSubstr("\"x\\ny\""));
  auto request = http::parse_target("/api/v1/events");
  request->last_event_id = "11";
  const http::Response rest = sentinel_snapshot(std::make_shared<SentinelFacts>(facts))->answer(std::move(*request));
  EXPECT_THAT(rest.body, ::testing::Not(HasSubstr("id: 11\n")));
  EXPECT_THAT(rest.body, HasSubstr("id: 12\n"));
}

}  // namespace
}  // namespace holdfast::sentinel
