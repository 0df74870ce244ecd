#include "node/keyspace/keyspace.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace holdfast::node {
namespace {

WallTime at(int64_t ms) { return from_unix_ms(ms); }

struct Recorder final : KeyspaceObserver {
  std::vector<std::string> events;
  void before_change(int db, std::string_view key, const Entry* before) override {
    events.push_back(fmt::format("before {} {} {}", db, key, before == nullptr ? "new" : "old"));
  }
  void touched(int db, std::string_view key) override { events.push_back(fmt::format("touched {} {}", db, key)); }
  void expired(int db, std::string_view key) override { events.push_back(fmt::format("expired {} {}", db, key)); }
  void before_flush(int db) override { events.push_back(fmt::format("flush {}", db)); }
  void before_swap(int a, int b) override { events.push_back(fmt::format("swap {} {}", a, b)); }
};

class KeyspaceTest : public ::testing::Test {
 protected:
  SeededRandom random{7};
  Keyspace keys{4, random};
  std::string text(const Entry* entry) {
    Value::Scratch scratch;
    return entry == nullptr ? "(none)" : std::string(entry->value().bytes(scratch));
  }
  void put(int db, std::string_view key, std::string_view value) { keys.set(db, key, Value::string(value)); }
};

TEST_F(KeyspaceTest, SetReadEraseRoundTrip) {
  put(0, "a", "1");
  put(1, "a", "2");
  EXPECT_EQ(text(keys.read(0, "a")), "1");
  EXPECT_EQ(text(keys.read(1, "a")), "2");
  EXPECT_EQ(keys.read(2, "a"), nullptr);
  EXPECT_TRUE(keys.erase(0, "a"));
  EXPECT_FALSE(keys.erase(0, "a"));
  EXPECT_EQ(keys.key_count(0), 0u);
  EXPECT_EQ(keys.stats().hits, 2u);
  EXPECT_EQ(keys.stats().misses, 1u);
  EXPECT_EQ(keys.dirty(), 3);
}

TEST_F(KeyspaceTest, KeyIsThereUntilTheMillisecondAfterItsExpiry) {
  put(0, "a", "x");
  keys.set_expiry(0, "a", at(1000));
  keys.begin(at(1000), ExpiryMode::remove);
  EXPECT_NE(keys.read(0, "a"), nullptr);
  keys.begin(at(1001), ExpiryMode::remove);
  EXPECT_EQ(keys.read(0, "a"), nullptr);
  EXPECT_EQ(keys.key_count(0), 0u);
  EXPECT_EQ(keys.stats().expired_keys, 1u);
}

TEST_F(KeyspaceTest, HideKeepsTheExpiredKeyAndIgnoreShowsIt) {
  put(0, "a", "x");
  keys.set_expiry(0, "a", at(1000));
  keys.begin(at(2000), ExpiryMode::hide);
  EXPECT_EQ(keys.read(0, "a"), nullptr);
  EXPECT_EQ(keys.key_count(0), 1u);
  keys.begin(at(2000), ExpiryMode::ignore);
  EXPECT_NE(keys.read(0, "a"), nullptr);
}

TEST_F(KeyspaceTest, SetClearsOrKeepsTheExpiry) {
  put(0, "a", "x");
  keys.set_expiry(0, "a", at(5000));
  keys.set(0, "a", Value::string("y"), Keyspace::Expiry::keep);
  EXPECT_EQ(keys.peek(0, "a")->expires_at(), at(5000));
  put(0, "a", "z");
  EXPECT_FALSE(keys.peek(0, "a")->has_expiry());
  EXPECT_EQ(keys.expire_count(0), 0u);
}

TEST_F(KeyspaceTest, ObserverHearsEveryChangeBeforeAndAfter) {
  Recorder recorder;
  keys.set_observer(&recorder);
  put(0, "a", "x");
  put(0, "a", "y");
  keys.set_expiry(0, "a", at(10));
  keys.begin(at(11), ExpiryMode::remove);
  keys.read(0, "a");
  keys.swap(0, 1);
  keys.flush(0);
  EXPECT_EQ(recorder.events, (std::vector<std::string>{
                                 "before 0 a new", "touched 0 a", "before 0 a old", "touched 0 a", "before 0 a old",
                                 "touched 0 a", "expired 0 a", "before 0 a old", "touched 0 a", "swap 0 1", "flush 0"}));
}

TEST_F(KeyspaceTest, RenameAndMoveTakeTheExpiryAlong) {
  put(0, "a", "x");
  put(0, "b", "old");
  keys.set_expiry(0, "a", at(9000));
  keys.rename(0, "a", "b");
  EXPECT_EQ(keys.peek(0, "a"), nullptr);
  EXPECT_EQ(text(keys.peek(0, "b")), "x");
  keys.move(0, "b", 3);
  EXPECT_EQ(keys.key_count(0), 0u);
  EXPECT_EQ(keys.peek(3, "b")->expires_at(), at(9000));
  EXPECT_EQ(keys.expire_count(0), 0u);
  EXPECT_EQ(keys.expire_count(3), 1u);
}

TEST_F(KeyspaceTest, ActiveExpiryRemovesAllExpiredKeysInSlices) {
  for (int i = 0; i < 1000; ++i) {
    const std::string key = "k" + std::to_string(i);
    put(i % 3, key, "v");
    if (i % 2 == 0) keys.set_expiry(i % 3, key, at(i < 500 ? 100 : 1'000'000));
  }
  keys.begin(at(200), ExpiryMode::remove);
  int slices = 0;
  // A deletion may move a neighbour past the walk: the next round finds it.
  for (int round = 0; round < 9; ++round) {
    const int db = round % 3;
    for (Keyspace::ExpirySample sample; !sample.end; ++slices) {
      sample = keys.expire_some(db, 20, 8);
      EXPECT_LE(sample.seen, 20u + Bucket::kSlots);
      if (sample.seen > sample.gone) {
        keys.note_average_ttl(db, sample.ttl_sum_ms / static_cast<double>(sample.seen - sample.gone));
      }
    }
  }
  EXPECT_GT(slices, 9);
  EXPECT_EQ(keys.stats().expired_keys, 250u);
  EXPECT_EQ(keys.key_count(0) + keys.key_count(1) + keys.key_count(2), 750u);
  EXPECT_GT(keys.average_ttl_ms(0), 0);
}

TEST_F(KeyspaceTest, ScanNeverMissesAKeyThatStaysWhileTheTableGrowsAndShrinks) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SeededRandom dice(seed);
    Keyspace space(1, dice);
    std::set<std::string> stay;
    for (int i = 0; i < 300; ++i) {
      const std::string key = "stay" + std::to_string(i);
      space.set(0, key, Value::integer(i));
      stay.insert(key);
    }
    std::set<std::string> seen;
    uint64_t cursor = 0;
    int other = 0;
    do {
      cursor = space.scan(0, cursor, [&](const Entry& entry) { seen.insert(std::string(entry.key())); });
      if (dice.chance(0.5)) {
        for (int i = 0; i < 100; ++i) space.set(0, "other" + std::to_string(other++), Value::integer(i));
      } else {
        for (int i = 0; i < 200 && other > 0; ++i) space.erase(0, "other" + std::to_string(--other));
      }
    } while (cursor != 0);
    for (const auto& key : stay) ASSERT_TRUE(seen.contains(key)) << "seed " << seed << " lost " << key;
  }
}

