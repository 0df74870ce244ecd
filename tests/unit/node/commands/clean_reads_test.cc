// What may be answered while the log is not yet durable: reads of keys that have not changed since, and nothing else.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <deque>
#include <map>

#include "common/resp/reply.h"
#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::node::testing {
namespace {

struct Replies : NodeTest {
  using NodeTest::shown;
};

// A log that is durable as far as the test says.
class HeldLog final : public EffectSink {
 public:
  struct Record {
    int db;
    std::vector<std::string> words;
  };
  void feed(int db, std::span<const std::string_view> argv) override {
    records.push_back({db, {argv.begin(), argv.end()}});
    server->gate().produce(records.size());
    server->request_turn_end();
  }
  std::vector<Record> records;
  server::Server* server = nullptr;
};

// Hands requests on to the node and keeps account of them.
class Recorder final : public server::RequestHandler {
 public:
  struct Request {
    std::vector<std::string> words;
    int db;
    uint64_t logged;  // when it had been executed
  };
  server::Outcome handle(server::Session& session, std::span<const std::string_view> args) override {
    Request request{{args.begin(), args.end()}, session.db, 0};
    const server::Outcome outcome = node->handle(session, args);
    request.logged = log->records.size();
    if (outcome == server::Outcome::done) requests[session.id].push_back(std::move(request));
    return outcome;
  }
  void closed(server::Session& session) override { node->closed(session); }
  std::map<uint64_t, std::deque<Request>> requests;
  Node* node = nullptr;
  HeldLog* log = nullptr;
};

// A node without clients, to hold what a log says.
struct Shadow {
  explicit Shadow(ManualClock& clock) : random(7), node(4, {}, Node::Parts{clock, random, replication, persistence, process, options, peers}), server(io, clock, node) {
    node.attach(server);
  }
  ~Shadow() { node.closed(session); }
  void apply(const HeldLog::Record& record) {
    if (record.db >= 0) session.db = record.db;
    ASSERT_TRUE(node.execute_from_log(session, {std::vector<std::string_view>(record.words.begin(), record.words.end())}));
    if (record.words[0] == "MULTI") open = true;
    if (record.words[0] == "EXEC") open = false;
  }
  std::string answer(const Recorder::Request& request) {
    server::Session reader(2);
    reader.db = request.db;
    const std::vector<std::string_view> args(request.words.begin(), request.words.end());
    node.handle(reader, args);
    node.closed(reader);
    return reader.reply().buffer();
  }

  boost::asio::io_context io{net::kOneThread};
  SeededRandom random;
  FakeReplication replication;
  FakePersistence persistence;
  FakeProcess process;
  FakeConfig options;
  FakePeers peers;
  Node node;
  server::Server server;
  server::Session session{1};
  bool open = false;  // in a transaction
};

// A node with clients on sockets and a log that the test makes durable.
struct World {
  explicit World(uint64_t seed = 42) : random(seed) {
    recorder.node = &node;
    recorder.log = &log;
    log.server = &server;
    node.attach(server);
    node.effects().add_sink(log, Effects::SinkKind::log);
    node.unsynced().switch_on();
    node.unsynced().end_turn(0);
    server.on_turn_end([this] {
      node.unsynced().end_turn(log.records.size());
      if (turns.empty() || turns.back() < log.records.size()) turns.push_back(log.records.size());
    });
  }
  ~World() {
    for (const int fd : fds) ::close(fd);
    settle();
  }

