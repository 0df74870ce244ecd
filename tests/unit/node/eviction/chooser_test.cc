// Which keys go: by each policy, statistically where it is approximated. Seeded, so that every run sees the same.
#include "node/eviction/chooser.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace holdfast::node {
namespace {

using Policy = EvictionPolicy;

class Chooser : public ::testing::Test {
 protected:
  static constexpr int64_t kStart = 1'700'000'000'000;
  SeededRandom random{42};
  Keyspace keys{16, random};
  EvictionChooser chooser;
  int64_t now_ms = kStart;

  void at(int64_t ms) {
    now_ms = ms;
    keys.begin(from_unix_ms(ms), ExpiryMode::remove);
  }
  static std::string name(int i) { return "key" + std::to_string(i); }
  static int number(const EvictionChooser::Victim& victim) { return std::stoi(victim.key.substr(3)); }

  std::optional<EvictionChooser::Victim> choose(Policy policy, int samples = 5) {
    return chooser.choose(keys, policy, samples, now_ms, random);
  }
  std::set<int> evict(Policy policy, int count, int samples = 5) {
    std::set<int> gone;
    for (int i = 0; i < count; ++i) {
      const auto victim = choose(policy, samples);
      if (!victim) break;
      gone.insert(number(*victim));
      keys.evict(victim->db, victim->key);
    }
    return gone;
  }
  // The share of the first `part` keys among those evicted.
  static double share_below(const std::set<int>& gone, int part) {
    const auto below = std::distance(gone.begin(), gone.lower_bound(part));
    return static_cast<double>(below) / static_cast<double>(gone.size());
  }
};

TEST_F(Chooser, NoevictionChoosesNothing) {
  at(kStart);
  keys.set(0, "a", Value::integer(1));
  EXPECT_FALSE(choose(Policy::noeviction));
}

TEST_F(Chooser, AnEmptyKeyspaceHasNoVictim) {
  for (const Policy policy : {Policy::allkeys_lru, Policy::allkeys_random, Policy::volatile_ttl, Policy::volatile_random}) {
    EXPECT_FALSE(choose(policy));
  }
}

TEST_F(Chooser, VolatilePoliciesTakeOnlyKeysWithAnExpiry) {
  at(kStart);
  for (int i = 0; i < 400; ++i) {
    if (i % 2 == 0) {
      keys.set(0, name(i), Value::integer(i));
    } else {
      keys.set(0, name(i), Value::integer(i), from_unix_ms(kStart + 1'000'000));
    }
  }
  for (const Policy policy : {Policy::volatile_lru, Policy::volatile_lfu, Policy::volatile_random, Policy::volatile_ttl}) {
    for (const int gone : evict(policy, 50)) EXPECT_EQ(gone % 2, 1) << policy_name(policy);
  }
  EXPECT_EQ(keys.key_count(0), 200U);
  EXPECT_FALSE(choose(Policy::volatile_lru)) << "only keys without an expiry are left";
  EXPECT_TRUE(choose(Policy::allkeys_lru));
}

TEST_F(Chooser, AllkeysPoliciesEmptyEveryDatabase) {
  for (const Policy policy : {Policy::allkeys_lru, Policy::allkeys_lfu, Policy::allkeys_random}) {
    at(kStart);
    for (int db = 0; db < 16; db += 3) {
      for (int i = 0; i < 20; ++i) keys.set(db, name(i), Value::integer(i));
    }
    int evicted = 0;
    while (const auto victim = choose(policy)) {
      keys.evict(victim->db, victim->key);
      ++evicted;
    }
    EXPECT_EQ(evicted, 6 * 20) << policy_name(policy);
  }
}

TEST_F(Chooser, LruTakesTheLongestUnusedOfATinyKeyspaceExactly) {
  for (int i = 0; i < 5; ++i) {
    at(kStart + i * 1000);
    keys.set(0, name(i), Value::integer(i));
  }
  at(kStart + 10'000);
  keys.read(0, name(0));  // used again
  EXPECT_EQ(choose(Policy::allkeys_lru, 10)->key, name(1));
}

TEST_F(Chooser, LruComesCloseToTheTrueOrder) {
  constexpr int kKeys = 10'000;
  for (int i = 0; i < kKeys; ++i) {
    at(kStart + i * 1000);
    keys.set(0, name(i), Value::integer(i));
  }
  at(kStart + kKeys * 1000);
  // A true LRU would take exactly the first half.
  const auto gone = evict(Policy::allkeys_lru, kKeys / 2);
  EXPECT_GT(share_below(gone, kKeys / 2), 0.85);
  EXPECT_LT(share_below(gone, kKeys / 2), 1.0) << "this is no true LRU: the test looks at something else";
}

TEST_F(Chooser, MoreSamplesComeCloser) {
  const auto quality = [&](int samples) {
    keys.flush(-1);
    chooser = {};
    for (int i = 0; i < 5000; ++i) {
      at(kStart + i * 1000);
      keys.set(0, name(i), Value::integer(i));
    }
    return share_below(evict(Policy::allkeys_lru, 2500, samples), 2500);
  };
  const double one = quality(1), ten = quality(10);
  EXPECT_GT(ten, one);
  EXPECT_GT(ten, 0.95);
}

TEST_F(Chooser, LfuKeepsWhatIsUsedOften) {
  keys.set_access_rules({.count_frequency = true, .log_factor = 10, .decay_minutes = 1});
  at(kStart);
  constexpr int kKeys = 4000;
  for (int i = 0; i < kKeys; ++i) keys.set(0, name(i), Value::integer(i));
  for (int round = 0; round < 100; ++round) {
    for (int i = kKeys / 2; i < kKeys; ++i) keys.read(0, name(i));
  }
  const auto gone = evict(Policy::allkeys_lfu, kKeys / 4);
  EXPECT_GT(share_below(gone, kKeys / 2), 0.97);
}

TEST_F(Chooser, LfuForgetsWhatWasUsedLongAgo) {
  keys.set_access_rules({.count_frequency = true, .log_factor = 10, .decay_minutes = 1});
  at(kStart);
  for (int i = 0; i < 100; ++i) keys.set(0, name(i), Value::integer(i));
  for (int i = 0; i < 50; ++i) keys.set_frequency(0, name(i), 60);  // once popular
  at(kStart + 90 * 60'000);
  for (int i = 50; i < 100; ++i) keys.set_frequency(0, name(i), 20);  // popular now
  EXPECT_EQ(share_below(evict(Policy::allkeys_lfu, 30, 16), 50), 1.0);
}

TEST_F(Chooser, TtlTakesWhatExpiresFirst) {
  at(kStart);
  constexpr int kKeys = 4000;
  for (int i = 0; i < kKeys; ++i) keys.set(0, name(i), Value::integer(i), from_unix_ms(kStart + 1'000'000 + i * 1000));
  EXPECT_GT(share_below(evict(Policy::volatile_ttl, kKeys / 2), kKeys / 2), 0.85);
}

TEST_F(Chooser, ChanceHasNoPreference) {
  constexpr int kKeys = 4000;
  for (int i = 0; i < kKeys; ++i) {
    at(kStart + i * 1000);
    keys.set(0, name(i), Value::integer(i), from_unix_ms(kStart + 100'000'000 + i));
  }
  EXPECT_NEAR(share_below(evict(Policy::allkeys_random, kKeys / 4), kKeys / 2), 0.5, 0.06);
  EXPECT_NEAR(share_below(evict(Policy::volatile_random, kKeys / 4), kKeys / 2), 0.5, 0.06);
}

TEST_F(Chooser, ChanceGoesRoundTheDatabases) {
  at(kStart);
  for (const int db : {0, 5, 9}) {
    for (int i = 0; i < 10; ++i) keys.set(db, name(i), Value::integer(i));
  }
  std::multiset<int> databases;
  for (int i = 0; i < 9; ++i) databases.insert(choose(Policy::allkeys_random)->db);
  EXPECT_EQ(databases, (std::multiset<int>{0, 0, 0, 5, 5, 5, 9, 9, 9}));
}

TEST_F(Chooser, ACandidateThatWasUsedMeanwhileIsSpared) {
  for (int i = 0; i < 20; ++i) {
    at(kStart + i * 1000);
    keys.set(0, name(i), Value::integer(i));
  }
  at(kStart + 100'000);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(choose(Policy::allkeys_lru, 20)) << "fills the pool";
  for (int i = 0; i < 19; ++i) keys.read(0, name(i));
  EXPECT_EQ(choose(Policy::allkeys_lru, 20)->key, name(19));
}

TEST_F(Chooser, ACandidateThatIsGoneOrNoLongerExpiresIsPassedOver) {
  at(kStart);
  for (int i = 0; i < 3; ++i) keys.set(0, name(i), Value::integer(i), from_unix_ms(kStart + 1'000'000 + i));
  ASSERT_EQ(choose(Policy::volatile_ttl, 10)->key, name(0));
  keys.erase(0, name(0));
  keys.set_expiry(0, name(1), std::nullopt);
  EXPECT_EQ(choose(Policy::volatile_ttl, 10)->key, name(2));
}

TEST_F(Chooser, AnotherPolicyStartsWithAnEmptyPool) {
  at(kStart);
  keys.set(0, "key1", Value::integer(1), from_unix_ms(kStart + 5'000'000));
  at(kStart + 60'000);
  keys.set(0, "key2", Value::integer(2), from_unix_ms(kStart + 1'000'000));
  EXPECT_EQ(choose(Policy::volatile_lru, 10)->key, "key1");
  EXPECT_EQ(choose(Policy::volatile_ttl, 10)->key, "key2");
}

}  // namespace
}  // namespace holdfast::node
