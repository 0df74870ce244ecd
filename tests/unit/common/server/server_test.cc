#include "common/server/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>

#include "common/base/text.h"
#include "common/server/connection.h"
#include "common/server/connection_rows.h"

namespace holdfast::server {
namespace {

// A server of the common commands plus a few that steer the gate and the pause.
class TestHandler : public RequestHandler {
 public:
  Server* server = nullptr;
  command::CommandTable<CommandContext> table;
  uint64_t offset = 0;
  std::vector<uint64_t> closed_ids;
  std::function<void()> nest;  // what NEST does

  Outcome handle(Session& session, std::span<const std::string_view> args) override {
    if (iequals(args[0], "WRITE")) {
      if (server->paused() != Server::Pause::none) {
        server->hold_until_unpaused(session);
        return Outcome::retry_later;
      }
      server->gate().produce(++offset);
      session.reply().ok();
      return Outcome::done;
    }
    if (iequals(args[0], "NEST")) {
      nest();
      session.reply().ok();
      return Outcome::done;
    }
    auto* entry = table.find(args[0]);
    if (entry != nullptr && !entry->children.empty() && args.size() > 1) entry = entry->find_child(args[1]);
    if (entry == nullptr || entry->handler == nullptr) {
      session.reply().error("ERR unknown");
      return Outcome::done;
    }
    CommandContext context{*server, session, args, session.reply()};
    entry->handler(context);
    return Outcome::done;
  }
  void closed(Session& session) override { closed_ids.push_back(session.id); }
};

class ServerTest : public testing::Test {
 protected:
  ServerTest() : server_(io_, clock_, handler_) {
    handler_.server = &server_;
    handler_.table.add(connection_rows<CommandContext>());
    server_.set_commands(&handler_.table.commands());
  }

  // A client's end of a socket pair; the other end is served.
  int connect() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    server_.adopt(ends[1]);
    fds_.push_back(ends[0]);
    return ends[0];
  }

  void send(int fd, std::string_view bytes) {
    ASSERT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }

  // What the client received by the time the server has nothing more to do.
  std::string settle(int fd) {
    std::string received;
    char buffer[4096];
    for (int idle = 0; idle < 3;) {
      io_.restart();
      const size_t ran = io_.poll();
      const ssize_t count = ::read(fd, buffer, sizeof buffer);
      if (count > 0) received.append(buffer, static_cast<size_t>(count));
      idle = ran == 0 && count <= 0 ? idle + 1 : 0;
    }
    return received;
  }

  bool closed_by_server(int fd) {
    char c;
    return ::read(fd, &c, 1) == 0;
  }

  ~ServerTest() override {
    for (const int fd : fds_) ::close(fd);
  }