TEST_F(KeyspaceTest, BehavesLikeAMapUnderRandomCommands) {
  std::map<std::string, std::pair<std::string, int64_t>> model;
  int64_t now = 1000;
  for (int step = 0; step < 50000; ++step) {
    keys.begin(at(now), ExpiryMode::remove);
    const std::string key = "k" + std::to_string(random.below(200));
    auto found = model.find(key);
    if (found != model.end() && found->second.second >= 0 && now > found->second.second) {
      model.erase(found);
      found = model.end();
    }
    switch (random.below(6)) {
      case 0: put(0, key, std::to_string(step)), model[key] = {std::to_string(step), -1}; break;
      case 1: EXPECT_EQ(keys.peek(0, key) != nullptr && keys.erase(0, key), model.erase(key) == 1); break;
      case 2:
        if (keys.peek(0, key) != nullptr) {
          ASSERT_NE(found, model.end());
          found->second.second = now + static_cast<int64_t>(random.below(200));
          keys.set_expiry(0, key, at(found->second.second));
        }
        break;
      case 3: EXPECT_EQ(text(keys.read(0, key)), found == model.end() ? "(none)" : found->second.first); break;
      case 4: now += static_cast<int64_t>(random.below(5)); break;
      case 5: keys.expire_some(0, 5, 5); break;
    }
  }
  keys.begin(at(now), ExpiryMode::remove);
  for (int i = 0; i < 1000; ++i) keys.expire_some(0, 1000, 1000);
  std::erase_if(model, [&](const auto& item) { return item.second.second >= 0 && now > item.second.second; });
  EXPECT_EQ(keys.key_count(0), model.size());
}

TEST_F(KeyspaceTest, RandomKeyIsNothingOrAnUnexpiredKey) {
  EXPECT_EQ(keys.random_key(0, random), nullptr);
  for (int i = 0; i < 100; ++i) {
    put(0, "dead" + std::to_string(i), "x");
    keys.set_expiry(0, "dead" + std::to_string(i), at(1));
  }
  put(0, "alive", "x");
  keys.begin(at(5), ExpiryMode::remove);
  EXPECT_EQ(keys.random_key(0, random)->key(), "alive");
}

