#include "common/metrics/redis_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::metrics {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The expected lines are what redis_exporter 1.45 makes of the same INFO (label order aside: it sorts, we do too here).
constexpr std::string_view kInfo =
    "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nos:Linux\r\nprocess_id:7\r\nrun_id:abc\r\n"
    "tcp_port:6379\r\nserver_time_usec:1700000100900000\r\nuptime_in_seconds:100\r\n"
    "# Memory\r\nused_memory:1024\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\nmem_fragmentation_ratio:1.25\r\n"
    "# Persistence\r\nloading:0\r\nrdb_last_bgsave_status:err\r\naof_last_write_status:ok\r\n"
    "# Stats\r\ntotal_commands_processed:19\r\nlatest_fork_usec:2500\r\nkeyspace_hits:3\r\n"
    "# Replication\r\nrole:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:6379\r\nmaster_link_status:up\r\n"
    "slave_repl_offset:42\r\nslave_priority:100\r\nslave_read_only:1\r\nconnected_slaves:1\r\n"
    "slave0:ip=10.0.0.3,port=6381,state=online,offset=40,lag=1\r\n"
    "# Commandstats\r\ncmdstat_client|setname:calls=3,usec=8,usec_per_call=2.67,rejected_calls=1,failed_calls=2\r\n"
    "# Errorstats\r\nerrorstat_ERR:count=4\r\n"
    "# Latencystats\r\nlatency_percentiles_usec_client|setname:p50=3.007,p99=4,p99.9=5\r\n"
    "# Keyspace\r\ndb1:keys=2,expires=1,avg_ttl=99489\r\n";

std::string rendered(std::string_view info) {
  MetricSet set;
  const InfoText parsed(info);
  add_redis_info_metrics(set, parsed);
  add_redis_keyspace_metrics(set, parsed, 2);
  add_redis_command_metrics(set, parsed);
  add_redis_replication_metrics(set, parsed);
  return set.text();
}

TEST(RedisMetrics, NamesTypesAndLabelsAreTheExporters) {
  const std::string text = rendered(kInfo);
  for (const char* line : {
           "# TYPE redis_up gauge\nredis_up 1\n",
           "redis_instance_info{maxmemory_policy=\"noeviction\",os=\"Linux\",process_id=\"7\",redis_build_id=\"\","
           "redis_mode=\"standalone\",redis_version=\"7.0.15\",role=\"slave\",run_id=\"abc\",tcp_port=\"6379\"} 1\n",
           "redis_memory_used_bytes 1024\n",
           "redis_mem_fragmentation_ratio 1.25\n",
           "redis_rdb_last_bgsave_status 0\n",
           "redis_aof_last_write_status 1\n",
           "# TYPE redis_commands_processed_total counter\nredis_commands_processed_total 19\n",
           "redis_latest_fork_seconds 0.0025\n",
           "redis_start_time_seconds 1700000000\n",
           "redis_db_keys{db=\"db0\"} 0\nredis_db_keys{db=\"db1\"} 2\n",
           "redis_db_keys_expiring{db=\"db1\"} 1\n",
           "redis_db_avg_ttl_seconds{db=\"db1\"} 99.489",
           "redis_commands_total{cmd=\"client|setname\"} 3\n",
           "redis_commands_rejected_calls_total{cmd=\"client|setname\"} 1\n",
           "redis_commands_failed_calls_total{cmd=\"client|setname\"} 2\n",
           "redis_errors_total{err=\"ERR\"} 4\n",
           "redis_latency_percentiles_usec{cmd=\"client|setname\",quantile=\"99.9\"} 5\n",
           "redis_latency_percentiles_usec_sum{cmd=\"client|setname\"} 8\n",
           "redis_connected_slave_lag_seconds{slave_ip=\"10.0.0.3\",slave_port=\"6381\",slave_state=\"online\"} 1\n",
           "redis_connected_slave_offset_bytes{slave_ip=\"10.0.0.3\",slave_port=\"6381\",slave_state=\"online\"} 40\n",
           "redis_master_link_up{master_host=\"10.0.0.1\",master_port=\"6379\"} 1\n",
           "redis_slave_repl_offset{master_host=\"10.0.0.1\",master_port=\"6379\"} 42\n",
           "redis_slave_info{master_host=\"10.0.0.1\",master_port=\"6379\",read_only=\"1\"} 1\n",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(RedisMetrics, FieldsThatInfoLacksMakeNoSamples) {
  const std::string text = rendered("role:master\r\n");
  EXPECT_THAT(text, Not(HasSubstr("redis_memory_used_bytes")));
  EXPECT_THAT(text, Not(HasSubstr("redis_master_link_up")));
}

TEST(RedisMetrics, NonsenseInInfoIsSkipped) {
  const std::string text = rendered("used_memory:many\r\n:x\r\nnocolon\r\nslave0:\r\ncmdstat_x:calls\r\nuptime_in_seconds:inf\r\n");
  EXPECT_THAT(text, Not(HasSubstr("redis_memory_used_bytes")));
  EXPECT_THAT(text, Not(HasSubstr("redis_uptime_in_seconds")));
  EXPECT_THAT(text, HasSubstr("redis_commands_total{cmd=\"x\"} 0\n"));
}

}  // namespace
}  // namespace holdfast::metrics
