// A Node with everything around it faked: commands go in as words, replies come out as RESP text.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "common/base/split_args.h"
#include "node/commands/node.h"

namespace holdfast::node::testing {

class FakeSink final : public EffectSink {
 public:
  void feed(int db, std::span<const std::string_view> argv) override {
    std::string line = std::to_string(db) + ":";
    for (const auto word : argv) line += " " + std::string(word);
    lines.push_back(line);
  }
  bool listening() const override { return !deaf; }
  std::vector<std::string> take() { return std::exchange(lines, {}); }
  std::vector<std::string> lines;
  bool deaf = false;
};

class FakeReplication final : public Replication {
 public:
  void configure(const ReplicationConfig&) override {}
  bool is_replica() const override { return replica; }
  bool link_up() const override { return up; }
  Endpoint primary() const override { return {"10.0.0.1", 6379}; }
  Result<std::string> replicaof(std::string_view host, uint16_t port) override {
    asked = fmt::format("{}:{}", host, port);
    return "OK";
  }
  void replicaof_no_one() override { asked = "no one"; }
  Result<> failover(std::span<const std::string_view> arguments) override {
    asked = fmt::format("failover {}", fmt::join(arguments, " "));
    if (failing) return fail("ERR FAILOVER already in progress.");
    return {};
  }
  bool failing_over() const override { return failing; }
  RoleReport role() const override { return report; }
  std::string info() const override { return "role:master\r\n"; }
  ReplicationStats stats() const override { return {}; }
  void reset_stats() override {}
  ReplicationMemory memory() const override { return buffers; }
  EffectSink& sink() override { return stream; }
  int64_t offset() const override { return current_offset; }
  RunId replication_id() const override { return {}; }
  void change_id() override { ++renames; }
  std::optional<SavedPosition> saved_position() const override { return std::nullopt; }
  bool enough_good_replicas() const override { return enough; }
  size_t acked(int64_t) const override { return acknowledged; }
  size_t acked_synced(int64_t) const override { return synced; }
  void log_synced(std::optional<uint64_t>) override {}
  WaitToken wait(const AckTarget& target, std::optional<Millis> timeout,
                 std::function<void(std::optional<size_t>)> done) override {
    waited = fmt::format("{} {} {}", target.offset, target.replicas, timeout ? timeout->count() : -1);
    if (target.synced) waited += fmt::format(" synced {}", target.log_offset);
    wait_done = std::move(done);
    return 7;
  }
  void cancel_wait(WaitToken token) override { cancelled = token; }
  ProtocolReply replconf(server::Session&, std::span<const std::string_view>) override {
    return {ProtocolReply::Kind::status, "OK"};
  }
  ProtocolReply psync(server::Session&, std::span<const std::string_view>) override {
    return {ProtocolReply::Kind::error, "NOMASTERLINK Can't SYNC while not connected with my master"};
  }
  bool is_attached_replica(const server::Session&) const override { return false; }
  void session_closed(server::Session&) override {}
  void heard_hello(std::string_view message) override { hellos.emplace_back(message); }
  bool kill_primary_link() override { return false; }

  bool replica = false, up = true, enough = true, failing = false;
  int64_t current_offset = 0;
  size_t acknowledged = 0, synced = 0;
  std::vector<std::string> hellos;
  int renames = 0;
  std::string asked, waited;
  WaitToken cancelled = 0;
  RoleReport report;
  ReplicationMemory buffers;
  FakeSink stream;
  std::function<void(std::optional<size_t>)> wait_done;
};

class FakePersistence final : public PersistenceControl {
 public:
  Result<> save() override {
    if (on_save) on_save();
    return {};
  }
  Result<std::string> background_save(bool schedule) override {
    return schedule ? "Background saving scheduled" : "Background saving started";
  }
  Result<std::string> rewrite_log() override {
    return fail("ERR Background append only file rewriting already in progress");
  }
  WallTime last_save() const override { return from_unix_ms(1'700'000'000'000); }
  void flushed_all() override { ++flushes; }
  const std::optional<std::string>& write_refusal() const override { return refusal; }
  bool log_on() const override { return logging; }
  uint64_t logged_offset() const override { return logging ? logged : 0; }
  uint64_t synced_offset() const override { return synced; }
  void sync_log_soon() override { ++syncs_asked; }
  uint64_t buffered_bytes() const override { return buffered; }
  std::string info() const override { return "rdb_saves:0\r\n"; }
  void reset_stats() override {}
  Result<> reload(const ReloadOptions&) override { return {}; }
  Result<> reload_log() override { return {}; }