  int connect() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    server.adopt(ends[1]);
    fds.push_back(ends[0]);
    return ends[0];
  }
  void settle() {
    for (int idle = 0; idle < 3;) {
      io.restart();
      idle = io.poll() == 0 ? idle + 1 : 0;
    }
  }
  static std::string encoded(std::string_view line) {
    std::string bytes;
    const auto words = *split_args(line);
    bytes = fmt::format("*{}\r\n", words.size());
    for (const auto& word : words) bytes += fmt::format("${}\r\n{}\r\n", word.size(), word);
    return bytes;
  }
  void send(int fd, std::initializer_list<std::string_view> lines) {
    std::string bytes;
    for (const auto line : lines) bytes += encoded(line);
    ASSERT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    settle();
  }
  std::string received(int fd) {
    settle();
    std::string bytes(65536, '\0');
    const ssize_t count = ::read(fd, bytes.data(), bytes.size());
    bytes.resize(count < 0 ? 0 : static_cast<size_t>(count));
    return bytes;
  }
  std::string ask(int fd, std::string_view line) {
    send(fd, {line});
    return Replies::shown(received(fd));
  }
  // Everything logged by now, or up to the offset, is durable.
  void sync(uint64_t offset = UINT64_MAX) { server.release_gate(std::min<uint64_t>(offset, log.records.size())); }

  boost::asio::io_context io{net::kOneThread};
  ManualClock clock;
  SeededRandom random;
  FakeReplication replication;
  FakePersistence persistence;
  FakeProcess process;
  FakeConfig options;
  FakePeers peers;
  HeldLog log;
  std::vector<uint64_t> turns;  // where a sync may end
  Recorder recorder;
  Node node{4, {}, Node::Parts{clock, random, replication, persistence, process, options, peers}};
  server::Server server{io, clock, recorder};
  std::vector<int> fds;
};

class CleanReads : public ::testing::Test, protected World {};

TEST_F(CleanReads, DoNotWaitForTheWritesOfOthers) {
  const int writer = connect(), reader = connect();
  EXPECT_EQ(ask(writer, "SET dirty 1"), "");
  EXPECT_EQ(ask(reader, "GET clean"), "$-1|");
  EXPECT_EQ(ask(reader, "MGET clean other"), "*2|$-1|$-1|");
  EXPECT_EQ(ask(reader, "PING"), "+PONG|");
  EXPECT_EQ(ask(reader, "GET dirty"), "");
  EXPECT_EQ(ask(reader, "GET clean"), "") << "behind a reply that waits";
  sync();
  EXPECT_EQ(Replies::shown(received(writer)), "+OK|");
  EXPECT_EQ(Replies::shown(received(reader)), "$1|1|$-1|");
  EXPECT_EQ(ask(reader, "GET dirty"), "$1|1|");
}

TEST_F(CleanReads, WaitOnlyForTheOffsetOfTheKeyThatWasRead) {
  const int writer = connect(), reader = connect();
  send(writer, {"SET first 1"});
  send(writer, {"SET second 2"});
  send(reader, {"GET first"});
  EXPECT_EQ(received(reader), "");
  sync(1);
  EXPECT_EQ(Replies::shown(received(reader)), "$1|1|");
  EXPECT_EQ(Replies::shown(received(writer)), "+OK|");
}

TEST_F(CleanReads, WhatMeetsAnyKeyWaits) {
  const int writer = connect();
  send(writer, {"SET dirty 1"});
  for (const std::string_view line : {"DBSIZE", "KEYS *", "SCAN 0", "RANDOMKEY", "SORT_RO l BY w_*", "INFO keyspace"}) {
    EXPECT_EQ(ask(connect(), line), "") << line;
  }
}

TEST_F(CleanReads, NoneIsLeftAfterAFlushOrASwap) {
  for (const std::string_view line : {"FLUSHALL", "FLUSHDB", "SWAPDB 0 1"}) {
    sync();
    const int reader = connect();
    EXPECT_EQ(ask(reader, "GET key"), "$-1|");
    send(connect(), {line});
    EXPECT_EQ(ask(reader, "GET key"), "") << line;
  }
}

