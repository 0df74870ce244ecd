// Fuzzes the command layer: a stream of requests from two clients to a node, whose effects a second node follows as a
// replica does. Beside the sanitizers' findings it is one when the two end with different data, when a value does not
// survive DUMP and RESTORE, or when the keyspace's counters are not what a walk finds.
//
// Input: requests as on the wire. "@ N" makes client N (0, 1) the next to speak, "+ N" lets N milliseconds pass.
#include <cstdio>
#include <cstdlib>

#include "common/base/text.h"
#include "node/commands/digest.h"
#include "tests/fuzz/command_mutator.h"
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
    if (request[i].size() > 4) return true;
  }
  return name == "memory" && request.size() > 1 && iequals(request[1], "malloc-stats");
}

[[noreturn]] void found(const std::string& what) {
  std::fprintf(stderr, "found: %s\n", what.c_str());
  std::abort();
}

// Keeps the effects as words.
class Stream final : public node::EffectSink {
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
  Subject() {
    node::NodeConfig changed = config;
    changed.max_bulk_bytes = 1 << 16;
    changed.encodings.hash_entries = changed.encodings.zset_entries = 8;
    changed.encodings.set_intset_entries = 8;
    changed.encodings.list_node = 6;
    changed.encodings.stream_node_entries = 4;
    changed.encodings.hll_sparse_bytes = 100;
    node.configure(changed);
    server.settings.max_bulk_bytes = changed.max_bulk_bytes;
  }
  void TestBody() override {}
  using NodeTest::connect;
  using NodeTest::replication;

  void serve(server::Session& session, const Request& request) {
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
  void check();

  node::Node& get() { return node; }
  std::vector<std::string_view> command_names() {
    std::vector<std::string_view> names;
    for (const auto* info : node.table().commands()) names.push_back(info->name);
    return names;
  }
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

void follow(Subject& replica, const std::vector<Request>& commands) {
  server::Session& stream = replica.connect();
  for (const Request& command : commands) {
    const std::vector<std::string_view> args(command.begin(), command.end());
    replica.get().execute_from_primary(stream, args);
  }
}

}  // namespace
}  // namespace holdfast::fuzz

using namespace holdfast;        // NOLINT
using namespace holdfast::fuzz;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto requests = parse_requests({reinterpret_cast<const char*>(data), size});
  Subject primary;
  Stream stream;
  primary.get().effects().add_sink(stream, node::Effects::SinkKind::stream);
  server::Session* sessions[] = {&primary.connect(), &primary.connect()};
  size_t speaker = 0;
  for (const Request& request : requests) {
    if (request[0] == "@" && request.size() == 2) {
      speaker = request[1] == "1" ? 1 : 0;
      continue;
    }
    if (request[0] == "+" && request.size() == 2) {
      primary.pass(parse_int64(request[1]).value_or(1));
      continue;
    }
    if (passed_over(request)) continue;
    server::Session& session = *sessions[speaker];
    if (session.blocked && !primary.get().unblock(session, false)) session.blocked = session.suspended = false;
    primary.serve(session, request);
  }
  primary.check();

  Subject replica;
  replica.replication.replica = true;
  follow(replica, stream.commands);
  replica.check();
  if (node::data_set_digest(primary.get().keys()) != node::data_set_digest(replica.get().keys())) {
    for (const Request& command : stream.commands) std::fprintf(stderr, "%s", to_resp({&command, 1}).c_str());
    found("the data is not what the effects make");
  }
  primary.get().effects().remove_sink(stream);
  return 0;
}

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  static const std::vector<std::string> kNames = [] {
    Subject subject;
    const auto names = subject.command_names();
    return std::vector<std::string>(names.begin(), names.end());
  }();
  static const std::vector<std::string_view> kViews(kNames.begin(), kNames.end());
  SeededRandom random(seed);
  if (random.below(50) == 0) return LLVMFuzzerMutate(data, size, most);
  auto requests = parse_requests({reinterpret_cast<const char*>(data), size});
  for (uint64_t times = 1 + random.below(4); times > 0; --times) mutate(requests, random, kViews);
  std::string bytes = to_resp(requests);
  while (bytes.size() > most && !requests.empty()) {
    requests.pop_back();
    bytes = to_resp(requests);
  }
  bytes.copy(reinterpret_cast<char*>(data), bytes.size());
  return bytes.size();
}
