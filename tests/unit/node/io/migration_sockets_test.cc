// MIGRATE's connections against a peer that answers by a script.
#include "node/io/migration_sockets.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace holdfast::node {
namespace {

using Failure = MigrationResult::Failure;

// For each step: once what has come since the last one ends so, send the reply, or, with none, close the connection.
struct Step {
  std::string ends_with;
  std::optional<std::string> reply;
};

class Peer {
 public:
  explicit Peer(std::vector<Step> script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 4), 0);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { serve(); });
  }
  ~Peer() {
    stop_ = true;
    thread_.join();
    ::close(listener_);
  }
  std::string_view port() const { return port_; }
  int connections() const { return connections_; }
  std::string received() {
    const std::lock_guard lock(mutex_);
    return received_;
  }

 private:
  void serve() {
    int client = -1;
    std::string pending;
    size_t step = 0;
    while (!stop_) {
      pollfd waiting{client < 0 ? listener_ : client, POLLIN, 0};
      if (::poll(&waiting, 1, 10) <= 0) continue;
      if (client < 0) {
        client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        ++connections_;
        pending.clear();
        continue;
      }
      char buffer[4096];
      const ssize_t got = ::recv(client, buffer, sizeof buffer, 0);
      if (got > 0) {
        pending.append(buffer, static_cast<size_t>(got));
        const std::lock_guard lock(mutex_);
        received_.append(buffer, static_cast<size_t>(got));
      }
      const bool answer = got > 0 && step < script_.size() && pending.ends_with(script_[step].ends_with);
      if (answer && script_[step].reply) {
        const std::string& reply = *script_[step].reply;
        EXPECT_EQ(::send(client, reply.data(), reply.size(), MSG_NOSIGNAL), static_cast<ssize_t>(reply.size()));
        pending.clear();
      }
      if (got <= 0 || (answer && !script_[step].reply)) {
        ::close(client);
        client = -1;
      }
      if (answer) ++step;
    }
    if (client >= 0) ::close(client);
  }

  const std::vector<Step> script_;
  int listener_ = -1;
  std::string port_;
  std::thread thread_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;
  std::string received_;
};

class Migrating : public ::testing::Test {
 protected:
  MigrationResult migrate(std::string_view port, int64_t db = 0, std::vector<std::string_view> credentials = {}) {
    return sockets.migrate({.host = "127.0.0.1",
                            .port = port,
                            .db = db,
                            .credentials = std::move(credentials),
                            .restores = "<keys>",
                            .count = 2,
                            .timeout = timeout});
  }
  ManualClock clock;
  MigrationSockets sockets{clock};
  Millis timeout{5000};
};

TEST_F(Migrating, LogsInSelectsThenSends) {
  Peer peer({{"$1\r\n3\r\n", "+OK\r\n+OK\r\n"}, {"<keys>", "+OK\r\n-BUSYKEY there\r\n"}});
  const MigrationResult result = migrate(peer.port(), 3, {"user", "secret"});
  EXPECT_EQ(result.failure, Failure::none);
  EXPECT_EQ(result.refusal, "");
  ASSERT_EQ(result.replies.size(), 2u);
  EXPECT_EQ(result.replies[0], std::nullopt);
  EXPECT_EQ(result.replies[1], "BUSYKEY there");
  EXPECT_EQ(peer.received(),
            "*3\r\n$4\r\nAUTH\r\n$4\r\nuser\r\n$6\r\nsecret\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n<keys>");
}

TEST_F(Migrating, KeepsTheConnectionAndItsDatabaseForAWhile) {
  Peer peer({{"0\r\n", "+OK\r\n"}, {"<keys>", "+OK\r\n+OK\r\n"}, {"<keys>", "+OK\r\n+OK\r\n"}});
  migrate(peer.port());
  EXPECT_EQ(sockets.cached_connections(), 1u);
  EXPECT_EQ(migrate(peer.port()).replies.size(), 2u);
  EXPECT_EQ(peer.connections(), 1);
  clock.advance(Seconds(11));
  sockets.tick();
  EXPECT_EQ(sockets.cached_connections(), 0u);
}

TEST_F(Migrating, AKeptConnectionThatThePeerClosedIsReplaced) {
  Peer peer({{"0\r\n", "+OK\r\n"},
             {"<keys>", "+OK\r\n+OK\r\n"},
             {"<keys>", std::nullopt},
             {"0\r\n", "+OK\r\n"},
             {"<keys>", "+OK\r\n+OK\r\n"}});
  migrate(peer.port());
  const MigrationResult result = migrate(peer.port());
  EXPECT_EQ(result.failure, Failure::none);
  EXPECT_EQ(result.replies.size(), 2u);
  EXPECT_EQ(peer.connections(), 2);
}

TEST_F(Migrating, SendsNoKeyToAPeerThatRefusesUs) {
  Peer peer({Step{"7\r\n", "-WRONGPASS no\r\n-NOAUTH first\r\n"}});
  const MigrationResult result = migrate(peer.port(), 7, {"bad"});
  EXPECT_EQ(result.refusal, "WRONGPASS no");
  EXPECT_TRUE(result.replies.empty());
  EXPECT_EQ(peer.received().find("<keys>"), std::string::npos);
  EXPECT_EQ(sockets.cached_connections(), 0u);
}

TEST_F(Migrating, AnswersThatStayOutAreATimeoutThatIsNotTriedAgain) {
  timeout = Millis(50);
  Peer peer({{"0\r\n", "+OK\r\n"}, {"<keys>", "+OK\r\n"}});
  const MigrationResult result = migrate(peer.port());
  EXPECT_EQ(result.failure, Failure::reading);
  EXPECT_EQ(result.replies.size(), 1u);  // this one the peer has
  EXPECT_EQ(peer.connections(), 1);
  EXPECT_EQ(sockets.cached_connections(), 0u);
}

TEST_F(Migrating, WhatIsNoReplyIsAFailure) {
  Peer peer({Step{"0\r\n", "HTTP/1.1 400 Bad Request\r\n"}});
  EXPECT_EQ(migrate(peer.port()).failure, Failure::reading);
}

TEST_F(Migrating, NobodyThere) {
  std::string port;
  {
    const Peer gone(std::vector<Step>{});
    port = gone.port();
  }
  EXPECT_EQ(migrate(port).failure, Failure::writing);
  EXPECT_EQ(migrate("no port").failure, Failure::writing);
  MigrationResult result = sockets.migrate(
      {.host = "no.such.host.invalid", .port = "1", .restores = "<keys>", .count = 2, .timeout = timeout});
  EXPECT_EQ(result.failure, Failure::connecting);
}

}  // namespace
}  // namespace holdfast::node
