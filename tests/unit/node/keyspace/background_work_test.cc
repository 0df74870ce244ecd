// Compaction, lazy freeing, and what the observer hears of each mutator.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "node/keyspace/keyspace.h"
#include "tests/unit/node/keyspace/test_movers.h"

namespace holdfast::node {
namespace {

WallTime at(int64_t ms) { return from_unix_ms(ms); }

std::string text(const Entry& entry) {
  Value::Scratch scratch;
  const Value value = entry.value();
  return std::string(value.bytes(scratch));
}

// Keeps the state that each call describes, so that the order of calls and changes can be held against it.
class Witness final : public KeyspaceObserver {
 public:
  explicit Witness(Keyspace& keys) : keys_(keys) {}

  void before_change(int db, std::string_view key, const Entry* before) override {
    // The table is as it was: what is told is what is there.
    const Entry* present = keys_.find_raw(db, key);
    EXPECT_EQ(before, present) << key;
    events.push_back(fmt::format("before {} {} {}", db, key, before == nullptr ? "-" : text(*before)));
  }
  void touched(int db, std::string_view key) override {
    const Entry* present = keys_.find_raw(db, key);
    events.push_back(fmt::format("touched {} {} {}", db, key, present == nullptr ? "-" : text(*present)));
  }
  void expired(int db, std::string_view key) override {
    EXPECT_NE(keys_.find_raw(db, key), nullptr);
    events.push_back(fmt::format("expired {} {}", db, key));
  }
  void before_flush(int db) override { events.push_back(fmt::format("flush {} of {}", db, keys_.key_count(db))); }
  void before_swap(int a, int b) override {
    events.push_back(fmt::format("swap {} of {}, {} of {}", a, keys_.key_count(a), b, keys_.key_count(b)));
  }
  std::vector<std::string> take() { return std::exchange(events, {}); }

  std::vector<std::string> events;

 private:
  Keyspace& keys_;
};

class MutatorsTest : public ::testing::Test {
 protected:
  SeededRandom random{7};
  Keyspace keys{3, random};
  Witness witness{keys};
  using Events = std::vector<std::string>;

