#include "node/replication/empty_primary_guard.h"

#include <gtest/gtest.h>

namespace holdfast::node {
namespace {

RunId id_of(char digit) { return *RunId::parse(std::string(40, digit)); }

TEST(EmptyPrimaryGuard, SuspectsAYoungerHistoryOfAPrimaryThatWasFollowed) {
  EmptyPrimaryGuard guard;
  const HistoryPosition own{id_of('a'), 1000}, younger{id_of('b'), 0}, older{id_of('b'), 1000}, same{id_of('a'), 500};
  EXPECT_FALSE(guard.suspects(own, younger));
  guard.following();
  EXPECT_TRUE(guard.suspects(own, younger));
  EXPECT_FALSE(guard.suspects(own, older));
  EXPECT_FALSE(guard.suspects(own, same));
  EXPECT_FALSE(guard.suspects(std::nullopt, younger));
}

TEST(EmptyPrimaryGuard, ForgetsWhenAnOperatorMeansIt) {
  EmptyPrimaryGuard guard;
  guard.following();
  guard.refuse(id_of('b'));
  EXPECT_TRUE(guard.refusing());
  EXPECT_TRUE(guard.refuses(id_of('b')));
  EXPECT_FALSE(guard.refuses(id_of('c')));
  guard.ordered();
  EXPECT_FALSE(guard.refusing());
  EXPECT_FALSE(guard.suspects(HistoryPosition{id_of('a'), 1000}, {id_of('b'), 0}));
}

}  // namespace
}  // namespace holdfast::node
