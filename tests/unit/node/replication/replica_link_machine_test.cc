#include "node/replication/replica_link_machine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "common/base/random.h"

namespace holdfast::node {
namespace {

using namespace link_action;

const std::string kId(40, 'b');

class ReplicaLink : public testing::Test {
 protected:
  template <class T>
  const T* find() const {
    for (const auto& action : actions_) {
      if (const T* found = std::get_if<T>(&action)) return found;
    }
    return nullptr;
  }
  void clear() { actions_.clear(); }
  void start() {
    clear();
    machine_.start({"127.0.0.1", 6379}, now_, actions_);
  }
  size_t receive(std::string bytes) {
    clear();
    bytes_ = std::move(bytes);  // actions may point into them
    return machine_.received(now_, bytes_, actions_);
  }
  void to_psync(std::optional<HistoryPosition> resume = std::nullopt) {
    machine_.connected(now_, resume, actions_);
    receive("+PONG\r\n");
    receive("+OK\r\n+OK\r\n");
  }
  void to_stream() {
    start();
    to_psync(HistoryPosition{*RunId::parse(kId), 10});
    receive("+CONTINUE\r\n");
    EXPECT_EQ(machine_.state(), LinkState::connected);
  }
  void lose() {
    clear();
    machine_.connection_lost(now_, "reset", actions_);
  }
  void tick() {
    clear();
    machine_.tick(now_, actions_);
  }

