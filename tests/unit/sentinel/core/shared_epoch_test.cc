// Elections of several primaries that fail together.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sentinel/core/link.h"
#include "tests/unit/sentinel/core/harness.h"

namespace holdfast::sentinel::test {
namespace {

using namespace std::chrono_literals;

const Endpoint kOther{"10.0.2.1", 6379};
const Endpoint kOtherReplica{"10.0.2.2", 6379};

PersistentState two_primaries() {
  PersistentState state = usual_state();
  PersistentPrimary other = state.primaries[0];
  other.name = "other";
  other.address = kOther;
  other.replicas = {kOtherReplica};
  state.primaries.push_back(other);
  return state;
}

struct TwoPrimaries : Harness {
  TwoPrimaries() : Harness(two_primaries()) {
    script_usual(*this);
    server(kOther).is_primary = true;
    server(kOther).replicas = {kOtherReplica};
    server(kOtherReplica).follows = kOther;
    start();
    run_for(3s);
  }
  bool switched(std::string_view name) const { return noticed(fmt::format("+switch-master {} ", name)); }
  Epoch config_epoch(std::string_view name) const {
    for (const auto& primary : saved_state->primaries) {
      if (primary.name == name) return primary.config_epoch;
    }
    return {};
  }
};

TEST(SharedEpochs, PrimariesThatFailTogetherAreElectedForInOne) {
  TwoPrimaries harness;
  harness.kill(kPrimary);
  harness.kill(kOther);
  ASSERT_TRUE(harness.run_until([&] { return harness.switched("mymaster") && harness.switched("other"); }, 3s));
  EXPECT_EQ(harness.config_epoch("mymaster"), Epoch{5});
  EXPECT_EQ(harness.config_epoch("other"), Epoch{5});
  EXPECT_EQ(harness.times_noticed("+new-epoch"), 1u);
}

TEST(SharedEpochs, AnEpochThatAnotherSentinelTookForAnotherPrimaryWillDo) {
  TwoPrimaries harness;
  harness.kill(kPrimary);
  harness.ask({kOther, Epoch{9}, id('b')});
  ASSERT_TRUE(harness.run_until([&] { return harness.switched("mymaster"); }, 3s));
  EXPECT_EQ(harness.config_epoch("mymaster"), Epoch{9});
  EXPECT_EQ(harness.core.current_epoch(), Epoch{9});
}

TEST(SharedEpochs, AnEpochIsSpentForThePrimaryItWasVotedInFor) {
  TwoPrimaries harness;
  EXPECT_EQ(harness.ask({kOther, Epoch{9}, id('b')}).leader, id('b'));
  EXPECT_EQ(harness.ask({kPrimary, Epoch{9}, id('b')}).leader, id('b'));
  harness.run_for(10s);  // what it leaves a leader that does nothing
  harness.kill(kPrimary);
  harness.kill(kOther);
  ASSERT_TRUE(harness.run_until([&] { return harness.switched("mymaster") && harness.switched("other"); }, 3s));
  EXPECT_EQ(harness.config_epoch("mymaster"), Epoch{10});
  EXPECT_EQ(harness.config_epoch("other"), Epoch{10});
}

TEST(SharedEpochs, WhoFailsLaterGetsTheNext) {
  TwoPrimaries harness;
  harness.kill(kPrimary);
  ASSERT_TRUE(harness.run_until([&] { return harness.switched("mymaster"); }, 3s));
  harness.run_for(5s);
  harness.kill(kOther);
  ASSERT_TRUE(harness.run_until([&] { return harness.switched("other"); }, 3s));
  EXPECT_EQ(harness.config_epoch("mymaster"), Epoch{5});
  EXPECT_EQ(harness.config_epoch("other"), Epoch{6});
}

TEST(SharedEpochs, OrderedFailoversTakeOneEach) {
  TwoPrimaries harness;
  for (const std::string_view name : {"mymaster", "other"}) {
    auto outcome = harness.core.failover(name, {}, harness.now);
    ASSERT_TRUE(outcome.result);
    harness.perform(std::move(outcome.actions));
  }
  ASSERT_TRUE(harness.run_until([&] { return harness.switched("mymaster") && harness.switched("other"); }, 3s));
  EXPECT_EQ(harness.config_epoch("mymaster"), Epoch{5});
  EXPECT_EQ(harness.config_epoch("other"), Epoch{6});
}

// A vote's answer that comes behind the answer to a later question about another primary is an answer all the same.
TEST(SharedEpochs, AnswersAboutOtherPrimariesDoNotCancelAVote) {
  using Kind = Request::Kind;
  Link link;
  link.pending = {{.id = 10, .kind = Kind::ask_master_down, .primary = 1},
                  {.id = 11, .kind = Kind::ask_master_down, .primary = 2},
                  {.id = 12, .kind = Kind::ask_master_down, .primary = 2}};
  EXPECT_TRUE(link.take(12));
  EXPECT_FALSE(link.take(11)) << "lost: one connection keeps the order";
  EXPECT_TRUE(link.take(10));
}

}  // namespace
}  // namespace holdfast::sentinel::test
