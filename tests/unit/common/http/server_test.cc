// Real sockets on loopback: the server on its thread, blocking clients in the test.
#include "common/http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <semaphore>
#include <thread>

namespace holdfast::http {
namespace {

using boost::asio::ip::tcp;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Client {
 public:
  explicit Client(const Endpoint& server) : socket_(io_) {
    socket_.connect({boost::asio::ip::make_address(server.host), server.port});
    const timeval deadline{10, 0};  // a test that hangs is a test that fails
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline));
  }
  void send(std::string_view text) {
    boost::system::error_code ignored;
    boost::asio::write(socket_, boost::asio::buffer(text), ignored);
  }
  // All until the server closes; "TIMEOUT" is appended when it does not within 10 s.
  std::string read_all() {
    std::string all;
    char chunk[4096];
    for (;;) {
      const ssize_t got = ::recv(socket_.native_handle(), chunk, sizeof(chunk), 0);
      if (got < 0 && errno == EAGAIN) return all + "TIMEOUT";
      if (got <= 0) return all;
      all.append(chunk, static_cast<size_t>(got));
    }
  }
  // One response with a body of that length.
  std::string read_response(size_t body_size) {
    std::string text;
    boost::asio::dynamic_string_buffer buffer(text);
    const size_t header = boost::asio::read_until(socket_, buffer, "\r\n\r\n");
    while (text.size() < header + body_size) {
      char chunk[4096];
      const ssize_t got = ::recv(socket_.native_handle(), chunk, sizeof(chunk), 0);
      if (got <= 0) break;
      text.append(chunk, static_cast<size_t>(got));
    }
    return text;
  }

 private:
  boost::asio::io_context io_;
  tcp::socket socket_;
};

ServerOptions loopback() {
  ServerOptions options;
  options.binds = {"127.0.0.1"};
  options.ephemeral = true;
  return options;
}

std::shared_ptr<const Snapshot> page(std::string body) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->add("/metrics", Response{200, "text/plain; version=0.0.4; charset=utf-8", std::move(body)});
  snapshot->add("/down", Response{503, std::string(kJson), "{}\n"});
  snapshot->add("/replica", [](const Request& r) {
    return Response{200, "text/plain", std::string(r.parameter("lag").value_or("none"))};
  });
  return snapshot;
}

std::string ask(const Server& server, std::string_view method, std::string_view target) {
  Client client(server.endpoints().front());
  client.send(std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  return client.read_all();
}

TEST(HttpServer, ServesThePublishedSnapshot) {
  auto server = Server::start(loopback());
  ASSERT_TRUE(server);
  EXPECT_THAT(ask(**server, "GET", "/metrics"), StartsWith("HTTP/1.1 503 "));  // nothing is published yet
  (*server)->publish(page("first"));
  const std::string answer = ask(**server, "GET", "/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nfirst"));
  (*server)->publish(page("second"));
  EXPECT_THAT(ask(**server, "GET", "/metrics"), EndsWith("\r\n\r\nsecond"));
  EXPECT_THAT(ask(**server, "GET", "/replica?lag=10mb"), EndsWith("\r\n\r\n10mb"));
}

