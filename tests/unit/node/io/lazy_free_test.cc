#include "node/io/lazy_free.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "node/keyspace/keyspace.h"

namespace holdfast::node {
namespace {

// False when it has not come true in half a minute.
template <class Condition>
bool becomes(Condition&& condition) {
  for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
       std::chrono::steady_clock::now() < end;) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

class LazyFreeThreadTest : public ::testing::Test {
 protected:
  SeededRandom random{1};
  LazyFree lazy;
  Keyspace keys{2, random};

  LazyFreeThreadTest() {
    keys.begin(from_unix_ms(1000), ExpiryMode::remove);
    keys.set_reclaimer(&lazy);
  }
  void fill(int db, int count) {
    for (int i = 0; i < count; ++i) keys.set(db, "key" + std::to_string(i), Value::integer(i));
  }
};

TEST_F(LazyFreeThreadTest, FreesTablesAndValuesWhileTheExecutorGoesOn) {
  const std::string big(1 << 20, 'x');
  uint64_t expected = 0;
  for (int round = 0; round < 20; ++round) {
    fill(0, 5000);
    keys.set(1, "big", Value::borrowed_string(big));
    keys.erase(1, "big", Keyspace::Free::lazily);
    keys.flush(0, Keyspace::Free::lazily);
    expected += 5001;
  }
  ASSERT_TRUE(becomes([&] { return lazy.pending_objects() == 0; }));
  EXPECT_EQ(lazy.freed_objects(), expected);
  keys.reset_stats();
  EXPECT_EQ(lazy.freed_objects(), 0u);
}

TEST_F(LazyFreeThreadTest, EndingFreesWhatIsQueued) {
  LazyFree own;
  keys.set_reclaimer(&own);
  for (int round = 0; round < 5; ++round) {
    fill(0, 2000);
    keys.flush(0, Keyspace::Free::lazily);
  }
  keys.set_reclaimer(nullptr);
}

TEST_F(LazyFreeThreadTest, WithoutWorkThereIsNoThread) {
  EXPECT_EQ(lazy.pending_objects(), 0u);
  fill(0, 10);
  keys.flush(0, Keyspace::Free::lazily);  // too little to be worth it
  EXPECT_EQ(lazy.pending_objects() + lazy.freed_objects(), 0u);
}

}  // namespace
}  // namespace holdfast::node
