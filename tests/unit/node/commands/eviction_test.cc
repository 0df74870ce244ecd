// maxmemory as a client sees it: refusals, evictions, what the log and the replicas are told. Expected texts and orders:
// redis-server 7.0.15.
#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::node {
namespace {

constexpr const char* kOom = "-OOM command not allowed when used memory > 'maxmemory'.|";

class Eviction : public testing::NodeTest {
 protected:
  static constexpr uint64_t kBase = 1'000'000;  // of a process without keys
  static constexpr uint64_t kPerKey = 100;

  Eviction() {
    process.measure = [this] {
      uint64_t keys = 0;
      for (int db = 0; db < node.keys().database_count(); ++db) keys += node.keys().key_count(db);
      return kBase + kPerKey * keys + extra;
    };
  }
  void limit(uint64_t keys, EvictionPolicy policy) {
    config.max_memory_bytes = kBase + kPerKey * keys;
    config.eviction_policy = policy;
    config.access.count_frequency = by_frequency(policy);
    node.configure(config);
  }
  void unlimited() {
    config.max_memory_bytes = 0;
    node.configure(config);
  }
  void fill(int count) {
    for (int i = 0; i < count; ++i) run(fmt::format("SET key{} {}", i, i));
  }
  void run_what_waits() {
    for (auto& work : std::exchange(process.soon, {})) work();
  }
  std::string stat(std::string_view name) {
    const std::string text = node.info(std::array<std::string_view, 1>{"stats"});
    const size_t at = text.find(std::string(name) + ":");
    return text.substr(at + name.size() + 1, text.find('\r', at) - at - name.size() - 1);
  }

