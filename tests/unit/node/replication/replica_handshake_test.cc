#include "node/replication/replica_handshake.h"

#include <gtest/gtest.h>

#include "common/resp/writer.h"

namespace holdfast::node {
namespace {

using Verdict = HandshakeStep::Verdict;

RunId id_of(char digit) { return *RunId::parse(std::string(40, digit)); }

std::string command(std::initializer_list<std::string_view> argv) {
  std::string out;
  resp::Writer(out).command(std::span(argv.begin(), argv.size()));
  return out;
}

// A handshake that has come to PSYNC.
ReplicaHandshake at_psync(std::optional<HistoryPosition> resume) {
  ReplicaHandshake handshake({.listening_port = 6380, .resume = resume});
  handshake.start();
  handshake.line("+PONG");
  handshake.line("+OK");
  handshake.line("+OK");
  return handshake;
}

TEST(ReplicaHandshake, AsksInRedissOrder) {
  ReplicaHandshake handshake({.user = "repl",
                              .password = "secret",
                              .listening_port = 6380,
                              .announce_ip = "10.0.0.9",
                              .resume = HistoryPosition{id_of('a'), 41}});
  EXPECT_EQ(handshake.start().send, command({"PING"}));
  EXPECT_EQ(handshake.line("-NOAUTH Authentication required.").send,
            command({"AUTH", "repl", "secret"}) + command({"REPLCONF", "listening-port", "6380"}) +
                command({"REPLCONF", "ip-address", "10.0.0.9"}) + command({"REPLCONF", "capa", "eof", "capa", "psync2"}));
  EXPECT_EQ(handshake.line("+OK").send, "");
  EXPECT_EQ(handshake.line("+OK").send, "");
  EXPECT_EQ(handshake.line("+OK").send, "");
  EXPECT_EQ(handshake.line("+OK").send, command({"PSYNC", std::string(40, 'a'), "42"}));
}

TEST(ReplicaHandshake, AsksAReplicaToTakeOver) {
  ReplicaHandshake handshake({.listening_port = 6380, .resume = HistoryPosition{id_of('a'), 41}, .takeover = true});
  handshake.start();
  handshake.line("+PONG");
  handshake.line("+OK");
  const auto asked = handshake.line("+OK");
  EXPECT_EQ(asked.send, command({"PSYNC", std::string(40, 'a'), "42", "FAILOVER"}));
  EXPECT_TRUE(asked.psync_sent);
  const auto refused = handshake.line("-ERR PSYNC FAILOVER can't be sent to a master.");
  EXPECT_EQ(refused.verdict, Verdict::failed);
  EXPECT_TRUE(refused.psync_refused);
  EXPECT_EQ(refused.answer, "-ERR PSYNC FAILOVER can't be sent to a master.");
}

TEST(ReplicaHandshake, AsksForEverythingWithoutAHistory) {
  ReplicaHandshake handshake({.listening_port = 6380});
  handshake.start();
  handshake.line("+PONG");
  handshake.line("+OK");
  EXPECT_EQ(handshake.line("+OK").send, command({"PSYNC", "?", "-1"}));
}

TEST(ReplicaHandshake, OnlyPingAndAuthMustSucceed) {
  ReplicaHandshake options({.password = "x", .listening_port = 1});
  options.start();
  options.line("+PONG");
  options.line("+OK");
  EXPECT_EQ(options.line("-ERR unknown").verdict, Verdict::going_on);
  EXPECT_EQ(options.line("-ERR unknown").verdict, Verdict::going_on);

  ReplicaHandshake auth({.password = "x", .listening_port = 1});
  auth.start();
  auth.line("+PONG");
  EXPECT_EQ(auth.line("-WRONGPASS invalid").verdict, Verdict::failed);

  ReplicaHandshake ping({.listening_port = 1});
  ping.start();
  EXPECT_EQ(ping.line("-MASTERDOWN Link with MASTER is down").verdict, Verdict::failed);
}

TEST(ReplicaHandshake, TakesAFullResync) {
  auto handshake = at_psync(std::nullopt);
  EXPECT_EQ(handshake.line("").verdict, Verdict::going_on);
  const auto step = handshake.line("+FULLRESYNC " + std::string(40, 'b') + " 1234");
  EXPECT_EQ(step.verdict, Verdict::full_resync);
  EXPECT_EQ(step.position.id, id_of('b'));
  EXPECT_EQ(step.position.offset, 1234);
}

TEST(ReplicaHandshake, TakesAContinuationWithAndWithoutANewId) {
  const HistoryPosition position{id_of('a'), 41};
  auto same = at_psync(position);
  EXPECT_EQ(same.line("+CONTINUE").verdict, Verdict::resumed);
  auto renamed = at_psync(position);
  const auto step = renamed.line("+CONTINUE " + std::string(40, 'd'));
  EXPECT_EQ(step.verdict, Verdict::resumed);
  EXPECT_EQ(step.new_id, id_of('d'));
}

TEST(ReplicaHandshake, RefusesMalformedAnswers) {
  const HistoryPosition position{id_of('a'), 41};
  for (const char* bad : {"+FULLRESYNC", "+FULLRESYNC abc 12", "+CONTINUE xyz", "+WHAT", "-ERR unknown command", "x"}) {
    auto handshake = at_psync(position);
    EXPECT_EQ(handshake.line(bad).verdict, Verdict::failed) << bad;
  }
  auto negative = at_psync(position);
  EXPECT_EQ(negative.line("+FULLRESYNC " + std::string(40, 'b') + " -5").verdict, Verdict::failed);
  auto unasked = at_psync(std::nullopt);
  EXPECT_EQ(unasked.line("+CONTINUE").verdict, Verdict::failed);
}

TEST(ReplicaHandshake, ComesBackLaterWhenToldSo) {
  for (const char* text : {"-LOADING Redis is loading the dataset in memory", "-NOMASTERLINK Can't SYNC"}) {
    auto handshake = at_psync(std::nullopt);
    EXPECT_EQ(handshake.line(text).verdict, Verdict::retry_later);
  }
}

}  // namespace
}  // namespace holdfast::node