TEST_F(CleanReads, MessagesAndWokenClientsWaitForTheWriteBehindThem) {
  const int waiter = connect(), subscriber = connect(), events = connect(), monitor = connect(), writer = connect();
  send(waiter, {"BLPOP list 0"});
  send(subscriber, {"SUBSCRIBE channel"});
  NodeConfig config;
  config.notify_events = kNotifyKeyspace | kNotifyKeyevent | kNotifyList | kNotifyString;
  node.configure(config);
  send(events, {"PSUBSCRIBE __key*"});
  send(monitor, {"MONITOR"});
  for (const int fd : {subscriber, events, monitor}) EXPECT_NE(received(fd), "");
  send(writer, {"RPUSH list a", "SET key v", "PUBLISH channel message"});
  for (const int fd : {waiter, subscriber, events, monitor, writer}) EXPECT_EQ(received(fd), "");
  sync();
  for (const int fd : {waiter, subscriber, events, monitor, writer}) EXPECT_NE(received(fd), "");
}

TEST_F(CleanReads, AQueuedCommandIsConfirmedAtOnceAndItsTransactionWaits) {
  const int reader = connect();
  EXPECT_EQ(ask(reader, "MULTI"), "+OK|");
  send(connect(), {"SET dirty 1"});
  EXPECT_EQ(ask(reader, "GET dirty"), "+QUEUED|");
  EXPECT_EQ(ask(reader, "EXEC"), "");
  sync();
  EXPECT_EQ(Replies::shown(received(reader)), "*1|$1|1|");
}

TEST_F(CleanReads, AKeyThatExpiredIsReadOnceItsRemovalIsDurable) {
  const int reader = connect();
  send(reader, {"SET key value PX 10"});
  sync();
  EXPECT_EQ(Replies::shown(received(reader)), "+OK|");
  clock.advance(Millis(11));
  EXPECT_EQ(ask(reader, "GET key"), "") << "this read removed it";
  EXPECT_EQ(ask(connect(), "GET key"), "");
  sync();
  EXPECT_EQ(Replies::shown(received(reader)), "$-1|");
}

// Random clients against a log that becomes durable at random: whatever a client has received is true of every state
// that a crash at this moment could leave, which is the log up to what is durable or to any later point.
struct Model : World {
  using World::World;
  struct Client {
    int fd;
    uint64_t id;
    std::string input;
  };

  std::string key() { return fmt::format("k{}", random.below(12)); }
  std::string command() {
    switch (random.below(28)) {
      case 0: return "SET " + key() + fmt::format(" {}", random.below(1000));
      case 1: return "DEL " + key();
      case 2: return "INCR " + key();
      case 3: return "RPUSH l" + key() + fmt::format(" {}", random.below(1000));
      case 4: return "LPOP l" + key();
      case 5: return "HSET h" + key() + " f" + key() + fmt::format(" {}", random.below(1000));
      case 6: return "ZADD z" + key() + fmt::format(" {} m{}", random.below(100), random.below(5));
      case 7: return random.chance(0.2) ? "FLUSHDB" : "RENAME " + key() + " " + key();
      case 8: return random.chance(0.2) ? "SWAPDB 0 1" : "COPY " + key() + " " + key();
      case 9: return random.chance(0.3) ? fmt::format("SELECT {}", random.below(2)) : "MOVE " + key() + " 1";
      case 10: return "HDEL h" + key() + " f" + key();
      case 11: return "LMOVE l" + key() + " l" + key() + " LEFT RIGHT";
      case 12: return "MSET " + key() + " 1 " + key() + " 2";
      case 13: return "SET " + key() + " 5 NX";
      case 14: return "ZRANGESTORE z" + key() + " z" + key() + " 0 -1";
      case 15: return "MGET " + key() + " " + key() + " " + key();
      case 16: return "LRANGE l" + key() + " 0 -1";
      case 17: return "HGET h" + key() + " f" + key();
      case 18: return "ZRANGE z" + key() + " 0 -1 WITHSCORES";
      case 19: return "EXISTS " + key() + " l" + key() + " h" + key();
      case 20: return "ZUNION 2 z" + key() + " z" + key() + " WITHSCORES";
      case 21: return "DBSIZE";
      case 22: return "TYPE " + key();
      case 23: return "SORT_RO l" + key() + " BY nosort GET k*";
      case 24: return "OBJECT ENCODING " + key();
      case 25: return "LCS " + key() + " " + key();
      case 26: return "PING";
      default: return "GET " + key();
    }
  }
  static bool only_reads(std::string_view name) {
    for (const std::string_view read : {"MGET", "LRANGE", "HGET", "ZRANGE", "EXISTS", "ZUNION", "DBSIZE", "TYPE", "SORT_RO",
                                        "OBJECT", "LCS", "PING", "GET"}) {
      if (name == read) return true;
    }
    return false;
  }