  MutatorsTest() {
    keys.begin(at(1000), ExpiryMode::remove);
    keys.set_observer(&witness);
  }
  void put(int db, std::string_view key, std::string_view value) { keys.set(db, key, Value::string(value)); }
  Events told(const std::function<void()>& change) {
    witness.take();
    change();
    return witness.take();
  }
};

TEST_F(MutatorsTest, EachTellsThePreImageBeforeItChangesAnything) {
  EXPECT_EQ(told([&] { put(0, "a", "1"); }), (Events{"before 0 a -", "touched 0 a 1"}));
  EXPECT_EQ(told([&] { put(0, "a", "two"); }), (Events{"before 0 a 1", "touched 0 a two"}));
  EXPECT_EQ(told([&] { keys.set(0, "a", Value::string("3"), at(9000)); }),
            (Events{"before 0 a two", "touched 0 a 3"}));
  EXPECT_EQ(told([&] { keys.set(0, "a", Value::string("4"), Keyspace::Expiry::keep); }),
            (Events{"before 0 a 3", "touched 0 a 4"}));
  EXPECT_EQ(told([&] { keys.replace(0, *keys.peek(0, "a"), Value::string("five")); }),
            (Events{"before 0 a 4", "touched 0 a five"}));
  EXPECT_EQ(told([&] { keys.change_bytes(0, *keys.peek(0, "a"), [](std::string& bytes) { bytes += "!"; }); }),
            (Events{"before 0 a five", "touched 0 a five!"}));
  EXPECT_EQ(told([&] { keys.set_expiry(0, "a", at(8000)); }), (Events{"before 0 a five!", "touched 0 a five!"}));
  EXPECT_EQ(told([&] { keys.set_expiry(0, "a", std::nullopt); }), (Events{"before 0 a five!", "touched 0 a five!"}));
  put(0, "b", "old");
  EXPECT_EQ(told([&] { keys.rename(0, "a", "b"); }),
            (Events{"before 0 a five!", "before 0 b old", "touched 0 a -", "touched 0 b five!"}));
  EXPECT_EQ(told([&] { keys.move(0, "b", 2); }),
            (Events{"before 0 b five!", "before 2 b -", "touched 0 b -", "touched 2 b five!"}));
  EXPECT_EQ(told([&] { keys.erase(2, "b"); }), (Events{"before 2 b five!", "touched 2 b -"}));
  EXPECT_EQ(told([&] { EXPECT_TRUE(keys.insert(1, "loaded", Value::string("x"), std::nullopt)); }),
            (Events{"before 1 loaded -"}));
}

TEST_F(MutatorsTest, NothingIsToldWhereNothingChanges) {
  put(0, "a", "1");
  EXPECT_EQ(told([&] { keys.erase(0, "none"); }), Events{});
  EXPECT_EQ(told([&] { keys.set_expiry(0, "none", at(9000)); }), Events{});
  EXPECT_EQ(told([&] { keys.set_expiry(0, "a", std::nullopt); }), Events{});
  EXPECT_EQ(told([&] { keys.read(0, "a"); }), Events{});
  // Another encoding and another address are the same value.
  EXPECT_EQ(told([&] { keys.make_raw(0, *keys.peek(0, "a")); }), Events{});
  testing::DiceMover mover(random, 100);
  CompactionCount count;
  EXPECT_EQ(told([&] {
              while (!keys.compact(mover, count)) {
              }
            }),
            Events{});
  EXPECT_GT(count.moved_blocks, 0u);
  EXPECT_EQ(text(*keys.peek(0, "a")), "1");
}

TEST_F(MutatorsTest, ExpiryTellsOnceWhoeverFindsIt) {
  const Events gone{"expired 0 a", "before 0 a 1", "touched 0 a -"};
  const auto expiring = [&] {
    keys.begin(at(1000), ExpiryMode::remove);
    keys.set(0, "a", Value::string("1"), at(1500));
    keys.begin(at(2000), ExpiryMode::remove);
  };
  expiring();
  EXPECT_EQ(told([&] { keys.read(0, "a"); }), gone);
  expiring();
  EXPECT_EQ(told([&] { keys.expire_some(0, 10, 10); }), gone);
  expiring();
  EXPECT_EQ(told([&] { keys.random_key(0, random); }), gone);
  expiring();
  Events and_set = gone;
  and_set.insert(and_set.end(), {"before 0 a -", "touched 0 a 2"});
  EXPECT_EQ(told([&] { put(0, "a", "2"); }), and_set);
}

TEST_F(MutatorsTest, FlushAndSwapTellOfTheDatabaseWhileItIsWhole) {
  put(0, "a", "1");
  put(0, "b", "1");
  put(1, "c", "1");
  EXPECT_EQ(told([&] { keys.swap(0, 1); }), (Events{"swap 0 of 2, 1 of 1"}));
  EXPECT_EQ(told([&] { keys.flush(1); }), (Events{"flush 1 of 2"}));
  EXPECT_EQ(told([&] { keys.flush(-1); }), (Events{"flush 0 of 1", "flush 1 of 0", "flush 2 of 0"}));
}

// --- Lazy freeing ---

class Collector final : public Reclaimer {
 public:
  void reclaim(Garbage garbage, size_t objects) override {
    pending += objects;
    kept.push_back(std::move(garbage));
  }
  uint64_t pending_objects() const override { return pending; }
  uint64_t freed_objects() const override { return 0; }
  void reset_freed_objects() override {}

  std::vector<Garbage> kept;
  size_t pending = 0;
};

class LazyFreeTest : public MutatorsTest {
 protected:
  Collector collector;
  const std::string big = std::string(200'000, 'x');
  LazyFreeTest() { keys.set_reclaimer(&collector); }
};

TEST_F(LazyFreeTest, OnlyWhatIsLargeIsHandedOver) {
  put(0, "small", "x");
  put(0, "big", big);
  const size_t before = keys.memory_bytes(0);
  keys.erase(0, "small", Keyspace::Free::lazily);
  EXPECT_EQ(collector.pending, 0u);
  keys.erase(0, "big", Keyspace::Free::lazily);
  ASSERT_EQ(collector.kept.size(), 1u);
  EXPECT_EQ(text(*std::get<EntryPtr>(collector.kept[0])), big);
  EXPECT_LT(keys.memory_bytes(0), before - big.size());
  put(0, "big", big);
  keys.erase(0, "big");
  EXPECT_EQ(collector.pending, 1u);
}

TEST_F(LazyFreeTest, OptionsDecideForExpiredAndOverwrittenValues) {
  const auto round = [&] {
    keys.begin(at(1000), ExpiryMode::remove);
    put(0, "a", big);
    put(0, "a", "small");
    put(0, "a", big);
    put(0, "b", "x");
    keys.rename(0, "b", "a");
    keys.set(0, "a", Value::string(big), at(1500));
    keys.begin(at(2000), ExpiryMode::remove);
    EXPECT_EQ(keys.read(0, "a"), nullptr);
    return std::exchange(collector.pending, 0);
  };
  EXPECT_EQ(round(), 0u);
  keys.set_lazy_free({.expired = true});
  EXPECT_EQ(round(), 1u);
  keys.set_lazy_free({.overwritten = true});
  EXPECT_EQ(round(), 2u);
  EXPECT_EQ(std::get<std::string>(collector.kept[1]), big);
  EXPECT_EQ(keys.key_count(0), 0u);
}

class Large final : public Object {
 public:
  Large(size_t effort, bool shared) : effort_(effort), shared_(shared) {}
  ValueType type() const override { return ValueType::set; }
  std::string_view encoding() const override { return "hashtable"; }
  size_t size() const override { return effort_; }
  size_t memory_bytes() const override { return 100; }
  size_t effort() const override { return effort_; }
  bool shares() const override { return shared_; }
  std::unique_ptr<Object> clone() const override { return std::make_unique<Large>(*this); }