  boost::asio::io_context io_{net::kOneThread};
  ManualClock clock_;
  TestHandler handler_;
  Server server_;
  std::vector<int> fds_;
};

TEST_F(ServerTest, AnswersAPipelineInOrder) {
  const int fd = connect();
  send(fd, "PING\r\n*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\nPING x\r\n");
  EXPECT_EQ(settle(fd), "+PONG\r\n$2\r\nhi\r\n$1\r\nx\r\n");
}

TEST_F(ServerTest, HoldsRepliesUntilTheGateIsReleased) {
  const int fd = connect();
  send(fd, "PING\r\nWRITE\r\nPING\r\n");
  EXPECT_EQ(settle(fd), "+PONG\r\n");
  send(fd, "WRITE\r\n");
  EXPECT_EQ(settle(fd), "");
  server_.release_gate(1);
  EXPECT_EQ(settle(fd), "+OK\r\n+PONG\r\n");
  server_.release_gate(2);
  EXPECT_EQ(settle(fd), "+OK\r\n");
}

TEST_F(ServerTest, AClientThatOnlyListensAnyMoreGetsItsReplies) {
  const int fd = connect();
  std::string requests, replies;
  for (int i = 0; i < 1024; ++i) {
    requests += "PING          \r\n";  // 16 bytes: all of them fill what is read at once
    replies += "+PONG\r\n";
  }
  send(fd, requests);
  ::shutdown(fd, SHUT_WR);
  EXPECT_EQ(settle(fd), replies);
  EXPECT_TRUE(closed_by_server(fd));

  const int writer = connect();
  send(writer, "WRITE\r\n");
  EXPECT_EQ(settle(writer), "");
  ::shutdown(writer, SHUT_WR);
  EXPECT_EQ(settle(writer), "");
  server_.release_gate(1);
  EXPECT_EQ(settle(writer), "+OK\r\n");
  EXPECT_TRUE(closed_by_server(writer));
}

TEST_F(ServerTest, AClientKilledWhileItsCommandLetsTheLoopGoOnStaysUntilThat) {
  const int fd = connect(), killer = connect();
  send(fd, "CLIENT ID\r\n");
  const std::string id = settle(fd).substr(1);
  std::string seen;
  handler_.nest = [&] {
    send(killer, "CLIENT KILL ID " + id);
    seen = settle(killer);
    EXPECT_TRUE(handler_.closed_ids.empty());
  };
  send(fd, "NEST\r\nPING\r\n");
  EXPECT_EQ(settle(fd), "");
  EXPECT_EQ(seen, ":1\r\n");
  EXPECT_TRUE(closed_by_server(fd));
  EXPECT_EQ(handler_.closed_ids.size(), 1u);
}

TEST_F(ServerTest, DisconnectsWithoutReplyWhenTheGateFails) {
  const int fd = connect();
  send(fd, "WRITE\r\n");
  EXPECT_EQ(settle(fd), "");
  server_.fail_gate();
  EXPECT_EQ(settle(fd), "");
  EXPECT_TRUE(closed_by_server(fd));
  EXPECT_EQ(handler_.closed_ids.size(), 1u);
}

TEST_F(ServerTest, HoldsPushesOfNonDurableDataToo) {
  const int writer = connect(), listener = connect();
  send(listener, "SUBSCRIBE c\r\n");
  EXPECT_NE(settle(listener), "");
  send(writer, "WRITE\r\n");
  settle(writer);
  server_.pubsub.publish("c", "m");
  EXPECT_EQ(settle(listener), "");
  server_.release_gate(1);
  EXPECT_EQ(settle(listener), "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n");
}

TEST_F(ServerTest, RetriesPausedRequestsInOrderAfterThePause) {
  const int fd = connect();
  server_.pause(Server::Pause::writes, clock_.now() + Seconds(100));
  send(fd, "PING\r\nWRITE\r\nPING\r\n");
  EXPECT_EQ(settle(fd), "+PONG\r\n");
  server_.unpause();
  settle(fd);
  server_.release_gate(1);
  EXPECT_EQ(settle(fd), "+OK\r\n+PONG\r\n");
}

TEST_F(ServerTest, RefusesTheClientThatIsOneTooMany) {
  server_.settings.max_clients = 1;
  const int first = connect(), second = connect();
  EXPECT_EQ(settle(second), "-ERR max number of clients reached\r\n");
  EXPECT_TRUE(closed_by_server(second));
  send(first, "PING\r\n");
  EXPECT_EQ(settle(first), "+PONG\r\n");
}

TEST_F(ServerTest, ClosesAfterAProtocolErrorAndHarmsNobodyElse) {
  const int bad = connect(), good = connect();
  send(bad, "*1\r\n$999999999999\r\n");
  EXPECT_EQ(settle(bad), "-ERR Protocol error: invalid bulk length\r\n");
  EXPECT_TRUE(closed_by_server(bad));
  send(good, "PING\r\n");
  EXPECT_EQ(settle(good), "+PONG\r\n");
}

TEST_F(ServerTest, ClosesSlowSubscribersAtTheHardLimit) {
  server_.settings.pubsub = {100 * 1024, 0, Seconds(0)};
  const int fd = connect();
  send(fd, "SUBSCRIBE c\r\n");
  settle(fd);
  const std::string message(1024, 'x');
  for (int i = 0; i < 2000 && server_.connections().size() == 1; ++i) {
    server_.pubsub.publish("c", message);
    io_.restart();
    io_.poll();
  }
  EXPECT_TRUE(server_.connections().empty());
  EXPECT_EQ(server_.stats.output_limit_disconnections, 1u);
}

TEST_F(ServerTest, ReplyModesDropReplies) {
  const int fd = connect();
  send(fd, "CLIENT REPLY SKIP\r\nPING\r\nECHO a\r\n");
  EXPECT_EQ(settle(fd), "$1\r\na\r\n");
  send(fd, "CLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY SKIP\r\nPING\r\nCLIENT REPLY ON\r\n");
  EXPECT_EQ(settle(fd), "+OK\r\n");
}

TEST_F(ServerTest, MessagesAreNoReplies) {
  const int fd = connect();
  send(fd, "CLIENT REPLY OFF\r\nSUBSCRIBE c\r\nPING\r\n");
  EXPECT_EQ(settle(fd), "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
  server_.pubsub.publish("c", "m");
  EXPECT_EQ(settle(fd), "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n");
  send(fd, "UNSUBSCRIBE c\r\n");
  EXPECT_EQ(settle(fd), "*3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n");
}

TEST_F(ServerTest, APipelineOverTheOutputLimitGetsNoReply) {
  server_.settings.normal = {100 * 1024, 0, Seconds(0)};
  const int fd = connect();
  send(fd, "COMMAND\r\n");
  const size_t each = settle(fd).size();
  ASSERT_GT(each, 1000u);
  ASSERT_LT(each, 50'000u);
  std::string pipeline;
  for (size_t i = 0; i <= 100 * 1024 / each; ++i) pipeline += "COMMAND\r\n";
  send(fd, pipeline);
  EXPECT_EQ(settle(fd), "");
  EXPECT_TRUE(closed_by_server(fd));
  EXPECT_EQ(server_.stats.output_limit_disconnections, 1u);
}

TEST_F(ServerTest, ClientsHeldByAPauseCountAsBlocked) {
  const int fd = connect();
  server_.pause(Server::Pause::writes, clock_.now() + Seconds(100));
  send(fd, "WRITE\r\n");
  settle(fd);
  EXPECT_TRUE(server_.find(1)->blocked);
  bool told = false;
  server_.on_unpause([&] { told = true; });
  server_.unpause();
  EXPECT_FALSE(told);  // nobody's request runs inside of the caller's
  settle(fd);
  EXPECT_TRUE(told);
  EXPECT_FALSE(server_.find(1)->blocked);
}

TEST_F(ServerTest, EachPurposeEndsItsOwnPause) {
  using Purpose = Server::PausePurpose;
  const int fd = connect();
  server_.pause(Server::Pause::writes, Instant::max(), Purpose::failover);
  server_.pause(Server::Pause::all, clock_.now() + Seconds(100));
  EXPECT_EQ(server_.paused(), Server::Pause::all);
  send(fd, "WRITE\r\n");
  settle(fd);
  server_.unpause();  // CLIENT UNPAUSE
  EXPECT_EQ(server_.paused(), Server::Pause::writes);
  EXPECT_EQ(settle(fd), "");
  EXPECT_TRUE(server_.find(1)->blocked);
  server_.unpause(Purpose::failover);
  EXPECT_EQ(server_.paused(), Server::Pause::none);
  settle(fd);
  server_.release_gate(1);
  EXPECT_EQ(settle(fd), "+OK\r\n");
}

TEST_F(ServerTest, OtherAddressesOfOnePortTakeOver) {
  const auto connects = [](uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool done = ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
    ::close(fd);
    return done;
  };
  uint16_t port = 22510;
  while (port < 22600 && (connects(port) || !server_.listen_tcp({"127.0.0.1"}, port, 16))) ++port;
  EXPECT_TRUE(connects(port));
  EXPECT_TRUE(server_.listen_tcp({"*"}, port, 16));  // overlaps with the former
  EXPECT_TRUE(connects(port));
  EXPECT_FALSE(server_.listen_tcp({"203.0.113.7"}, port, 16));  // no address of this machine
  EXPECT_TRUE(connects(port)) << "a failure leaves the former addresses";
  EXPECT_TRUE(server_.listen_tcp({}, port, 16));
  EXPECT_FALSE(connects(port));
}

TEST_F(ServerTest, TrackingIsOffAndStaysSo) {
  const int fd = connect();
  send(fd, "CLIENT TRACKING OFF\r\nCLIENT TRACKING ON\r\nCLIENT TRACKING MAYBE\r\nCLIENT GETREDIR\r\n");
  EXPECT_EQ(settle(fd), "+OK\r\n-ERR Client-side caching is not supported\r\n-ERR syntax error\r\n:-1\r\n");
}

TEST_F(ServerTest, CommandListHasTheSubcommands) {
  const int fd = connect();
  send(fd, "COMMAND LIST\r\n");
  const std::string all = settle(fd);
  EXPECT_NE(all.find("\r\nclient\r\n"), std::string::npos);
  EXPECT_NE(all.find("\r\nclient|list\r\n"), std::string::npos);
  send(fd, "COMMAND LIST FILTERBY PATTERN client|k*\r\n");
  EXPECT_EQ(settle(fd), "*1\r\n$11\r\nclient|kill\r\n");
}

TEST_F(ServerTest, AuthenticatesTheDefaultUser) {
  server_.users.set_default_password("123456");
  const int fd = connect();
  send(fd, "AUTH 12345\r\nAUTH 1234567\r\nAUTH default 123456\r\nHELLO 3\r\n");
  const std::string received = settle(fd);
  const std::string wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
  EXPECT_EQ(received.substr(0, 2 * wrong.size() + 7), wrong + wrong + "+OK\r\n%6");
}

TEST_F(ServerTest, KillsByFilterAndAnswersTheKiller) {
  const int killer = connect(), victim = connect();
  send(killer, "CLIENT KILL TYPE normal\r\n");
  EXPECT_EQ(settle(killer), ":1\r\n");
  settle(victim);
  EXPECT_TRUE(closed_by_server(victim));
  EXPECT_EQ(server_.connections().size(), 1u);
}

TEST_F(ServerTest, SeesAnEndThatCameTogetherWithTheLastBytes) {
  const int fd = connect();
  send(fd, "PING\r\n");
  ASSERT_EQ(::shutdown(fd, SHUT_WR), 0);
  EXPECT_EQ(settle(fd), "+PONG\r\n");
  clock_.advance(Seconds(1));
  for (int i = 0; i < 100 && !server_.connections().empty(); ++i) {
    io_.restart();
    io_.run_for(std::chrono::milliseconds(100));
  }
  EXPECT_TRUE(server_.connections().empty());
  EXPECT_TRUE(closed_by_server(fd));
}

TEST_F(ServerTest, JudgesARequestByTheAuthenticationBeforeIt) {
  server_.users.set_default_password("123456");
  const int fd = connect();
  // Eleven arguments are too many before AUTH and fine after it, in the same pipeline.
  std::string many = "*12\r\n$4\r\nECHO\r\n";
  for (int i = 0; i < 11; ++i) many += "$1\r\nx\r\n";
  send(fd, "*2\r\n$4\r\nAUTH\r\n$6\r\n123456\r\n" + many + "PING\r\n");
  EXPECT_EQ(settle(fd), "+OK\r\n$1\r\nx\r\n+PONG\r\n");
  EXPECT_FALSE(closed_by_server(fd));
}

TEST_F(ServerTest, AnswersWhatCameBeforeAProtocolError) {
  const int fd = connect();
  send(fd, "*2\r\n$4\r\nECHO\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n*1\r\n!\r\n");
  EXPECT_EQ(settle(fd), "$1\r\na\r\n+PONG\r\n-ERR Protocol error: expected '$', got '!'\r\n");
  EXPECT_TRUE(closed_by_server(fd));
}

TEST_F(ServerTest, AnswersALongPipelineThatArrivesInPieces) {
  const int fd = connect();
  std::string requests, expected, received;
  for (int i = 0; i < 500; ++i) {
    const std::string word = std::string(static_cast<size_t>(i % 90), 'v') + std::to_string(i);
    const std::string bulk = "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    requests += "*2\r\n$4\r\nECHO\r\n" + bulk;
    expected += bulk;
  }
  for (size_t at = 0; at < requests.size(); at += 37) {
    send(fd, std::string_view(requests).substr(at, 37));
    received += settle(fd);
  }
  EXPECT_EQ(received, expected);
}

TEST_F(ServerTest, GivesBackTheBuffersOfAnIdleClient) {
  const int fd = connect();
  send(fd, "PING\r\n");
  settle(fd);
  const Session& session = *server_.connections().begin()->second;
  EXPECT_EQ(session.input_free_bytes(), 16384u);
  EXPECT_EQ(session.reply_buffer_bytes(), 1024u);
  clock_.advance(Seconds(11));
  for (int i = 0; i < 100 && session.input_free_bytes() > 0; ++i) {
    io_.restart();
    io_.run_for(std::chrono::milliseconds(100));
  }
  EXPECT_EQ(session.input_free_bytes(), 0u);
  EXPECT_LT(session.reply_buffer_bytes(), 64u);
  send(fd, "PING\r\n");
  EXPECT_EQ(settle(fd), "+PONG\r\n");
}

// Many clients at once, so that the threads have their share of every turn.
class ThreadedServerTest : public ServerTest, public testing::WithParamInterface<bool> {};

TEST_P(ThreadedServerTest, AnswersEachClientInOrder) {
  server_.use_io_threads(4, GetParam());
  constexpr int kClients = 40;
  std::vector<int> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(connect());
  std::vector<std::string> received(kClients), expected(kClients);
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < kClients; ++i) {
      const std::string word = std::to_string(round) + "/" + std::to_string(i) + std::string(static_cast<size_t>(round * 40), 'x');
      const std::string bulk = "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
      send(clients[i], "*2\r\n$4\r\nECHO\r\n" + bulk + "PING\r\n*2\r\n$4\r\nECHO\r\n$3\r\nab");
      expected[i] += bulk + "+PONG\r\n$3\r\nabc\r\n";
    }
    for (int i = 0; i < kClients; ++i) received[i] += settle(clients[i]);
    for (int i = 0; i < kClients; ++i) send(clients[i], "c\r\n");
    for (int i = 0; i < kClients; ++i) received[i] += settle(clients[i]);
  }
  EXPECT_EQ(received, expected);
  EXPECT_GT(server_.stats.threaded_writes, 0u);
  EXPECT_EQ(server_.stats.threaded_reads > 0, GetParam());
}

TEST_P(ThreadedServerTest, ClosesAndRefusesAsWithoutThreads) {
  server_.use_io_threads(3, GetParam());
  std::vector<int> clients;
  for (int i = 0; i < 30; ++i) clients.push_back(connect());
  for (size_t i = 0; i < clients.size(); ++i) {
    if (i % 3 == 0) send(clients[i], "*1\r\n$x\r\n");
    if (i % 3 == 1) send(clients[i], "PING\r\nQUIT\r\nPING\r\n");
    if (i % 3 == 2) {
      ASSERT_EQ(::shutdown(clients[i], SHUT_RDWR), 0);
    }
  }
  for (size_t i = 0; i < clients.size(); ++i) {
    const std::string received = settle(clients[i]);
    EXPECT_EQ(received, i % 3 == 0 ? "-ERR Protocol error: invalid bulk length\r\n" : i % 3 == 1 ? "+PONG\r\n+OK\r\n" : "");
    EXPECT_TRUE(closed_by_server(clients[i])) << i;
  }
  EXPECT_TRUE(server_.connections().empty());
}

INSTANTIATE_TEST_SUITE_P(Io, ThreadedServerTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "ReadingToo" : "Sending"; });

}  // namespace
}  // namespace holdfast::server