TEST(HttpServer, HeadAndOptionsAnswerWithTheStatusOfGet) {
  auto server = Server::start(loopback());
  ASSERT_TRUE(server);
  (*server)->publish(page("12345"));
  const std::string head = ask(**server, "HEAD", "/metrics");
  EXPECT_THAT(head, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_THAT(head, EndsWith("\r\n\r\n"));
  EXPECT_THAT(ask(**server, "HEAD", "/down"), StartsWith("HTTP/1.1 503 "));
  const std::string options = ask(**server, "OPTIONS", "/down");
  EXPECT_THAT(options, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(options, HasSubstr("Allow: GET, HEAD, OPTIONS\r\n"));
  EXPECT_THAT(options, EndsWith("Content-Length: 0\r\n\r\n"));
  EXPECT_THAT(ask(**server, "OPTIONS", "*"), StartsWith("HTTP/1.1 200 "));
  // HAProxy's own form of the check.
  Client client((*server)->endpoints().front());
  client.send("OPTIONS /metrics HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.0 200 "));
}

TEST(HttpServer, ErrorsAreJson) {
  auto server = Server::start(loopback());
  ASSERT_TRUE(server);
  (*server)->publish(page(""));
  const std::string missing = ask(**server, "GET", "/nope");
  EXPECT_THAT(missing, StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(missing, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(missing, HasSubstr("{\"error\":\"no such path: /nope\"}"));
  const std::string post = ask(**server, "POST", "/metrics");
  EXPECT_THAT(post, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(post, HasSubstr("Allow: GET, HEAD, OPTIONS\r\n"));
  EXPECT_THAT(ask(**server, "GET", "/%zz"), StartsWith("HTTP/1.1 400 "));
}

TEST(HttpServer, KeepsAliveAndAnswersPipelinedRequestsInOrder) {
  auto server = Server::start(loopback());
  ASSERT_TRUE(server);
  (*server)->publish(page("body"));
  Client client((*server)->endpoints().front());
  client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.read_response(4), EndsWith("body"));
  client.send(
      "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\nGET /down HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /replica?lag=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string rest = client.read_all();
  EXPECT_LT(rest.find(" 200 OK"), rest.find(" 503 Service"));
  EXPECT_THAT(rest, EndsWith("\r\n\r\n1"));
}

TEST(HttpServer, HostileRequestsAreRefusedAndOthersUnharmed) {
  auto server = Server::start(loopback());
  ASSERT_TRUE(server);
  (*server)->publish(page("fine"));
  const auto answer_to = [&](const std::string& bytes) {
    Client client((*server)->endpoints().front());
    client.send(bytes);
    return client.read_all();
  };
  EXPECT_THAT(answer_to("GET /metrics HTTP/1.1\r\nX: " + std::string(20'000, 'x')), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(answer_to("GET /metrics HTTP/1.1\r\nContent-Length: 600000000\r\n\r\nxxxx"), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(answer_to("\x01\x02\xff\xfe garbage\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer_to("*1\r\n$4\r\nPING\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask(**server, "GET", "/metrics"), EndsWith("fine"));
}

TEST(HttpServer, SlowRequestsMeetTheirDeadline) {
  ServerOptions options = loopback();
  options.request_timeout = std::chrono::milliseconds(200);
  auto server = Server::start(options);
  ASSERT_TRUE(server);
  (*server)->publish(page("fine"));
  Client silent((*server)->endpoints().front());
  EXPECT_EQ(silent.read_all(), "");
  // One byte at a time, each well within the deadline, the whole not: closed all the same.
  Client trickle((*server)->endpoints().front());
  const auto begin = std::chrono::steady_clock::now();
  std::binary_semaphore closed(0);
  std::thread feeder([&] {
    do {
      trickle.send("G");
    } while (!closed.try_acquire_for(std::chrono::milliseconds(20)) &&
             std::chrono::steady_clock::now() - begin < std::chrono::seconds(1));
  });
  EXPECT_THAT(trickle.read_all(), Not(HasSubstr("TIMEOUT")));
  closed.release();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(900));
  feeder.join();
  EXPECT_THAT(ask(**server, "GET", "/metrics"), EndsWith("fine"));
}

TEST(HttpServer, IdleConnectionsGiveWayWhenAllPlacesAreTaken) {
  ServerOptions options = loopback();
  options.max_connections = 3;
  options.request_timeout = std::chrono::minutes(10);
  auto server = Server::start(options);
  ASSERT_TRUE(server);
  (*server)->publish(page("fine"));
  std::vector<std::unique_ptr<Client>> hoarders;
  for (int i = 0; i < 20; ++i) hoarders.push_back(std::make_unique<Client>((*server)->endpoints().front()));
  EXPECT_THAT(ask(**server, "GET", "/metrics"), EndsWith("fine"));
  EXPECT_EQ(hoarders.front()->read_all(), "");
}

TEST(HttpServer, ListensAtSeveralAddressesAndSkipsOptionalOnes) {
  ServerOptions options = loopback();
  options.binds = {"127.0.0.1", "-192.0.2.1", "127.0.0.2"};
  auto server = Server::start(options);
  ASSERT_TRUE(server);
  ASSERT_EQ((*server)->endpoints().size(), 2u);
  (*server)->publish(page("fine"));
  Client client((*server)->endpoints()[1]);
  client.send("GET /metrics HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.read_all(), EndsWith("fine"));
}

TEST(HttpServer, StartFailsWithAClearError) {
  auto first = Server::start(loopback());
  ASSERT_TRUE(first);
  ServerOptions options = loopback();
  options.ephemeral = false;
  options.port = (*first)->endpoints().front().port;
  const auto second = Server::start(options);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().text, HasSubstr("Address already in use"));
  options.binds = {"nonsense"};
  EXPECT_THAT(Server::start(options).error().text, HasSubstr("not an IP address"));
}

TEST(HttpServer, PortZeroIsOff) {
  ServerOptions options;
  options.binds = {"127.0.0.1"};
  auto server = Server::start(options);
  ASSERT_TRUE(server);
  EXPECT_TRUE((*server)->endpoints().empty());
  (*server)->publish(page("unseen"));
}

TEST(HttpServer, StopsWithOpenConnections) {
  auto server = Server::start(loopback());
  ASSERT_TRUE(server);
  Client idle((*server)->endpoints().front());
  idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  idle.read_response(0);
  (*server)->stop();
  (*server)->stop();
  (*server)->publish(page("unseen"));
  EXPECT_THAT(idle.read_all(), Not(HasSubstr("TIMEOUT")));
}

}  // namespace
}  // namespace holdfast::http
