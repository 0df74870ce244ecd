#include "node/replication/step_down.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace holdfast::node {
namespace {

RunId id_of(char digit) { return *RunId::parse(std::string(40, digit)); }

const Endpoint kUs{"10.0.0.1", 6379}, kReplica{"10.0.0.2", 6379}, kStranger{"10.0.0.9", 6379};

class StepDownTest : public testing::Test {
 protected:
  std::optional<Endpoint> hear(const Endpoint& primary, uint64_t config_epoch, const std::string& group = "g") {
    const Hello hello{.sentinel = {"10.0.0.5", 26379},
                      .run_id = id_of('5'),
                      .current_epoch = config_epoch,
                      .primary_name = group,
                      .primary = primary,
                      .config_epoch = config_epoch};
    return step_down_.heard(hello, primary == kUs, replicas_, now_);
  }

  StepDown step_down_;
  std::vector<Endpoint> replicas_ = {kReplica};
  Instant now_{Seconds(1000)};
};

TEST_F(StepDownTest, LooksAtTheReplicaThatANewerConfigurationOfItsOwnGroupNames) {
  EXPECT_FALSE(hear(kUs, 3));
  replicas_.clear();  // it went when it was promoted
  EXPECT_EQ(hear(kReplica, 4), kReplica);
}

TEST_F(StepDownTest, IgnoresOldConfigurationsOtherGroupsAndWhatItDoesNotKnow) {
  EXPECT_FALSE(hear(kReplica, 4)) << "the group is not known yet";
  EXPECT_FALSE(hear(kUs, 4));
  EXPECT_FALSE(hear(kReplica, 3));
  EXPECT_FALSE(hear(kReplica, 4)) << "one configuration epoch has one primary";
  EXPECT_FALSE(hear(kReplica, 5, "another"));
  EXPECT_FALSE(hear(kStranger, 5)) << "never connects to a node that was not its replica";
  EXPECT_FALSE(hear(kUs, 7));
  EXPECT_FALSE(hear(kReplica, 7)) << "its own epoch has grown";
  EXPECT_EQ(hear(kReplica, 8), kReplica);
}

TEST_F(StepDownTest, LooksOnceAtATimeWithPausesAndNotForEver) {
  hear(kUs, 1);
  for (unsigned i = 0; i < StepDown::kMostLooks; ++i) {
    EXPECT_EQ(hear(kReplica, 2), kReplica);
    EXPECT_FALSE(hear(kReplica, 2)) << "it is looking";
    step_down_.failed(now_);
    EXPECT_FALSE(hear(kReplica, 2)) << "it has just looked";
    now_ += StepDown::kPause;
  }
  EXPECT_FALSE(hear(kReplica, 2));
  EXPECT_EQ(hear(kReplica, 3), kReplica) << "a newer announcement is another matter";
}

TEST_F(StepDownTest, ForgetsWhatItKnewAsAPrimary) {
  hear(kUs, 1);
  step_down_.forget();
  EXPECT_FALSE(hear(kReplica, 2));
}

TEST_F(StepDownTest, RemembersABoundedNumberOfGroups) {
  for (size_t i = 0; i <= StepDown::kMostGroups; ++i) hear(kUs, 1, fmt::format("g{}", i));
  EXPECT_FALSE(hear(kReplica, 2, "g0"));
  EXPECT_EQ(hear(kReplica, 2, "g1"), kReplica);
}

resp::Reply bulk(std::string text) { return {.type = resp::Reply::Type::bulk, .text = std::move(text)}; }
resp::Reply role(std::string name) { return {.type = resp::Reply::Type::array, .items = {bulk(std::move(name))}}; }
resp::Reply info(char replid2, int64_t second_offset) {
  return bulk(
      fmt::format("# Replication\r\nrole:master\r\nmaster_replid:{}\r\nmaster_replid2:{}\r\nsecond_repl_offset:{}\r\n",
                  id_of('e').view(), id_of(replid2).view(), second_offset));
}
std::string verdict(std::vector<resp::Reply> answers) {
  const Result<> confirmed = StepDown::confirm(answers, {id_of('a'), 1000});
  return confirmed ? "" : confirmed.error().text;
}

TEST(StepDownConfirm, TakesAPrimaryWhoseHistoryWasOurs) {
  EXPECT_EQ(verdict({role("master"), info('a', 1)}), "");
  EXPECT_EQ(verdict({role("master"), info('a', 900)}), "") << "we went on writing meanwhile";
  EXPECT_EQ(verdict({role("master"), info('a', 1001)}), "") << "it had everything";
}

TEST(StepDownConfirm, RefusesEverybodyElse) {
  EXPECT_EQ(verdict({role("slave"), info('a', 900)}), "it says that it is a slave");
  EXPECT_EQ(verdict({role("master"), info('b', 900)}), "its data does not descend from this node's");
  EXPECT_EQ(verdict({role("master"), info('a', 1002)}), "it claims more of this node's history than there is");
  EXPECT_EQ(verdict({role("master"), info('a', -1)}), "it claims more of this node's history than there is");
  EXPECT_EQ(verdict({role("master"), bulk("role:master\r\n")}), "its data does not descend from this node's");
  EXPECT_EQ(verdict({role("master")}), "it answered something else");
  EXPECT_EQ(verdict({bulk("master"), info('a', 900)}), "it answered something else");
  const resp::Reply refused{.type = resp::Reply::Type::error, .text = "NOAUTH Authentication required."};
  EXPECT_EQ(verdict({refused, refused}), "NOAUTH Authentication required.");
}

}  // namespace
}  // namespace holdfast::node