  uint64_t extra = 0;
};

TEST_F(Eviction, NoevictionRefusesWhatMayNeedMemory) {
  fill(3);
  limit(2, EvictionPolicy::noeviction);
  for (const char* line : {"SET a 1", "APPEND key0 x", "INCR key0", "MSET a 1 b 2", "SETRANGE key0 3 x", "COPY key0 k"}) {
    EXPECT_EQ(run(line), kOom) << line;
  }
  EXPECT_EQ(run("GET key0"), "$1|0|");
  EXPECT_EQ(run("EXPIRE key0 100"), ":1|");
  EXPECT_EQ(run("DEL key0"), ":1|");
  EXPECT_EQ(run("SET a 1"), "+OK|") << "at the limit is not over it";
  EXPECT_EQ(node.keys().key_count(0), 3U);
}

TEST_F(Eviction, TheRefusalComesBeforeThatOfAFailedSave) {
  fill(3);
  limit(2, EvictionPolicy::noeviction);
  persistence.refusal = "MISCONF no";
  EXPECT_EQ(run("SET a 1"), kOom);
  EXPECT_EQ(run("DEL a"), "-MISCONF no|");
}

TEST_F(Eviction, MultiQueuesNothingButTheWaysOut) {
  fill(3);
  limit(2, EvictionPolicy::noeviction);
  EXPECT_EQ(run("MULTI"), "+OK|");
  EXPECT_EQ(run("GET key0"), kOom) << "a queue takes memory";
  EXPECT_EQ(run("EXEC"), "-EXECABORT Transaction discarded because of previous errors.|");
  EXPECT_EQ(run("MULTI"), "+OK|");
  EXPECT_EQ(run("DISCARD"), "+OK|");
}

TEST_F(Eviction, ExecIsJudgedByWhatWasQueued) {
  fill(3);
  EXPECT_EQ(run("MULTI"), "+OK|");
  EXPECT_EQ(run("SET a 1"), "+QUEUED|");
  limit(2, EvictionPolicy::noeviction);
  EXPECT_EQ(run("EXEC"), std::string("-EXECABORT Transaction discarded because of: ") + (kOom + 1));
  unlimited();
  EXPECT_EQ(run("MULTI"), "+OK|");
  EXPECT_EQ(run("GET key0"), "+QUEUED|");
  limit(2, EvictionPolicy::noeviction);
  EXPECT_EQ(run("EXEC"), "*1|$1|0|");
}

TEST_F(Eviction, EvictsBeforeAnyCommandAndTellsItFirst) {
  fill(5);
  effects();
  limit(3, EvictionPolicy::allkeys_lru);
  EXPECT_EQ(run("SET new 1"), "+OK|");
  const auto lines = effects();
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_TRUE(lines[0].starts_with("0: DEL key")) << lines[0];
  EXPECT_TRUE(lines[1].starts_with("0: DEL key")) << lines[1];
  EXPECT_EQ(lines[2], "0: SET new 1");
  EXPECT_EQ(replication.stream.lines.size(), 8U) << "the replicas hear the same";
  EXPECT_EQ(run("PING"), "+PONG|");
  EXPECT_EQ(effects().size(), 1U) << "the key that SET added is one too many";
  EXPECT_EQ(stat("evicted_keys"), "3");
}

TEST_F(Eviction, LazyEvictionsAreToldAsUnlink) {
  fill(3);
  effects();
  config.lazyfree_eviction = true;
  limit(2, EvictionPolicy::allkeys_random);
  run("PING");
  const auto lines = effects();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(lines[0].starts_with("0: UNLINK key"));
}

TEST_F(Eviction, EvictionsAreNoChangesForASave) {
  fill(5);
  node.keys().set_dirty(0);
  limit(2, EvictionPolicy::allkeys_lru);
  run("PING");
  EXPECT_EQ(node.keys().key_count(0), 2U);
  EXPECT_EQ(node.keys().dirty(), 0);
}

TEST_F(Eviction, AWatchedKeyThatIsEvictedFailsTheTransaction) {
  run("SET watched 1");
  run("WATCH watched");
  run("MULTI");
  run("PING");
  limit(0, EvictionPolicy::allkeys_lru);
  EXPECT_EQ(run("EXEC"), "*-1|");
}

TEST_F(Eviction, VolatilePoliciesRefuseWhenNothingMayGo) {
  fill(3);
  run("SET volatile 1 EX 100");
  limit(2, EvictionPolicy::volatile_lru);
  EXPECT_EQ(run("SET a 1"), kOom);
  EXPECT_EQ(run("EXISTS volatile"), ":0|") << "what may go went first";
  EXPECT_EQ(run("GET key1"), "$1|1|");
}

TEST_F(Eviction, BuffersOfReplicationAndLogDoNotEvict) {
  fill(5);
  limit(5, EvictionPolicy::allkeys_lru);
  extra = 500'000;
  persistence.buffered = 100'000;
  replication.buffers = {.backlog_size = 1000, .stream_bytes = 301'000, .attached = true, .payload_bytes = 100'000};
  run("PING");
  EXPECT_EQ(node.keys().key_count(0), 5U);
  extra += 150;  // two keys' worth of anything else
  run("PING");
  EXPECT_EQ(node.keys().key_count(0), 3U);
}

TEST_F(Eviction, ReplicasLeaveItToThePrimaryUnlessTold) {
  fill(5);
  replication.replica = true;
  limit(2, EvictionPolicy::allkeys_lru);
  config.replica_read_only = false;
  node.configure(config);
  EXPECT_EQ(run("SET a 1"), "+OK|");
  EXPECT_EQ(node.keys().key_count(0), 6U);
  config.replica_ignore_max_memory = false;
  node.configure(config);
  run("PING");
  EXPECT_EQ(node.keys().key_count(0), 2U);
}

TEST_F(Eviction, NothingIsEvictedWhileClientsArePausedOrDataLoads) {
  fill(5);
  limit(2, EvictionPolicy::allkeys_lru);
  server.pause(server::Server::Pause::writes, clock.now() + Seconds(10));
  run("PING");
  EXPECT_EQ(node.keys().key_count(0), 5U);
  server.unpause();
  node.set_loading(LoadingState{});
  run("INFO");
  EXPECT_EQ(node.keys().key_count(0), 5U);
  node.set_loading(std::nullopt);
  run("PING");
  EXPECT_EQ(node.keys().key_count(0), 2U);
}

TEST_F(Eviction, ALongEvictionGoesOnInTheBackground) {
  fill(100);
  config.eviction_tenacity = 0;  // no command waits
  // Each deletion takes a while.
  process.measure = [this, measure = process.measure] {
    clock.advance(Micros(10));
    return measure();
  };
  limit(10, EvictionPolicy::allkeys_lru);
  EXPECT_EQ(run("SET a 1"), "+OK|") << "it is not refused: the rest will go";
  EXPECT_EQ(node.keys().key_count(0), 100U - 16 + 1);
  clock.advance(Millis(20));
  EXPECT_NE(stat("current_eviction_exceeded_time"), "0");
  int rounds = 0;
  while (!process.soon.empty()) {
    ASSERT_EQ(process.soon.size(), 1U);
    run_what_waits();
    ++rounds;
  }
  EXPECT_EQ(rounds, 5);
  EXPECT_EQ(node.keys().key_count(0), 10U);
  EXPECT_EQ(stat("current_eviction_exceeded_time"), "0");
  EXPECT_NE(stat("total_eviction_exceeded_time"), "0");
}

TEST_F(Eviction, FullTenacityEvictsAllAtOnce) {
  fill(100);
  config.eviction_tenacity = 100;
  process.measure = [this, measure = process.measure] {
    clock.advance(Seconds(1));
    return measure();
  };
  limit(10, EvictionPolicy::allkeys_lru);
  run("PING");
  EXPECT_EQ(node.keys().key_count(0), 10U);
}

TEST_F(Eviction, ALowerLimitEvictsSoonButNotInsideOfATransaction) {
  fill(5);
  effects();
  limit(2, EvictionPolicy::allkeys_lru);
  EXPECT_EQ(node.keys().key_count(0), 5U) << "this may be CONFIG SET inside of EXEC";
  run_what_waits();
  EXPECT_EQ(node.keys().key_count(0), 2U);
  EXPECT_EQ(effects().size(), 3U) << "each DEL by itself, in no transaction";
}

TEST_F(Eviction, SlowEvictionsAreLatencyEvents) {
  config.latency_threshold_ms = 5;
  fill(5);
  process.measure = [this, measure = process.measure] {
    clock.advance(Millis(6));
    return measure();
  };
  limit(3, EvictionPolicy::allkeys_lru);
  run("PING");
  EXPECT_TRUE(node.latency().events().contains("eviction-del"));
  EXPECT_TRUE(node.latency().events().contains("eviction-cycle"));
}

TEST_F(Eviction, ObjectFreqAndIdletimeFollowThePolicy) {
  const std::string note =
      " Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.|";
  run("SET a 1");
  clock.advance(Seconds(9));
  EXPECT_EQ(run("OBJECT IDLETIME a"), ":9|");
  EXPECT_EQ(run("OBJECT FREQ a"),
            "-ERR An LFU maxmemory policy is not selected, access frequency not tracked." + note);
  EXPECT_EQ(run("OBJECT FREQ none"), "$-1|");
  limit(100, EvictionPolicy::allkeys_lfu);
  run("SET b 1");
  EXPECT_EQ(run("OBJECT FREQ b"), ":5|");
  run("GET b");
  EXPECT_EQ(run("OBJECT FREQ b"), ":6|");
  clock.advance(Seconds(180));
  EXPECT_EQ(run("OBJECT FREQ b"), ":3|");
  EXPECT_EQ(run("OBJECT IDLETIME b"), "-ERR An LFU maxmemory policy is selected, idle time not tracked." + note);
}

TEST_F(Eviction, AClientMayLeaveTheKeysItUsesUntouched) {
  run("SET a 1");
  run("RPUSH l x");
  EXPECT_EQ(run("CLIENT NO-TOUCH maybe"), "-ERR syntax error|");
  EXPECT_EQ(run("CLIENT NO-TOUCH on"), "+OK|");
  EXPECT_NE(run("CLIENT INFO").find(" flags=T "), std::string::npos);
  clock.advance(Seconds(9));
  run("GET a");
  run("MULTI");
  run("LRANGE l 0 -1");
  run("RPUSH l y");
  run("EXEC");
  EXPECT_EQ(run("OBJECT IDLETIME a"), ":9|");
  EXPECT_EQ(run("OBJECT IDLETIME l"), ":9|");
  run("TOUCH a");  // that is what it is for
  EXPECT_EQ(run("OBJECT IDLETIME a"), ":0|");
  clock.advance(Seconds(9));
  server::Session& other = connect();
  run(other, "GET a");
  EXPECT_EQ(run("OBJECT IDLETIME a"), ":0|");
  EXPECT_EQ(run("CLIENT NO-TOUCH off"), "+OK|");
  run("GET l");
  run("LLEN l");
  EXPECT_EQ(run("OBJECT IDLETIME l"), ":0|");
  EXPECT_EQ(run("CLIENT INFO").find(" flags=T "), std::string::npos);
  limit(100, EvictionPolicy::allkeys_lfu);
  run("SET b 1");
  run("CLIENT NO-TOUCH on");
  run("GET b");
  run("SET b 2");
  EXPECT_EQ(run("OBJECT FREQ b"), ":5|");
  run("RESET");
  EXPECT_NE(run("CLIENT INFO").find(" flags=N "), std::string::npos);
  run("GET b");
  EXPECT_EQ(run("OBJECT FREQ b"), ":6|");
}

TEST_F(Eviction, SmallIntegersAreSharedUnlessEachNeedsItsOwnAccessData) {
  run("SET a 1");
  EXPECT_EQ(run("OBJECT REFCOUNT a"), ":2147483647|");
  limit(100, EvictionPolicy::allkeys_random);
  EXPECT_EQ(run("OBJECT REFCOUNT a"), ":2147483647|");
  limit(100, EvictionPolicy::volatile_lfu);
  EXPECT_EQ(run("OBJECT REFCOUNT a"), ":1|");
}

TEST_F(Eviction, MemoryCommandsAnswerInRedissShapes) {
  fill(2);
  const std::string stats = run("MEMORY STATS");
  EXPECT_TRUE(stats.starts_with("*56|$14|peak.allocated|:1000200|$15|total.allocated|:1000200|")) << stats;
  EXPECT_NE(stats.find("|$4|db.0|*6|$23|overhead.hashtable.main|:"), std::string::npos);
  EXPECT_NE(stats.find("|$10|keys.count|:2|"), std::string::npos);
  server::Session& resp3 = connect();
  resp3.set_protocol(3);
  const std::string map = run(resp3, "MEMORY STATS");
  EXPECT_TRUE(map.starts_with("%28|$14|peak.allocated|")) << map;
  EXPECT_NE(map.find("|$15|peak.percentage|,100|"), std::string::npos) << map;
  EXPECT_EQ(run("MEMORY PURGE"), "+OK|");
  EXPECT_EQ(process.purges, 1);
  EXPECT_EQ(run("MEMORY MALLOC-STATS"), "$10|statistics|");
  EXPECT_EQ(run("MEMORY USAGE none"), "$-1|");
  EXPECT_EQ(run("MEMORY USAGE key0 SAMPLES -1"), "-ERR syntax error|");
  EXPECT_TRUE(run("MEMORY USAGE key0 SAMPLES 0").starts_with(":"));
  EXPECT_NE(run("MEMORY DOCTOR").find("Hi Sam, this instance is empty"), std::string::npos);
}

TEST_F(Eviction, DebugMallctlReadsAndWritesNumbers) {
  config.debug = NodeConfig::Allow::yes;
  node.configure(config);
  EXPECT_EQ(run("DEBUG MALLCTL arenas.page"), ":4096|");
  EXPECT_EQ(run("DEBUG MALLCTL arenas.page 7"), ":4096|");
  EXPECT_EQ(run("DEBUG MALLCTL arenas.page"), ":7|");
  EXPECT_EQ(run("DEBUG MALLCTL none"), "-ERR the allocator has no number named 'none'|");
  EXPECT_EQ(run("DEBUG MALLCTL arenas.page x"), "-ERR value is not an integer or out of range|");
  EXPECT_EQ(run("DEBUG MALLCTL-STR thread.tcache.flush VOID"), "+OK|");
  EXPECT_EQ(run("DEBUG MALLCTL-STR none VOID"), "-ERR the allocator can do nothing named 'none'|");
  EXPECT_EQ(run("DEBUG MALLCTL-STR opt.dss primary"), "-ERR syntax error|");
}

TEST_F(Eviction, TheDoctorNamesAPastPeak) {
  extra = 100'000'000;
  node.tick();
  extra = 20'000'000;
  EXPECT_NE(run("MEMORY DOCTOR").find(" * Peak memory: "), std::string::npos);
  extra = 90'000'000;
  EXPECT_NE(run("MEMORY DOCTOR").find("I can't find any memory issue"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::node