 private:
  size_t effort_;
  bool shared_;
};

TEST(LazyFree, WhatWouldStallTheExecutorIsHandedOverWhateverTheOptionsSay) {
  SeededRandom dice(7);
  Keyspace keys(1, dice);
  Collector collector;
  keys.set_reclaimer(&collector);
  keys.begin(at(1000), ExpiryMode::remove);
  const auto overwrite = [&] { keys.set(0, "object", Value::string("overwritten")); };
  const auto put_object = [&](size_t effort, bool shared) {
    keys.set(0, "object", Value::object(std::make_unique<Large>(effort, shared)));
  };
  put_object(1000, false);
  keys.erase(0, "object");
  EXPECT_EQ(collector.kept.size(), 0u);
  put_object(100'000, false);
  keys.erase(0, "object");
  ASSERT_EQ(collector.kept.size(), 1u);
  EXPECT_EQ(std::get<std::unique_ptr<Object>>(collector.kept[0])->size(), 100'000u);
  put_object(100'000, false);
  overwrite();
  EXPECT_EQ(collector.kept.size(), 2u);
  EXPECT_EQ(collector.pending, 0u);  // counted is only what was asked for
  put_object(100'000, false);
  keys.erase(0, "object", Keyspace::Free::lazily);
  EXPECT_EQ(collector.pending, 1u);
  // The counters of what two objects share are the executor's.
  put_object(100'000, true);
  keys.erase(0, "object", Keyspace::Free::lazily);
  put_object(100'000, true);
  overwrite();
  EXPECT_EQ(collector.kept.size(), 3u);
}

TEST_F(LazyFreeTest, FlushHandsWholeTablesOverAndLeavesUsableOnes) {
  for (int i = 0; i < 1000; ++i) put(1, "k" + std::to_string(i), "v");
  put(2, "few", "v");
  EXPECT_EQ(keys.flush(-1, Keyspace::Free::lazily), 1001u);
  EXPECT_EQ(collector.pending, 1000u);
  EXPECT_EQ(std::get<Dict>(collector.kept[0]).size(), 1000u);
  EXPECT_EQ(keys.memory_bytes(1), 0u);
  put(1, "k5", "new");
  EXPECT_EQ(text(*keys.peek(1, "k5")), "new");
  collector.kept.clear();
  EXPECT_EQ(text(*keys.peek(1, "k5")), "new");
}

// --- Compaction ---

TEST(Compaction, WalkVisitsEveryEntryOnceAndKeepsContentAndCounters) {
  SeededRandom dice(5);
  Keyspace keys(2, dice);
  keys.begin(at(1000), ExpiryMode::remove);
  std::map<std::string, std::string> model;
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = "key" + std::to_string(i);
    const std::string value(i % 97 == 0 ? 5000 : dice.below(300), static_cast<char>('a' + i % 26));
    keys.set(i % 2, key, Value::borrowed_string(value));
    if (i % 5 == 0) keys.set_expiry(i % 2, key, at(1'000'000));
    model[key] = value;
  }
  const size_t bytes = keys.memory_bytes(0) + keys.memory_bytes(1);
  testing::DiceMover mover(dice, 60);
  CompactionCount count;
  int steps = 1;
  while (!keys.compact(mover, count)) ++steps;
  EXPECT_EQ(count.moved_keys + count.kept_keys, model.size());
  EXPECT_GT(count.moved_blocks, model.size() / 2);
  EXPECT_GT(steps, 200);
  EXPECT_EQ(keys.memory_bytes(0) + keys.memory_bytes(1), bytes);
  EXPECT_EQ(keys.expire_count(0) + keys.expire_count(1), 4000u);
  for (const auto& [key, value] : model) {
    const int db = keys.peek(0, key) != nullptr ? 0 : 1;
    ASSERT_NE(keys.peek(db, key), nullptr) << key;
    ASSERT_EQ(text(*keys.peek(db, key)), value);
  }
}

TEST(Compaction, EmptyKeyspaceIsWalkedInOneStepPerDatabase) {
  SeededRandom dice(5);
  Keyspace keys(3, dice);
  testing::DiceMover mover(dice, 100);
  CompactionCount count;
  EXPECT_FALSE(keys.compact(mover, count));
  EXPECT_FALSE(keys.compact(mover, count));
  EXPECT_TRUE(keys.compact(mover, count));
}

}  // namespace
}  // namespace holdfast::node
