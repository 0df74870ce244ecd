#include "node/transactions/watch_table.h"

#include <gtest/gtest.h>

namespace holdfast::node {
namespace {

class WatchTableTest : public ::testing::Test, public KeyspaceObserver {
 protected:
  void SetUp() override {
    keys.set_observer(this);
    now(1000);
  }
  void TearDown() override { table.unwatch(transaction); }
  void before_change(int, std::string_view, const Entry*) override {}
  void touched(int db, std::string_view key) override { table.touched(keys, db, key); }
  void expired(int, std::string_view) override {}
  void before_flush(int db) override { table.flushing(keys, db); }
  void before_swap(int a, int b) override { table.swapping(keys, a, b); }

  void now(int64_t ms, ExpiryMode mode = ExpiryMode::remove) { keys.begin(from_unix_ms(ms), mode); }
  void put(int db, std::string_view key, int64_t expires_ms = 0) {
    keys.set(db, key, Value::integer(1));
    if (expires_ms > 0) keys.set_expiry(db, key, from_unix_ms(expires_ms));
  }
  bool fails() const { return transaction.stale() || WatchTable::expired_since_watch(transaction, keys); }

  SeededRandom random{1};
  Keyspace keys{4, random};
  WatchTable table;
  Transaction transaction;
};

TEST_F(WatchTableTest, AnyChangeOfAWatchedKeyMakesTheTransactionStale) {
  table.watch(transaction, keys, 0, "a");
  put(1, "a");
  put(0, "b");
  EXPECT_FALSE(fails());
  put(0, "a");
  EXPECT_TRUE(fails());
  table.unwatch(transaction);
  EXPECT_FALSE(fails());
  EXPECT_EQ(table.watched_keys(), 0u);
}

TEST_F(WatchTableTest, KeyThatExpiresAfterWatchFailsTheTransaction) {
  put(0, "a", 2000);
  table.watch(transaction, keys, 0, "a");
  now(2000);
  EXPECT_FALSE(fails());
  now(2001);
  EXPECT_TRUE(fails());
}

TEST_F(WatchTableTest, LateDeletionOfAKeyThatWasExpiredAtWatchIsNoChange) {
  put(0, "a", 1500);
  now(2000, ExpiryMode::hide);
  table.watch(transaction, keys, 0, "a");
  EXPECT_FALSE(fails());
  now(2001, ExpiryMode::remove);
  EXPECT_EQ(keys.read(0, "a"), nullptr);
  EXPECT_EQ(keys.key_count(0), 0u);
  EXPECT_FALSE(fails());
  put(0, "a");
  EXPECT_TRUE(fails());
}

TEST_F(WatchTableTest, FlushIsAChangeOnlyOfPresentKeys) {
  table.watch(transaction, keys, 0, "absent");
  keys.flush(-1);
  EXPECT_FALSE(fails());
  put(0, "present");
  table.watch(transaction, keys, 0, "present");
  keys.flush(0);
  EXPECT_TRUE(fails());
}

TEST_F(WatchTableTest, SwapIsAChangeWhereTheKeyAppearsOrGoes) {
  put(1, "a");
  table.watch(transaction, keys, 2, "a");
  keys.swap(2, 3);
  EXPECT_FALSE(fails());
  keys.swap(2, 1);
  EXPECT_TRUE(fails());
}

TEST_F(WatchTableTest, SwapThatBringsAnExpiredKeyIsNoChange) {
  put(1, "a", 1500);
  now(2000, ExpiryMode::hide);
  table.watch(transaction, keys, 2, "a");
  keys.swap(1, 2);
  EXPECT_FALSE(fails());
}

TEST(Transaction, KeepsItsOwnCopyOfWhatIsQueued) {
  Transaction transaction;
  std::string buffer = "SETkeyvalue";
  {
    const std::string_view all = buffer;
    const std::vector<std::string_view> argv{all.substr(0, 3), all.substr(3, 3), all.substr(6), ""};
    EXPECT_TRUE(transaction.begin());
    EXPECT_FALSE(transaction.begin());
    transaction.queue(argv, 5);
    transaction.queue(argv, 8);
  }
  buffer.assign(buffer.size(), '#');
  EXPECT_EQ(transaction.flags(), 13u);
  const auto commands = transaction.take();
  ASSERT_EQ(commands.size(), 2u);
  std::vector<std::string_view> views;
  commands[1].views(views);
  EXPECT_EQ(views, (std::vector<std::string_view>{"SET", "key", "value", ""}));
  EXPECT_FALSE(transaction.open());
}

TEST(Transaction, RefusalCountsOnlyWhileOpen) {
  Transaction transaction;
  transaction.refuse();
  EXPECT_FALSE(transaction.refused());
  transaction.begin();
  transaction.refuse();
  EXPECT_TRUE(transaction.refused());
  transaction.discard();
  EXPECT_FALSE(transaction.refused());
}

}  // namespace
}  // namespace holdfast::node