  ReplicationConfig config_;
  ReplicaLinkMachine machine_{config_};
  LinkActions actions_;
  std::string bytes_;
  Instant now_{Seconds(1000)};
};

TEST_F(ReplicaLink, ConnectsAtOnce) {
  start();
  ASSERT_TRUE(find<Connect>());
  EXPECT_EQ(find<Connect>()->to.port, 6379);
  EXPECT_EQ(machine_.state(), LinkState::connecting);
}

TEST_F(ReplicaLink, SpoolsLoadsAndStreams) {
  start();
  to_psync();
  const std::string answer = "+FULLRESYNC " + kId + " 77\r\n\n$5\r\nHELLO";
  EXPECT_EQ(receive(answer + "*1\r\n"), answer.size());
  EXPECT_EQ(find<BeginSpool>()->bytes, 5u);
  EXPECT_EQ(find<Spool>()->data, "HELLO");
  ASSERT_TRUE(find<Load>());
  EXPECT_EQ(find<Load>()->position.offset, 77);
  EXPECT_EQ(machine_.state(), LinkState::sync);
  EXPECT_EQ(receive("*1\r\n"), 0u);  // the stream waits for the load
  clear();
  machine_.loaded(now_, actions_);
  EXPECT_TRUE(find<Acknowledge>());
  EXPECT_EQ(machine_.state(), LinkState::connected);
}

TEST_F(ReplicaLink, ResumesUnderTheNameThePrimaryGives) {
  start();
  to_psync(HistoryPosition{*RunId::parse(kId), 10});
  const std::string line = "+CONTINUE " + std::string(40, 'c') + "\r\n";
  EXPECT_EQ(receive(line + "*1\r\n"), line.size());
  EXPECT_EQ(find<Resume>()->new_id, RunId::parse(std::string(40, 'c')));
  EXPECT_EQ(machine_.state(), LinkState::connected);
  EXPECT_FALSE(machine_.down_since());
}

TEST_F(ReplicaLink, TellsWhatCameOfATakeover) {
  start();
  machine_.connected(now_, HistoryPosition{*RunId::parse(kId), 10}, actions_, true);
  receive("+PONG\r\n");
  receive("+OK\r\n+OK\r\n");
  ASSERT_TRUE(find<Takeover>());
  EXPECT_EQ(find<Takeover>()->what, Takeover::What::asked);
  receive("-ERR no\r\n");
  ASSERT_TRUE(find<Takeover>());
  EXPECT_EQ(find<Takeover>()->what, Takeover::What::refused);
  EXPECT_EQ(find<Takeover>()->answer, "-ERR no");
  EXPECT_TRUE(std::holds_alternative<Takeover>(actions_.back()));  // behind Close: it may start the link anew
  EXPECT_EQ(machine_.state(), LinkState::connect);
}

TEST_F(ReplicaLink, TellsThatAPrimaryIsFollowed) {
  start();
  to_psync(HistoryPosition{*RunId::parse(kId), 10});
  EXPECT_FALSE(find<Takeover>());
  receive("+CONTINUE\r\n");
  ASSERT_TRUE(find<Takeover>());
  EXPECT_EQ(find<Takeover>()->what, Takeover::What::followed);
}

TEST_F(ReplicaLink, ReconnectsAtOnceThenBacksOffToASecond) {
  to_stream();
  now_ += Seconds(5);
  std::vector<int64_t> pauses;
  for (int i = 0; i < 8; ++i) {
    lose();
    pauses.push_back(count_ms(machine_.deadline() - now_));
    now_ = machine_.deadline();
    tick();
    EXPECT_TRUE(find<Connect>());
  }
  EXPECT_EQ(pauses, (std::vector<int64_t>{0, 50, 100, 200, 400, 800, 1000, 1000}));
  EXPECT_TRUE(machine_.down_since());
}

TEST_F(ReplicaLink, DoesNotSpinOnAPrimaryThatDropsEveryStream) {
  to_stream();
  Instant begin = now_;
  for (int i = 0; i < 7; ++i) {
    lose();
    now_ = machine_.deadline();
    tick();
    to_psync(HistoryPosition{*RunId::parse(kId), 10});
    receive("+CONTINUE\r\n");
  }
  EXPECT_GT(now_ - begin, Millis(1500));
}

TEST_F(ReplicaLink, WaitsBeforeAskingALoadingPrimaryAgain) {
  start();
  to_psync();
  receive("-LOADING wait\r\n");
  EXPECT_TRUE(find<Close>());
  EXPECT_EQ(machine_.deadline() - now_, Millis(50));
}

TEST_F(ReplicaLink, AcknowledgesEachSecond) {
  to_stream();
  EXPECT_EQ(machine_.deadline() - now_, Seconds(1));
  now_ += Millis(999);
  tick();
  EXPECT_FALSE(find<Acknowledge>());
  now_ += Millis(1);
  tick();
  EXPECT_TRUE(find<Acknowledge>());
}

TEST_F(ReplicaLink, ShowsLifeWhileThePayloadLoads) {
  start();
  to_psync();
  receive("+FULLRESYNC " + kId + " 77\r\n$1\r\nx");
  now_ += Seconds(100);  // longer than repl-timeout: a load may take its time
  tick();
  ASSERT_TRUE(find<Send>());
  EXPECT_EQ(find<Send>()->bytes, "\n");
  EXPECT_FALSE(find<Close>());
}

TEST_F(ReplicaLink, GivesUpASilentPrimaryInEveryPhase) {
  const auto times_out = [&] {
    now_ += config_.timeout - Millis(1);
    tick();
    EXPECT_FALSE(find<Close>());
    now_ += Millis(1);
    tick();
    EXPECT_TRUE(find<Close>());
    EXPECT_EQ(machine_.state(), LinkState::connect);
  };
  start();
  times_out();
  start();
  machine_.connected(now_, std::nullopt, actions_);
  times_out();
  start();
  to_psync();
  receive("+FULLRESYNC " + kId + " 77\r\n");
  times_out();
  to_stream();
  times_out();
}

TEST_F(ReplicaLink, FailedLoadIsTriedAgain) {
  start();
  to_psync();
  receive("+FULLRESYNC " + kId + " 77\r\n$1\r\nx");
  clear();
  machine_.load_failed(now_, "Wrong signature", actions_);
  EXPECT_TRUE(find<Close>());
  EXPECT_EQ(machine_.state(), LinkState::connect);
}

TEST_F(ReplicaLink, ConnectionLostWhileLoadingComesBackOnlyAfterTheLoad) {
  start();
  to_psync();
  receive("+FULLRESYNC " + kId + " 77\r\n$1\r\nx");
  lose();
  EXPECT_TRUE(machine_.loading());
  now_ += Seconds(5);
  tick();
  EXPECT_FALSE(find<Connect>());
  EXPECT_FALSE(find<Send>());
  clear();
  machine_.loaded(now_, actions_);
  EXPECT_FALSE(find<Acknowledge>());
  EXPECT_EQ(machine_.state(), LinkState::connect);
  now_ = machine_.deadline();
  tick();
  EXPECT_TRUE(find<Connect>());
}

TEST_F(ReplicaLink, LateEventsOfAStoppedLinkDoNothing) {
  start();
  to_psync();
  receive("+FULLRESYNC " + kId + " 77\r\n");
  clear();
  machine_.stop(actions_);
  EXPECT_TRUE(find<Close>());
  clear();
  machine_.loaded(now_, actions_);
  machine_.load_failed(now_, "x", actions_);
  machine_.connection_lost(now_, "x", actions_);
  machine_.connected(now_, std::nullopt, actions_);
  machine_.tick(now_, actions_);
  EXPECT_EQ(receive("+PONG\r\n"), 0u);
  EXPECT_TRUE(actions_.empty());
  EXPECT_EQ(machine_.state(), LinkState::none);
}

// Any events in any order, with any bytes: the machine asks for sensible things only.
TEST_F(ReplicaLink, AnyOrderOfEventsKeepsItsRules) {
  SeededRandom random(20'261'120);
  const std::vector<std::string> phrases = {
      "+PONG\r\n", "+OK\r\n", "+FULLRESYNC " + kId + " 5\r\n", "+CONTINUE\r\n", "+CONTINUE " + kId + "\r\n",
      "-LOADING x\r\n", "$3\r\nabc", "$0\r\n", "$EOF:" + kId + "\r\n", "xyz" + kId, "\n", "-ERR no\r\n", "garbage"};
  bool open = false, loading = false;
  std::map<LinkState, int> seen;
  for (int step = 0; step < 200'000; ++step) {
    clear();
    now_ += Millis(random.below(random.chance(0.01) ? 70'000 : 400));
    switch (random.below(10)) {
      case 0:
        if (random.chance(0.02) && !machine_.loading()) machine_.start({"127.0.0.1", 6379}, now_, actions_);
        break;
      case 1:
        if (random.chance(0.01) && !machine_.loading()) machine_.stop(actions_);
        break;
      case 2:
        machine_.connected(now_, random.chance(0.5) ? std::optional(HistoryPosition{*RunId::parse(kId), 10}) : std::nullopt,
                           actions_);
        break;
      case 3:
        if (random.chance(0.05)) machine_.connection_lost(now_, "reset", actions_);
        break;
      case 4:
        if (random.chance(0.05)) machine_.spool_failed(now_, "full", actions_);
        break;
      case 5:
        random.chance(0.8) ? machine_.loaded(now_, actions_) : machine_.load_failed(now_, "bad", actions_);
        break;
      case 6: machine_.tick(now_, actions_); break;
      default:
        if (machine_.state() != LinkState::connected) {
          const std::string& bytes = phrases[random.below(phrases.size())];
          EXPECT_LE(machine_.received(now_, bytes, actions_), bytes.size());
        } else {
          machine_.stream_activity(now_);
        }
    }
    for (const auto& action : actions_) {
      if (std::get_if<Connect>(&action)) {
        EXPECT_FALSE(open) << "one connection at a time";
        EXPECT_FALSE(loading) << "no connection while the data set is between two histories";
        open = true;
      } else if (std::get_if<Close>(&action)) {
        open = false;
      } else if (std::get_if<Load>(&action)) {
        loading = true;
      } else if (std::get_if<Send>(&action) || std::get_if<Acknowledge>(&action) || std::get_if<Resume>(&action)) {
        EXPECT_TRUE(open) << "nothing is sent without a connection";
      }
    }
    if (!machine_.loading()) loading = false;
    EXPECT_EQ(machine_.state() == LinkState::none, machine_.deadline() == Instant::max());
    EXPECT_EQ(machine_.state() == LinkState::connected && machine_.down_since().has_value(), false);
    ++seen[machine_.state()];
    if (HasFailure()) return;
  }
  EXPECT_EQ(seen.size(), 6u) << "every state was reached";
}

TEST_F(ReplicaLink, EndlessLineIsRefused) {
  start();
  machine_.connected(now_, std::nullopt, actions_);
  receive(std::string(10'000, 'x'));
  EXPECT_TRUE(find<Close>());
}

}  // namespace
}  // namespace holdfast::node
