#include "node/metrics/node_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "node/metrics/node_health.h"
#include "tests/support/promtool.h"

namespace holdfast::node {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Role = NodeHealth::Role;

NodeFacts replica_facts() {
  NodeFacts facts;
  facts.info = "role:slave\r\nredis_version:7.0.15\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n";
  facts.health.role = Role::replica;
  facts.health.started = true;
  facts.health.link_up = true;
  facts.health.lag_bytes = 5000;
  facts.aof_fsync.observe(std::chrono::milliseconds(3));
  facts.snapshot_progress = {{"rdb", 0.5}};
  facts.slowlog_length = 2;
  return facts;
}

unsigned status(HealthCheck check, const NodeHealth& facts, std::string_view target = "/x", int silent_ms = 0) {
  auto request = http::parse_target(target);
  request->snapshot_age = std::chrono::milliseconds(silent_ms);
  return node_health(check, facts, *request).status;
}

TEST(NodeMetrics, HoldfastNamesPassPromtool) {
  const std::string text = node_metrics(replica_facts()).text();
  EXPECT_THAT(text, HasSubstr("holdfast_replica_lag_bytes 5000\n"));
  EXPECT_THAT(text, HasSubstr("holdfast_snapshot_progress_ratio{kind=\"rdb\"} 0.5\n"));
  EXPECT_THAT(text, HasSubstr("holdfast_loading_progress_ratio 1\n"));
  EXPECT_THAT(text, HasSubstr("redis_db_keys{db=\"db15\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("redis_slowlog_length 2\n"));
  const auto complaints = tests::promtool_complaints(text, "holdfast_");
  if (!complaints) GTEST_SKIP() << "promtool is not installed";
  EXPECT_EQ(*complaints, "");
}

TEST(NodeMetrics, LagIsAbsentWhereItIsNotKnown) {
  NodeFacts facts = replica_facts();
  facts.health.lag_bytes.reset();
  EXPECT_THAT(node_metrics(facts).text(), Not(HasSubstr("holdfast_replica_lag_bytes")));
}

TEST(NodeHealth, RolesDecidePrimaryAndReplica) {
  NodeHealth facts;
  facts.started = true;
  EXPECT_EQ(status(HealthCheck::primary, facts), 200u);
  EXPECT_EQ(status(HealthCheck::replica, facts), 503u);
  EXPECT_EQ(status(HealthCheck::read_only, facts), 200u);
  facts.role = Role::replica;
  facts.link_up = true;
  EXPECT_EQ(status(HealthCheck::primary, facts), 503u);
  EXPECT_EQ(status(HealthCheck::replica, facts), 200u);
  facts.link_up = false;
  EXPECT_EQ(status(HealthCheck::replica, facts), 503u);
  EXPECT_EQ(status(HealthCheck::read_only, facts), 503u);
  EXPECT_EQ(status(HealthCheck::ready, facts), 503u);
  EXPECT_EQ(status(HealthCheck::health, facts), 200u);
}

TEST(NodeHealth, LagLimitUsesConfigUnits) {
  NodeHealth facts = replica_facts().health;
  facts.lag_bytes = 10 * 1024 * 1024;
  EXPECT_EQ(status(HealthCheck::replica, facts, "/replica?lag=10mb"), 200u);
  EXPECT_EQ(status(HealthCheck::replica, facts, "/replica?lag=10M"), 503u);  // 10,000,000
  EXPECT_EQ(status(HealthCheck::replica, facts, "/replica?lag=10485760"), 200u);
  for (const char* bad : {"x", "", "-1", "10tb", "99999999999gb"}) {
    EXPECT_EQ(status(HealthCheck::replica, facts, std::string("/replica?lag=") + bad), 400u) << bad;
  }
  facts.lag_bytes.reset();
  EXPECT_EQ(status(HealthCheck::replica, facts, "/replica?lag=10mb"), 503u);
  EXPECT_EQ(status(HealthCheck::replica, facts, "/replica"), 200u);
}

TEST(NodeMetrics, AFullSyncShowsHowFarItIs) {
  NodeFacts facts = replica_facts();
  EXPECT_THAT(node_metrics(facts).text(), Not(HasSubstr("holdfast_replica_sync")));
  facts.health.sync_read_bytes = 250;
  EXPECT_THAT(node_metrics(facts).text(), HasSubstr("holdfast_replica_sync_received_bytes 250\n"));
  EXPECT_THAT(node_metrics(facts).text(), Not(HasSubstr("holdfast_replica_sync_progress_ratio")));
  facts.health.sync_total_bytes = 1000;
  EXPECT_THAT(node_metrics(facts).text(), HasSubstr("holdfast_replica_sync_progress_ratio 0.25\n"));
}

TEST(NodeHealth, LivenessPassesWhileLoading) {
  NodeHealth facts;
  facts.loading = true;
  facts.loading_progress = 0.25;
  for (HealthCheck check : {HealthCheck::primary, HealthCheck::read_only, HealthCheck::health, HealthCheck::ready,
                            HealthCheck::startup}) {
    EXPECT_EQ(status(check, facts), 503u);
  }
  EXPECT_EQ(status(HealthCheck::live, facts, "/livez", 1'000'000), 200u);
}

TEST(NodeHealth, ASilentLoopServesNobodyButLivesOn) {
  NodeHealth facts;
  facts.started = true;
  EXPECT_EQ(status(HealthCheck::primary, facts, "/x", 4'000), 200u);
  EXPECT_EQ(status(HealthCheck::primary, facts, "/x", 6'000), 503u);
  EXPECT_EQ(status(HealthCheck::live, facts, "/x", 31'000), 200u);  // DEBUG SLEEP 30 is no reason to be killed
  EXPECT_EQ(status(HealthCheck::live, facts, "/x", 121'000), 503u);
}

TEST(NodeHealth, RefusedWritesFailHealthOfAPrimaryOnly) {
  NodeHealth facts;
  facts.accepts_writes = false;
  EXPECT_EQ(status(HealthCheck::health, facts), 503u);
  facts.role = Role::replica;
  EXPECT_EQ(status(HealthCheck::health, facts), 200u);
}

TEST(NodeSnapshot, HasAllPathsAndSaysWhy) {
  const auto snapshot = node_snapshot(std::make_shared<NodeFacts>(replica_facts()));
  for (const char* path : {"/metrics", "/replica", "/read-only", "/health", "/livez", "/readyz", "/startupz"}) {
    EXPECT_EQ(snapshot->answer(*http::parse_target(path)).status, 200u) << path;
  }
  const auto refused = snapshot->answer(*http::parse_target("/primary"));
  EXPECT_EQ(refused.status, 503u);
  const auto body = nlohmann::json::parse(refused.body);
  EXPECT_EQ(body["reason"], "this is a replica");
  EXPECT_EQ(body["role"], "replica");
  EXPECT_EQ(body["lag_bytes"], 5000);
}

}  // namespace
}  // namespace holdfast::node
