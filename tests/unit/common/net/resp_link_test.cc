#include "common/net/resp_link.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/net/listener.h"

namespace holdfast::net {
namespace {

// A listener on loopback whose accepted sockets the test reads and writes by hand, and a link to it.
class RespLinkTest : public testing::Test, protected RespLink::Handler {
 protected:
  RespLinkTest() {
    listener_ = Listener::tcp(io_, "127.0.0.1", 0, 8, [this](int fd) { accepted_.push_back(fd); }).value();
  }
  ~RespLinkTest() override {
    if (link_) link_->close();
    for (const int fd : accepted_) ::close(fd);
  }

  void open(bool pushes = false, Millis timeout = Millis(0)) {
    RespLink::Options options;
    options.address = {"127.0.0.1", listener_ ? listener_->port() : port_};
    options.pushes = pushes;
    options.connect_timeout = timeout;
    options.tag = 42;
    link_ = RespLink::open(io_, options, *this);
  }

  // Runs the loop until `done`; fails the test after five seconds.
  template <class Done>
  void run_until(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (!done()) {
      io_.restart();
      io_.run_one_for(std::chrono::milliseconds(2));
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "nothing happened";
    }
  }
  void connect(bool pushes = false) {
    open(pushes);
    run_until([&] { return ups_ == 1 && accepted_.size() == 1; });
  }
  void serve(std::string_view bytes) {
    ASSERT_EQ(::write(accepted_[0], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  std::string received(size_t count) {
    std::string bytes;
    run_until([&] {
      static char buffer[1 << 20];
      const ssize_t got = ::recv(accepted_[0], buffer, sizeof buffer, MSG_DONTWAIT);
      if (got > 0) bytes.append(buffer, static_cast<size_t>(got));
      return bytes.size() >= count;
    });
    return bytes;
  }
  void send(std::vector<RespLink::Command> commands) {
    link_->send(commands, [this](std::span<const resp::Reply> replies) {
      answers_.emplace_back(replies.begin(), replies.end());
    });
  }

  void on_link_up(RespLink& link, const std::string& local) override {
    ++ups_;
    local_ = local;
    EXPECT_EQ(link.tag(), 42u);
  }
  void on_link_down(RespLink&, const Error& error) override { downs_.push_back(error); }
  void on_link_push(RespLink&, const resp::Reply& message) override { pushed_.push_back(message); }

  boost::asio::io_context io_{kOneThread};
  std::unique_ptr<Listener> listener_;
  uint16_t port_ = 0;
  std::vector<int> accepted_;
  std::shared_ptr<RespLink> link_;
  int ups_ = 0;
  std::string local_;
  std::vector<Error> downs_;
  std::vector<resp::Reply> pushed_;
  std::vector<std::vector<resp::Reply>> answers_;
};

TEST_F(RespLinkTest, SendsWhatWasWrittenBeforeItWasConnected) {
  open();
  send({{"PING"}});
  EXPECT_EQ(ups_, 0);
  run_until([&] { return ups_ == 1 && accepted_.size() == 1; });
  EXPECT_EQ(local_, "127.0.0.1");
  EXPECT_EQ(received(14), "*1\r\n$4\r\nPING\r\n");
}

TEST_F(RespLinkTest, HandsBackRepliesInOrderAndTogether) {
  connect();
  send({{"MULTI"}, {"EXEC"}});
  send({{"PING"}});
  serve("+OK\r\n*2\r\n:1\r\n-ERR x");
  run_until([&] { return io_.poll_one() == 0; });
  EXPECT_TRUE(answers_.empty());
  serve("\r\n+PONG\r\n");
  run_until([&] { return answers_.size() == 2; });
  ASSERT_EQ(answers_[0].size(), 2u);
  EXPECT_EQ(answers_[0][1].items[1].text, "ERR x");
  EXPECT_EQ(answers_[1][0].text, "PONG");
}

TEST_F(RespLinkTest, TellsMessagesFromReplies) {
  connect(true);
  send({{"SUBSCRIBE", "c"}});
  serve("*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n");
  run_until([&] { return pushed_.size() == 1; });
  EXPECT_EQ(answers_.size(), 1u);
  EXPECT_EQ(pushed_[0].items[2].text, "hi");
}

TEST_F(RespLinkTest, ReportsARefusedConnectionLater) {
  port_ = listener_->port();
  listener_.reset();
  open();
  EXPECT_TRUE(downs_.empty());
  run_until([&] { return downs_.size() == 1; });
  EXPECT_EQ(downs_[0].code, ECONNREFUSED);
  send({{"PING"}});  // to a dead link: nothing
}

TEST_F(RespLinkTest, ReportsThePeersClose) {
  connect();
  send({{"PING"}});
  ::close(accepted_[0]);
  accepted_.clear();
  run_until([&] { return downs_.size() == 1; });
  EXPECT_TRUE(answers_.empty());
}

TEST_F(RespLinkTest, ReportsACloseThatCameWithTheLastBytes) {
  connect();
  send({{"PING"}});
  received(14);  // all of it: else the close is a reset
  serve("+PONG\r\n");
  ::close(accepted_[0]);
  accepted_.clear();
  run_until([&] { return downs_.size() == 1; });
  EXPECT_EQ(answers_.size(), 1u);
  EXPECT_EQ(downs_[0].text, "Server closed the connection");
}

TEST_F(RespLinkTest, TakesMoreThanItsBufferAtOnce) {
  connect();
  send({{"INFO"}});
  const std::string text(100'000, 'x');
  serve("$100000\r\n" + text + "\r\n");
  run_until([&] { return answers_.size() == 1; });
  EXPECT_EQ(answers_[0][0].text, text);
}

TEST_F(RespLinkTest, GivesUpOnAPeerThatSpeaksNoResp) {
  connect();
  serve("HTTP/1.1 400 Bad Request\r\n");
  run_until([&] { return downs_.size() == 1; });
  EXPECT_TRUE(downs_[0].text.starts_with("Protocol error")) << downs_[0].text;
}

TEST_F(RespLinkTest, GivesUpOnAReplyNobodyAskedFor) {
  connect();
  serve("+PONG\r\n");
  run_until([&] { return downs_.size() == 1; });
}

TEST_F(RespLinkTest, SaysNothingAfterClose) {
  connect();
  send({{"PING"}});
  link_->close();
  serve("+PONG\r\n");
  while (io_.poll_one() > 0) io_.restart();
  EXPECT_TRUE(answers_.empty());
  EXPECT_TRUE(downs_.empty());
}

TEST_F(RespLinkTest, MayBeClosedByItsOwnAnswer) {
  connect();
  link_->send(std::vector<RespLink::Command>{{"QUIT"}}, [this](std::span<const resp::Reply>) { link_->close(); });
  send({{"PING"}});
  serve("+OK\r\n+PONG\r\n");
  run_until([&] { return io_.poll_one() == 0; });
  EXPECT_TRUE(answers_.empty());
}

TEST_F(RespLinkTest, ResolvesNames) {
  RespLink::Options options;
  options.address = {"localhost", listener_->port()};
  options.tag = 42;
  link_ = RespLink::open(io_, options, *this);
  run_until([&] { return ups_ == 1; });
}

TEST_F(RespLinkTest, RefusesNamesWhereNoneAreAllowed) {
  RespLink::Options options;
  options.address = {"localhost", listener_->port()};
  options.resolve = false;
  link_ = RespLink::open(io_, options, *this);
  EXPECT_TRUE(downs_.empty());
  run_until([&] { return downs_.size() == 1; });
}

TEST_F(RespLinkTest, SendsMoreThanTheSocketTakesAtOnce) {
  connect();
  const std::string large(8 << 20, 'x');
  send({{"SET", "k", large}});
  EXPECT_EQ(received(large.size() + 30).size(),
            std::string("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$8388608\r\n\r\n").size() + large.size());
  serve("+OK\r\n");
  run_until([&] { return answers_.size() == 1; });
}

}  // namespace
}  // namespace holdfast::net