TEST_F(KeyspaceTest, LoaderRefusesADuplicateKeyAndABadDatabase) {
  EXPECT_TRUE(keys.insert(0, "a", Value::integer(1), at(50)).has_value());
  EXPECT_FALSE(keys.insert(0, "a", Value::integer(1), std::nullopt).has_value());
  EXPECT_FALSE(keys.insert(4, "a", Value::integer(1), std::nullopt).has_value());
  EXPECT_EQ(keys.expire_count(0), 1u);
  EXPECT_EQ(keys.dirty(), 0);
}

TEST_F(KeyspaceTest, IdleTimeIsCountedFromTheLastAccessAndNeverNegative) {
  keys.begin(at(1'700'000'000'000), ExpiryMode::remove);
  put(0, "a", "x");
  EXPECT_EQ(keys.peek(0, "a")->idle_ms(1'700'000'000'000), 0);
  EXPECT_EQ(keys.peek(0, "a")->idle_ms(1'700'000'090'000), 90'000);
  EXPECT_EQ(keys.peek(0, "a")->idle_ms(1'699'999'000'000), 0);
  EXPECT_EQ(keys.peek(0, "a")->idle_ms(1'700'000'000'000 + 500LL * 86'400'000), 500LL * 86'400'000);
  keys.begin(at(1'700'000'100'000), ExpiryMode::remove);
  keys.set_expiry(0, "a", at(1'800'000'000'000));
  keys.set_expiry(0, "a", std::nullopt);
  EXPECT_EQ(keys.peek(0, "a")->idle_ms(1'700'000'090'000), 90'000);
  keys.read(0, "a");
  EXPECT_EQ(keys.peek(0, "a")->idle_ms(1'700'000'100'000), 0);
}

TEST_F(KeyspaceTest, ChangesInPlaceAreSeenCountedAndRaw) {
  put(0, "n", "41");
  keys.set_expiry(0, "n", at(5000));
  EXPECT_EQ(keys.change_bytes(0, *keys.peek(0, "n"), [](std::string& bytes) { bytes += "x"; }), 3u);
  EXPECT_EQ(text(keys.peek(0, "n")), "41x");
  EXPECT_EQ(keys.peek(0, "n")->value().encoding(), "raw");
  EXPECT_EQ(keys.peek(0, "n")->expires_at(), at(5000));
  keys.replace(0, *keys.peek(0, "n"), Value::integer(7));
  EXPECT_EQ(keys.peek(0, "n")->value().encoding(), "int");
  EXPECT_EQ(keys.peek(0, "n")->expires_at(), at(5000));
  const int64_t changes = keys.changes();
  keys.make_raw(0, *keys.peek(0, "n"));
  EXPECT_EQ(keys.peek(0, "n")->value().encoding(), "raw");
  EXPECT_EQ(text(keys.peek(0, "n")), "7");
  EXPECT_EQ(keys.changes(), changes);
}

TEST_F(KeyspaceTest, MemoryIsThatOfAFreshSpaceAfterAFlush) {
  EXPECT_EQ(keys.memory_bytes(0), 0u);
  for (int i = 0; i < 5000; ++i) put(0, "k" + std::to_string(i), std::string(static_cast<size_t>(i), 'v'));
  EXPECT_GT(keys.memory_bytes(0), 5000u * 2500);
  keys.flush(0);
  EXPECT_EQ(keys.memory_bytes(0), 0u);
}

TEST_F(KeyspaceTest, ExchangedContentComesWholeAndIsTold) {
  put(0, "old", "1");
  keys.set_expiry(0, "old", at(9000));
  Keyspace other(4, random);
  other.set(2, "new", Value::string("2"));
  other.set_expiry(2, "new", at(7000));
  Recorder recorder;
  keys.set_observer(&recorder);
  keys.flush(-1);
  recorder.events.clear();
  keys.exchange(other);
  EXPECT_EQ(recorder.events, (std::vector<std::string>{"flush 0", "flush 1", "flush 2", "flush 3"}));
  EXPECT_EQ(keys.peek(0, "old"), nullptr);
  EXPECT_EQ(keys.expire_count(0), 0u);
  EXPECT_EQ(text(keys.peek(2, "new")), "2");
  EXPECT_EQ(keys.expire_count(2), 1u);
  EXPECT_EQ(other.key_count(2), 0u);
  keys.begin(at(7001), ExpiryMode::remove);
  EXPECT_EQ(keys.read(2, "new"), nullptr);
}

TEST(SeededHash, MatchesItselfAndDependsOnTheSeed) {
  const HashSeed one{1, 2};
  const HashSeed two{1, 3};
  for (size_t length = 0; length < 40; ++length) {
    const std::string text(length, 'q');
    EXPECT_EQ(seeded_hash(text, one), seeded_hash(text, one));
    EXPECT_NE(seeded_hash(text, one), seeded_hash(text, two));
    EXPECT_NE(seeded_hash(text, one), seeded_hash(text + "q", one));
  }
}

}  // namespace
}  // namespace holdfast::node