  void check(const Recorder::Request& request, const std::string& reply, uint64_t durable) {
    const std::string& name = request.words[0];
    if (name == "SELECT") return;
    if (!only_reads(name)) {
      EXPECT_LE(request.logged, durable) << fmt::format("{}", fmt::join(request.words, " ")) << " answered " << reply;
      return;
    }
    if (request.logged > durable) ++early;
    Shadow shadow(clock);
    for (uint64_t at = 0; at <= request.logged; ++at) {
      if (at >= std::min(durable, request.logged) && !shadow.open) {
        ASSERT_EQ(shadow.answer(request), reply)
            << fmt::format("{}", fmt::join(request.words, " ")) << " in the state of offset " << at << ", executed at "
            << request.logged << ", durable " << durable;
      }
      if (at < request.logged) shadow.apply(log.records[at]);
    }
  }

  void take_replies(Client& client, uint64_t durable) {
    client.input += received(client.fd);
    auto& requests = recorder.requests[client.id];
    while (!client.input.empty()) {
      resp::ReplyParser parser;
      std::string_view rest = client.input;
      const auto parsed = parser.parse(rest);
      ASSERT_TRUE(parsed.has_value() && parsed->has_value());
      const std::string reply = client.input.substr(0, client.input.size() - rest.size());
      client.input = rest;
      ASSERT_FALSE(requests.empty());
      check(requests.front(), reply, durable);
      requests.pop_front();
      if (::testing::Test::HasFailure()) return;
    }
  }

  void run(int steps) {
    std::vector<Client> clients;
    for (int i = 0; i < 6; ++i) {
      const int fd = connect();
      clients.push_back({fd, server.connections().rbegin()->first, ""});
    }
    uint64_t durable = 0;
    const auto look = [&] {
      for (Client& client : clients) take_replies(client, durable);
      return !::testing::Test::HasFailure();
    };
    for (int step = 0; step < steps; ++step) {
      std::string bytes;
      const uint64_t count = random.chance(0.2) ? 1 + random.below(4) : 1;
      for (uint64_t i = 0; i < count; ++i) bytes += encoded(command());
      const int fd = clients[random.below(clients.size())].fd;
      ASSERT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
      if (random.chance(0.7) && !look()) return;
      if (!random.chance(0.3) || turns.empty() || turns.back() <= durable) continue;
      do {
        durable = turns[random.below(turns.size())];
      } while (durable <= server.gate().released());
      server.release_gate(durable);
      if (!look()) return;
    }
    settle();
    sync();
    durable = log.records.size();
    look();
    for (const Client& client : clients) EXPECT_TRUE(recorder.requests[client.id].empty()) << "nothing waits for ever";
  }

  uint64_t early = 0;  // answers that came before all that was logged then was durable
};

TEST(CleanReadsModel, NoClientSeesWhatACrashCouldTakeBack) {
  uint64_t early = 0;
  for (uint64_t seed = 1; seed <= 60 && !HasFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Model model(seed);
    model.run(120);
    early += model.early;
  }
  EXPECT_GT(early, 500U) << "reads of clean data do not wait";
}

}  // namespace
}  // namespace holdfast::node::testing
