#include "sentinel/io/failover_history.h"

#include <gtest/gtest.h>

namespace holdfast::sentinel {
namespace {

class FailoverHistoryTest : public testing::Test {
 protected:
  void see(Event event, Millis after, std::string payload = "master m 127.0.0.1 6379") {
    now_ += after;
    history_.observe({event, std::move(payload), "m"}, Millis(1000), now_);
  }
  SentinelFacts facts() const {
    SentinelFacts facts;
    history_.fill(facts);
    return facts;
  }

  FailoverHistory history_;
  Instant now_{std::chrono::hours(1)};
};

TEST_F(FailoverHistoryTest, MeasuresEachPhaseOfAFailoverItLed) {
  see(Event::sdown, Millis(0));
  see(Event::odown, Millis(2));
  see(Event::try_failover, Millis(1));
  see(Event::vote_for_leader, Millis(0), "id 1");
  see(Event::elected_leader, Millis(10));
  see(Event::promoted_slave, Millis(30));
  see(Event::switch_master, Millis(0), "m 127.0.0.1 6379 127.0.0.1 6380");
  see(Event::failover_end, Millis(100));
  const SentinelFacts facts = this->facts();
  EXPECT_EQ(facts.failovers.at({"m", "odown", "success"}), 1u);
  EXPECT_EQ(facts.votes, 1u);
  EXPECT_DOUBLE_EQ(facts.failover_phases.at("detection").sum_seconds(), 0.002);
  EXPECT_DOUBLE_EQ(facts.failover_phases.at("election").sum_seconds(), 0.010);
  EXPECT_DOUBLE_EQ(facts.failover_phases.at("promotion").sum_seconds(), 0.030);
  EXPECT_DOUBLE_EQ(facts.failover_phases.at("reconfiguration").sum_seconds(), 0.100);
  EXPECT_DOUBLE_EQ(facts.failover_unavailability.sum_seconds(), 1.043);
}

TEST_F(FailoverHistoryTest, CountsFailuresByTheirResult) {
  see(Event::sdown, Millis(0));
  see(Event::try_failover, Millis(0));
  see(Event::failover_abort_not_elected, Millis(50));
  see(Event::try_failover, Millis(0));
  see(Event::failover_abort_not_elected, Millis(50));
  see(Event::try_failover, Millis(0));
  see(Event::elected_leader, Millis(5));
  see(Event::failover_abort_no_good_slave, Millis(5));
  const SentinelFacts facts = this->facts();
  EXPECT_EQ(facts.failovers.at({"m", "odown", "not_elected"}), 2u);
  EXPECT_EQ(facts.failovers.at({"m", "odown", "no_good_replica"}), 1u);
  EXPECT_EQ(facts.failover_unavailability.count(), 0u);
}

TEST_F(FailoverHistoryTest, KnowsAnOrderedFailoverFromAFoundOne) {
  see(Event::try_failover, Millis(0));
  history_.forced("m");
  see(Event::elected_leader, Millis(0));
  see(Event::promoted_slave, Millis(5));
  see(Event::failover_end, Millis(5));
  see(Event::try_failover, Millis(0));
  see(Event::failover_abort_not_elected, Millis(5));
  const SentinelFacts facts = this->facts();
  EXPECT_EQ(facts.failovers.at({"m", "command", "success"}), 1u);
  EXPECT_EQ(facts.failovers.at({"m", "odown", "not_elected"}), 1u);
  EXPECT_EQ(facts.failover_unavailability.count(), 0u);
}

TEST_F(FailoverHistoryTest, TakesAReplicaForNoPrimary) {
  see(Event::sdown, Millis(0), "slave 127.0.0.1:6380 127.0.0.1 6380 @ m 127.0.0.1 6379");
  see(Event::switch_master, Millis(5), "m 127.0.0.1 6379 127.0.0.1 6380");
  EXPECT_EQ(facts().failover_unavailability.count(), 0u);
}

}  // namespace
}  // namespace holdfast::sentinel
