#include "node/commands/blocked_clients.h"

#include <gtest/gtest.h>

namespace holdfast::node {
namespace {

using Ids = std::vector<uint64_t>;
using Key = BlockedClients::Key;

Instant at_ms(int64_t ms) { return Instant(Millis(ms)); }

BlockedClients::Waiter waiter(std::vector<Key> keys, Instant deadline = Instant::max()) {
  const std::vector<std::string_view> words = {"BLPOP", "a", "0"};
  return {.keys = std::move(keys), .command = OwnedCommand(words), .deadline = deadline};
}

TEST(BlockedClients, ServesInTheOrderOfArrival) {
  BlockedClients blocked;
  for (const uint64_t client : {9, 3, 7}) blocked.add(client, waiter({{0, "a"}}));
  EXPECT_EQ(blocked.waiting_for({0, "a"}), (Ids{9, 3, 7}));
  EXPECT_TRUE(blocked.remove(3));
  EXPECT_FALSE(blocked.remove(3));
  EXPECT_EQ(blocked.waiting_for({0, "a"}), (Ids{9, 7}));
  blocked.add(3, waiter({{0, "a"}}));
  EXPECT_EQ(blocked.waiting_for({0, "a"}), (Ids{9, 7, 3}));
}

TEST(BlockedClients, NotesOnlyKeysThatSomebodyWaitsFor) {
  BlockedClients blocked;
  blocked.touched(0, "a");
  EXPECT_FALSE(blocked.any_ready());
  blocked.add(1, waiter({{0, "a"}, {0, "b"}}));
  blocked.touched(0, "c");
  blocked.touched(1, "a");  // another database's
  EXPECT_FALSE(blocked.any_ready());
  blocked.touched(0, "b");
  blocked.touched(0, "a");
  blocked.touched(0, "b");
  EXPECT_EQ(blocked.next_ready(), Key(0, "b"));  // touched first, and told once
  EXPECT_EQ(blocked.next_ready(), Key(0, "a"));
  EXPECT_EQ(blocked.next_ready(), std::nullopt);
  blocked.touched(0, "b");
  EXPECT_TRUE(blocked.any_ready());
}

TEST(BlockedClients, AKeyNamedTwiceIsWaitedForOnce) {
  BlockedClients blocked;
  blocked.add(1, waiter({{0, "a"}, {0, "a"}}));
  EXPECT_EQ(blocked.waiting_for({0, "a"}), Ids{1});
  EXPECT_TRUE(blocked.remove(1));
  EXPECT_TRUE(blocked.waiting_for({0, "a"}).empty());
  blocked.touched(0, "a");
  EXPECT_FALSE(blocked.any_ready());
}

TEST(BlockedClients, AWholeDatabaseCanBeTouched) {
  BlockedClients blocked;
  blocked.add(1, waiter({{0, "z"}, {1, "a"}, {1, "b"}, {2, ""}}));
  blocked.touched_all(1);
  EXPECT_EQ(blocked.next_ready(), Key(1, "a"));
  EXPECT_EQ(blocked.next_ready(), Key(1, "b"));
  EXPECT_EQ(blocked.next_ready(), std::nullopt);
}

TEST(BlockedClients, KnowsWhoseTimeIsUp) {
  BlockedClients blocked;
  EXPECT_EQ(blocked.deadline(), Instant::max());
  blocked.add(1, waiter({{0, "a"}}, at_ms(300)));
  blocked.add(2, waiter({{0, "a"}}, at_ms(100)));
  blocked.add(3, waiter({{0, "a"}}));
  EXPECT_EQ(blocked.deadline(), at_ms(100));
  EXPECT_TRUE(blocked.overdue(at_ms(99)).empty());
  EXPECT_EQ(blocked.overdue(at_ms(100)), Ids{2});
  EXPECT_EQ(blocked.overdue(at_ms(300)), (Ids{2, 1}));
  blocked.remove(2);
  EXPECT_EQ(blocked.deadline(), at_ms(300));
  EXPECT_EQ(blocked.all(), (Ids{1, 3}));
}

TEST(BlockedClients, AClientWaitsAtMostOnce) {
  BlockedClients blocked;
  blocked.add(1, waiter({{0, "a"}}, at_ms(100)));
  blocked.add(1, waiter({{0, "b"}}));
  EXPECT_EQ(blocked.size(), 1u);
  EXPECT_TRUE(blocked.waiting_for({0, "a"}).empty());
  EXPECT_EQ(blocked.waiting_for({0, "b"}), Ids{1});
  EXPECT_EQ(blocked.deadline(), Instant::max());
}

}  // namespace
}  // namespace holdfast::node
