// Fuzzes the command layer: a stream of requests from two clients to a node, whose effects a second node follows as a
// replica does and a third one as a restart reads its log. Beside the sanitizers' findings it is one when they end with
// different data, when an effect is answered with an error, when an empty value is left, or when the keyspace's
// counters are not what a walk finds.
//
// Input: requests as on the wire. "@ N" makes client N (0, 1) the next to speak, "+ N" lets N milliseconds pass.
#include <algorithm>

#include "common/base/text.h"
#include "tests/fuzz/command_mutator.h"
#include "tests/fuzz/data_text.h"
#include "tests/fuzz/fuzz_targets.h"
#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::fuzz {
namespace {

using node::testing::NodeTest;

// Slow, or with replies whose size is asked for.
bool passed_over(const Request& request) {
  const std::string name = to_lower(request[0]);
  if (name == "pfselftest" || name == "lolwut" || name == "command") return true;
  const bool asks_for_many = name == "srandmember" || name == "hrandfield" || name == "zrandmember";
  for (size_t i = 1; asks_for_many && i < request.size(); ++i) {
    if (request[i].size() > 3) return true;
  }
  return name == "memory" && request.size() > 1 && iequals(request[1], "malloc-stats");
}

[[noreturn]] void found(const std::string& what) { throw Finding(what); }

// Keeps the effects as words.
class Recorder final : public node::EffectSink {
 public:
  void feed(int db, std::span<const std::string_view> argv) override {
    if (db >= 0 && db != db_) commands.push_back({"SELECT", std::to_string(db_ = db)});
    commands.emplace_back(argv.begin(), argv.end());
  }
  std::vector<Request> commands;

 private:
  int db_ = -1;
};

class Subject final : public NodeTest {
 public:
  enum class Role : uint8_t { primary, replica, restarted };
  // Chance is another at each: what is drawn at random has to be told.
  explicit Subject(Role role) : NodeTest(static_cast<uint64_t>(role) + 1) {
    node::NodeConfig changed = config;
    changed.max_bulk_bytes = 1 << 16;
    changed.encodings.hash_entries = changed.encodings.zset_entries = 8;
    changed.encodings.set_intset_entries = 8;
    changed.encodings.list_node = 6;
    changed.encodings.stream_node_entries = 4;
    changed.encodings.hll_sparse_bytes = 100;
    node.configure(changed);
    server.settings.max_bulk_bytes = changed.max_bulk_bytes;
    replication.replica = role == Role::replica;
    node.effects().remove_sink(log);
    node.effects().remove_sink(replication.stream);
    if (role == Role::primary) {
      node.effects().add_sink(stream, node::Effects::SinkKind::stream);
      node.effects().add_sink(logged, node::Effects::SinkKind::log);
    }
  }
  ~Subject() override {
    node.effects().remove_sink(stream);
    node.effects().remove_sink(logged);
  }
  void TestBody() override {}
  using NodeTest::connect;

  void serve(server::Session& session, const Request& request) {
    if (session.blocked && !node.unblock(session, false)) session.blocked = session.suspended = false;
    const std::vector<std::string_view> args(request.begin(), request.end());
    (void)node.handle(session, args);
    session.reply().buffer().clear();
  }
  void pass(int64_t ms) {
    clock.advance(Millis(std::clamp<int64_t>(ms, 0, 100'000'000)));
    server.refresh_now();
    if (process.alarm <= clock.now()) {
      process.alarm = Instant::max();
      node.end_overdue_waits();
    }
    expire_actively();
  }
  // Long after all of that: nothing in the effects may hang on the time.
  void follow(const std::vector<Request>& commands) {
    pass(100'000'000);
    for (const Request& command : commands) {
      const std::vector<std::string_view> args(command.begin(), command.end());
      if (replication.replica) {
        node.execute_from_primary(client, args);
        if (node.stats().unexpected_error_replies > 0) found("an effect is refused: " + to_resp({&command, 1}));
      } else if (!node.execute_from_log(client, args)) {
        found("no command of a log: " + to_resp({&command, 1}));
      }
    }
  }
  // Whether the accounts are what a walk finds.
  void check();
  DataText data() const { return data_text(node.keys()); }

  const auto& names() { return node.table().commands(); }
  Recorder stream, logged;
};

void Subject::check() {
  for (int db = 0; db < node.keys().database_count(); ++db) {
    size_t keys = 0;
    size_t bytes = node.keys().index_bytes(db);
    node.keys().for_each_key(db, [&](const node::Entry& entry) {
      ++keys;
      bytes += entry.memory_bytes();
      if (entry.object() != nullptr && entry.type() != node::ValueType::string && entry.object()->gone()) {
        found("an empty value under " + std::string(entry.key()));
      }
    });
    if (keys != node.keys().key_count(db)) found("the number of keys is not what a walk finds");
    if (bytes != node.keys().memory_bytes(db)) found("the bytes of keys are not what a walk finds");
  }
}

void compare(const Subject& primary, Subject::Role role, const std::vector<Request>& effects) {
  Subject other(role);
  other.follow(effects);
  other.check();
  const std::string difference = first_difference(primary.data(), other.data());
  if (difference.empty()) return;
  found(fmt::format("{}: {}\nafter\n{}", role == Subject::Role::replica ? "at the replica" : "after a restart",
                    difference, to_resp(effects)));
}

}  // namespace

void fuzz_commands(std::string_view input) {
  Subject primary(Subject::Role::primary);
  server::Session* sessions[] = {&primary.connect(), &primary.connect()};
  size_t speaker = 0;
  for (const Request& request : parse_requests(input)) {
    if (request[0] == "@" && request.size() == 2) {
      speaker = request[1] == "1" ? 1 : 0;
    } else if (request[0] == "+" && request.size() == 2) {
      primary.pass(parse_int64(request[1]).value_or(1));
    } else if (!passed_over(request)) {
      primary.serve(*sessions[speaker], request);
    }
  }
  primary.check();
  compare(primary, Subject::Role::replica, primary.stream.commands);
  compare(primary, Subject::Role::restarted, primary.logged.commands);
}

std::span<const std::string_view> command_names() {
  static auto* subject = new Subject(Subject::Role::primary);
  static const auto kNames = [] {
    std::vector<std::string_view> names;
    for (const auto* info : subject->names()) names.push_back(info->name);
    return names;
  }();
  return kNames;
}

}  // namespace holdfast::fuzz