  std::optional<std::string> refusal;
  int flushes = 0, syncs_asked = 0;
  uint64_t buffered = 0, logged = 0, synced = 0;
  bool logging = false;
  std::function<void()> on_save;
};

class FakeProcess final : public ProcessControl {
 public:
  void shutdown(const ShutdownRequest& request, std::function<void(std::string_view)> failed) override {
    asked = request;
    on_failure = std::move(failed);
  }
  bool abort_shutdown() override { return false; }
  void panic(std::string_view why) override { panics.emplace_back(why); }
  void block_for(Micros duration) override { blocked += duration; }
  ProcessFacts facts() const override { return {}; }
  uint64_t used_memory() const override { return measure ? measure() : 0; }
  void wake_at(Instant due) override { alarm = due; }
  void run_soon(std::function<void()> work) override { soon.push_back(std::move(work)); }
  void release_free_memory() override { ++purges; }
  std::string allocator_statistics() const override { return "statistics"; }
  std::optional<int64_t> allocator_control(const std::string& name, std::optional<int64_t> value) override {
    if (name != "arenas.page") return std::nullopt;
    return std::exchange(page, value.value_or(page));
  }
  bool allocator_act(const std::string& name) override { return name == "thread.tcache.flush"; }
  int64_t unix_micros() const override { return 1'700'000'000'123'456; }

  std::optional<ShutdownRequest> asked;
  std::function<void(std::string_view)> on_failure;
  Micros blocked{0};
  std::function<uint64_t()> measure;  // the memory in use
  std::vector<std::function<void()>> soon;
  Instant alarm = Instant::max();
  int purges = 0;
  std::vector<std::string> panics;
  int64_t page = 4096;
};

class FakeConfig final : public ConfigControl {
 public:
  std::vector<std::pair<std::string, std::string>> get(std::span<const std::string_view>) const override {
    return {{"maxclients", "10000"}};
  }
  Result<> set(std::span<const std::string_view> pairs, bool local_client) override {
    if (pairs[0] == "dir" && !local_client) return fail("ERR CONFIG SET failed (possibly related to argument 'dir')");
    if (pairs[0] == "bad") return fail("ERR Unknown option or number of arguments for CONFIG SET - 'bad'");
    return {};
  }
  Result<> rewrite() override { return fail("ERR The server is running without a config file"); }
  Result<> rewrite_all() override { return {}; }
};

class FakePeers final : public MigrationPeers {
 public:
  MigrationResult migrate(const Migration& migration) override {
    asked = fmt::format("{}:{} db {} {} keys {} ms [{}]", migration.host, migration.port, migration.db, migration.count,
                        migration.timeout.count(), fmt::join(migration.credentials, " "));
    restores = migration.restores;
    return result;
  }
  size_t cached_connections() const override { return 0; }

  MigrationResult result;
  std::string asked, restores;
};

class NodeTest : public ::testing::Test {
 protected:
  explicit NodeTest(uint64_t seed = 42) : random(seed) {
    node.attach(server);
    server.settings.max_bulk_bytes = config.max_bulk_bytes;
    node.effects().add_sink(log, Effects::SinkKind::log);
    node.effects().add_sink(replication.stream, Effects::SinkKind::stream);
  }
  ~NodeTest() override {
    for (auto& session : sessions) node.closed(*session);
  }

  server::Session& connect() {
    sessions.push_back(std::make_unique<server::Session>(sessions.size() + 100));
    return *sessions.back();
  }
  // Executes one command line; the reply with its CRLFs shown as '|'.
  std::string run(server::Session& session, std::string_view line) {
    const auto words = *split_args(line);
    const std::vector<std::string_view> args(words.begin(), words.end());
    const server::Outcome outcome = node.handle(session, args);
    const std::string reply = std::exchange(session.reply().buffer(), {});
    return outcome == server::Outcome::retry_later ? "(later)" : shown(reply);
  }
  static std::string shown(std::string_view reply) {
    std::string shown;
    for (size_t i = 0; i < reply.size(); ++i) {
      if (reply[i] == '\r' && i + 1 < reply.size() && reply[i + 1] == '\n') {
        shown += '|';
        ++i;
      } else {
        shown += reply[i];
      }
    }
    return shown;
  }
  std::string run(std::string_view line) { return run(client, line); }
  // A tick and the whole cycle of active expiry that it begins.
  void expire_actively() {
    node.tick();
    while (node.expire_slice(clock.now() + Millis(1))) {
    }
  }
  // What the log got since the last call.
  std::vector<std::string> effects() { return log.take(); }
  using Lines = std::vector<std::string>;

  boost::asio::io_context io{net::kOneThread};
  ManualClock clock;
  SeededRandom random;
  NodeConfig config;
  FakeReplication replication;
  FakePersistence persistence;
  FakeProcess process;
  FakeConfig options;
  FakePeers peers;
  FakeSink log;
  Node node{16, config, Node::Parts{clock, random, replication, persistence, process, options, peers}};
  server::Server server{io, clock, node};
  std::vector<std::unique_ptr<server::Session>> sessions;
  server::Session& client = connect();
};

}  // namespace holdfast::node::testing
