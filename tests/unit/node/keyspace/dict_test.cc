#include "node/keyspace/dict.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <unordered_map>

namespace holdfast::node {
namespace {

constexpr int64_t kNone = Entry::kNoExpiry;

std::string text(const Entry& entry) {
  Value::Scratch scratch;
  const Value value = entry.value();
  return std::string(value.bytes(scratch));
}

class DictTest : public ::testing::Test {
 protected:
  Dict dict{HashSeed{11, 22}};

  Entry& put(const std::string& key, Value value, int64_t expires_ms = kNone) {
    return dict.insert(dict.hash(key), key, std::move(value), expires_ms);
  }
  void fill(int from, int to) {
    for (int i = from; i < to; ++i) put("key" + std::to_string(i), Value::integer(i));
  }
  void expect_counters_match_a_walk() {
    size_t count = 0;
    size_t expiring = 0;
    size_t bytes = 0;
    dict.for_each([&](const Entry& entry) {
      ++count;
      expiring += entry.has_expiry() ? 1 : 0;
      bytes += entry.memory_bytes();
    });
    EXPECT_EQ(dict.size(), count);
    EXPECT_EQ(dict.expiring(), expiring);
    EXPECT_EQ(dict.memory_bytes(), bytes + dict.index_bytes());
  }
};

TEST(AllocationSize, FollowsTheClassesOfTheAllocator) {
  for (const auto& [bytes, size] : std::map<size_t, size_t>{{9, 16},
                                                            {16, 16},
                                                            {17, 32},
                                                            {128, 128},
                                                            {129, 160},
                                                            {160, 160},
                                                            {161, 192},
                                                            {256, 256},
                                                            {257, 320},
                                                            {2560, 2560},
                                                            {2561, 3072},
                                                            {3584, 3584},
                                                            {4096, 4096},
                                                            {4097, 5120}}) {
    EXPECT_EQ(allocation_size(bytes), size) << bytes;
  }
}

TEST_F(DictTest, EntryOfSixteenAndSixteenBytesTakesFortyEightWithAndWithoutExpiry) {
  const std::string key(16, 'k');
  Entry& entry = put(key, Value::raw_string(std::string(16, 'v')));
  EXPECT_EQ(entry.memory_bytes(), 48u);
  Entry& expiring = dict.set_expiry(dict.locate(key), 123456);
  EXPECT_EQ(&expiring, &entry);  // the block has room
  EXPECT_EQ(expiring.memory_bytes(), 48u);
  EXPECT_EQ(expiring.expires_at(), from_unix_ms(123456));
  EXPECT_EQ(expiring.key(), key);
  EXPECT_EQ(text(expiring), std::string(16, 'v'));
}

TEST_F(DictTest, EveryPayloadKeepsKeyValueAndExpiryThroughEveryChange) {
  const auto values = [] {
    std::vector<Value> all;
    all.push_back(Value::integer(INT64_MIN));
    for (const size_t length : {0, 1, 7, 16, 44, 45, 100, 3999, 4000, 4001, 70000}) {
      all.push_back(Value::raw_string(std::string(length, 'v')));
    }
    Value raw = Value::raw_string("short");
    raw.mutable_bytes();
    all.push_back(std::move(raw));
    return all;
  };
  for (const size_t key_length : {0, 1, 15, 16, 300, 65534, 65535, 65536, 200000}) {
    const std::string key(key_length, 'k');
    for (const Value& first : values()) {
      for (const int64_t expiry : {kNone, int64_t{-5}}) {
        for (const Value& second : values()) {
          put(key, first.clone(), expiry);
          Entry* entry = dict.find(key);
          ASSERT_NE(entry, nullptr);
          ASSERT_EQ(entry->value(), first);
          entry = &dict.set_expiry(dict.locate(key), expiry == kNone ? 77 : kNone);
          ASSERT_EQ(entry->value(), first);
          ASSERT_EQ(entry->key(), key);
          entry = &dict.assign(dict.locate(key), second.clone(), expiry);
          ASSERT_EQ(entry->value(), second);
          ASSERT_EQ(entry->value().encoding(), second.encoding());
          ASSERT_EQ(entry->has_expiry(), expiry != kNone);
          ASSERT_EQ(entry->key(), key);
          const std::string old = text(*entry);
          entry = &dict.change_bytes(dict.locate(key), [](std::string& bytes) { bytes += "more"; });
          ASSERT_EQ(text(*entry), old + "more");
          ASSERT_EQ(entry->value().encoding(), "raw");
          expect_counters_match_a_walk();
          ASSERT_NE(dict.release(dict.locate(key)), nullptr);
          ASSERT_EQ(dict.memory_bytes(), dict.index_bytes());
        }
      }
    }
  }
}

TEST_F(DictTest, GrowsAndShrinksWithItsKeys) {
  fill(0, 200000);
  EXPECT_EQ(dict.size(), 200000u);
  EXPECT_GT(dict.segment_count(), 450u);
  // 64-byte lines: 9.14 bytes a key at a fill of one.
  EXPECT_LT(static_cast<double>(dict.index_bytes()) / 200000, 12.5);
  expect_counters_match_a_walk();
  for (int i = 0; i < 200000; ++i) ASSERT_EQ(text(*dict.find("key" + std::to_string(i))), std::to_string(i));
  EXPECT_EQ(dict.find("key200000"), nullptr);
  for (int i = 0; i < 190000; ++i) ASSERT_NE(dict.release(dict.locate("key" + std::to_string(i))), nullptr);
  expect_counters_match_a_walk();
  EXPECT_LT(static_cast<double>(dict.index_bytes()) / 10000, 30);
  for (int i = 190000; i < 200000; ++i) ASSERT_NE(dict.find("key" + std::to_string(i)), nullptr);
  for (int i = 190000; i < 200000; ++i) ASSERT_NE(dict.release(dict.locate("key" + std::to_string(i))), nullptr);
  EXPECT_EQ(dict.size(), 0u);
  EXPECT_EQ(dict.memory_bytes(), dict.index_bytes());
  EXPECT_LT(dict.index_bytes(), 10000u);
  dict.clear();
  EXPECT_EQ(dict.memory_bytes(), 0u);
}

TEST_F(DictTest, MovingTheTableMovesEverything) {
  fill(0, 5000);
  Dict other(HashSeed{1, 1});
  other = std::move(dict);
  EXPECT_EQ(dict.size(), 0u);
  EXPECT_EQ(dict.find("key1"), nullptr);
  EXPECT_EQ(other.size(), 5000u);
  EXPECT_NE(other.find("key4999"), nullptr);
  dict = Dict(HashSeed{5, 6});
  fill(0, 10);
  EXPECT_EQ(dict.size(), 10u);
}

TEST(DictTrail, LeadsToTheEntryThatALookUpFinds) {
  Dict table(HashSeed{1, 2}, Dict::Scale::collection);
  const auto likely = [&](std::string_view key) {
    Dict::Trail trail{.hash = table.hash(key)};
    for (unsigned step = 0; step < Dict::kTrailSteps && table.prefetch(trail, step); ++step) {
    }
    return trail.entry;
  };
  EXPECT_EQ(likely("key1"), nullptr);
  size_t found = 0;
  for (int i = 0; i < 5'000; ++i) {
    const std::string key = "key" + std::to_string(i);
    table.insert(table.hash(key), key, Value::integer(i), kNone);
  }
  for (int i = 0; i < 5'000; ++i) {
    const std::string key = "key" + std::to_string(i);
    found += likely(key) == table.find(key) ? 1 : 0;
  }
  EXPECT_GT(found, 4'750u);  // some lie far from their home, some are taken for others
}

TEST(Bucket, FindsEachSlotOfATag) {
  Bucket bucket{};
  for (unsigned tag = 0; tag < 256; tag += 5) {
    for (const unsigned difference : {1u, 3u, 128u, 255u}) {
      for (unsigned slot = 0; slot < Bucket::kSlots; ++slot) {
        std::fill_n(bucket.tags, Bucket::kSlots, static_cast<uint8_t>(tag ^ difference));
        bucket.overflow = bucket.tags[slot] = static_cast<uint8_t>(tag);
        std::vector<unsigned> visited;
        bucket.any_tagged(static_cast<uint8_t>(tag), [&](unsigned at) {
          visited.push_back(at);
          return false;
        });
        EXPECT_EQ(visited, std::vector<unsigned>{slot});
      }
    }
  }
}

TEST_F(DictTest, PrefetchingIsAllowedAtAnyTime) {
  Dict::prefetch_entry(dict.prefetch_bucket(dict.hash("a")), dict.hash("a"));
  fill(0, 1000);
  for (int i = 0; i < 1000; ++i) {
    const uint64_t hash = dict.hash("key" + std::to_string(i));
    Dict::prefetch_entry(dict.prefetch_bucket(hash), hash);
    dict.prefetch_displaced(hash);
    Dict::Trail trail{.hash = hash};
    for (unsigned step = 0; step < Dict::kTrailSteps && dict.prefetch(trail, step); ++step) {
    }
  }
  EXPECT_EQ(dict.size(), 1000u);
}

TEST_F(DictTest, GuessesNearlyAllEntriesAheadInTheirBucketsAndOutside) {
  constexpr int kKeys = 5000;
  fill(0, kKeys);
  size_t displaced = 0, guessed = 0;
  for (int i = 0; i < kKeys; ++i) {
    const std::string key = "key" + std::to_string(i);
    const uint64_t hash = dict.hash(key);
    const Bucket* bucket = dict.prefetch_bucket(hash);
    const Entry* entry = Dict::prefetch_entry(bucket, hash);
    if (entry == nullptr && Dict::may_be_displaced(bucket)) {
      entry = dict.prefetch_displaced(hash);
      displaced += entry == dict.find(key);
    }
    guessed += entry == dict.find(key);
  }
  EXPECT_GT(displaced, dict.statistics().displaced / 2);
  EXPECT_LE(displaced, dict.statistics().displaced);
  EXPECT_GT(guessed, kKeys * 95 / 100);
}

TEST(CollectionDict, TellsKeysApartByAnyByteOfAnyLength) {
  const HashSeed seed{3, 4};
  for (size_t length = 0; length <= 40; ++length) {
    const std::string key(length, 'k');
    Dict dict(seed, Dict::Scale::collection);
    dict.insert(dict.hash(key), key, Value::integer(1), kNone);
    // The same bytes among others.
    const std::string within = "ab" + key + "cd";
    const auto same = std::string_view(within).substr(2, length);
    EXPECT_EQ(seeded_hash(same, seed), seeded_hash(key, seed));
    EXPECT_TRUE(dict.find(same)->has_key(same));
    for (size_t i = 0; i < length; ++i) {
      std::string other = key;
      other[i] = 'K';
      EXPECT_NE(seeded_hash(other, seed), seeded_hash(key, seed)) << length << ' ' << i;
      EXPECT_FALSE(dict.find(key)->has_key(other)) << length << ' ' << i;
    }
    EXPECT_FALSE(dict.find(key)->has_key(key + 'k'));
  }
}

TEST(CollectionDict, IsWholeAfterAMove) {
  Dict dict(HashSeed{3, 4}, Dict::Scale::collection);
  const auto add = [](Dict& to, int number) {
    const std::string key = "key" + std::to_string(number);
    to.insert(to.hash(key), key, Value::integer(number), kNone);
  };
  for (const int size : {5, 2000}) {  // with one segment, and with a directory
    while (dict.size() < static_cast<size_t>(size)) add(dict, static_cast<int>(dict.size()));
    Dict other(std::move(dict));
    EXPECT_EQ(dict.size(), 0u);
    EXPECT_EQ(dict.find("key1"), nullptr);
    add(dict, 7);
    EXPECT_NE(dict.find("key7"), nullptr);
    EXPECT_EQ(other.size(), static_cast<size_t>(size));
    for (int i = 0; i < size; ++i) ASSERT_NE(other.find("key" + std::to_string(i)), nullptr) << i;
    dict = std::move(other);
    EXPECT_EQ(other.memory_bytes(), 0u);
  }
  dict.clear();
  EXPECT_EQ(dict.memory_bytes(), 0u);
  add(dict, 1);
  EXPECT_NE(dict.find("key1"), nullptr);
}

TEST_F(DictTest, ScanOfAStillTableReturnsEveryKeyOnce) {
  fill(0, 30000);
  std::map<std::string, int> seen;
  uint64_t cursor = 0;
  uint64_t last = 0;
  do {
    last = cursor;
    cursor = dict.scan(cursor, [&](Entry& entry) { ++seen[std::string(entry.key())]; });
    ASSERT_LT(cursor, uint64_t{1} << 48);
    ASSERT_TRUE(cursor == 0 || cursor > last);
  } while (cursor != 0);
  EXPECT_EQ(seen.size(), 30000u);
  for (const auto& [key, times] : seen) ASSERT_EQ(times, 1) << key;
}

TEST_F(DictTest, ScanTakesAnyCursorAClientMayInvent) {
  fill(0, 3000);
  SeededRandom dice(3);
  for (int i = 0; i < 10000; ++i) {
    size_t seen = 0;
    dict.scan(dice.next(), [&](Entry&) { ++seen; });
    EXPECT_LE(seen, Bucket::kSlots * (Segment::kReach + 1));
  }
}

TEST_F(DictTest, WalkOfTheExpiringReturnsEachOfThemAndNoOther) {
  std::set<std::string> expected;
  for (int i = 0; i < 20000; ++i) {
    const std::string key = "key" + std::to_string(i);
    put(key, Value::integer(i), i % 50 == 0 ? i : kNone);
    if (i % 50 == 0) expected.insert(key);
  }
  std::set<std::string> seen;
  uint64_t cursor = 0;
  do {
    cursor =
        dict.walk_expiring(cursor, [&](Entry& entry) { EXPECT_TRUE(seen.insert(std::string(entry.key())).second); });
  } while (cursor != 0);
  EXPECT_EQ(seen, expected);
}

TEST_F(DictTest, RandomPicksEveryKeyAboutEquallyOften) {
  constexpr int kKeys = 2000;
  constexpr int kPicks = 400000;  // 200 each
  for (const bool thinned : {false, true}) {
    dict.clear();
    fill(0, thinned ? kKeys * 20 : kKeys);
    for (int i = kKeys; thinned && i < kKeys * 20; ++i) dict.release(dict.locate("key" + std::to_string(i)));
    SeededRandom dice(5);
    std::unordered_map<const Entry*, int> picks;
    for (int i = 0; i < kPicks; ++i) ++picks[dict.random(dice)];
    EXPECT_EQ(picks.size(), static_cast<size_t>(kKeys));
    for (const auto& [entry, times] : picks) {
      EXPECT_GT(times, thinned ? 40 : 90) << entry->key();
      EXPECT_LT(times, thinned ? 800 : 450) << entry->key();
    }
  }
}

TEST_F(DictTest, HoldsWhatASetHoldsWhileKeysComeAndGo) {
  SeededRandom dice(9);
  std::set<std::string> model;
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < 100; ++i) {
      const std::string key = std::to_string(dice.below(8000));
      if (model.contains(key) ? dice.chance(0.6) : dice.chance(0.2)) {
        const Dict::Place place = dict.locate(key);
        ASSERT_EQ(place.entry != nullptr, model.erase(key) == 1);
        if (place.entry != nullptr) dict.release(place);
      } else if (model.insert(key).second) {
        put(key, Value::integer(1));
      }
    }
    ASSERT_EQ(dict.size(), model.size());
  }
  for (const auto& key : model) ASSERT_NE(dict.find(key), nullptr);
  expect_counters_match_a_walk();
}

// The scale of a value with elements.
class SmallDictTest : public DictTest {
 protected:
  SmallDictTest() { dict = Dict(HashSeed{11, 22}, Dict::Scale::collection); }
};

TEST_F(SmallDictTest, StartsWithOneBucket) {
  put("one", Value::integer(1));
  EXPECT_LE(dict.index_bytes(), 192U);
  EXPECT_NE(dict.find("one"), nullptr);
}

TEST_F(SmallDictTest, GrowsAndShrinksThroughEverySize) {
  constexpr int kMost = 20000;
  for (int i = 0; i < kMost; ++i) {
    fill(i, i + 1);
    if (i < 1000 || i % 1000 == 0) expect_counters_match_a_walk();
    ASSERT_NE(dict.find("key" + std::to_string(i / 2)), nullptr) << i;
  }
  std::set<std::string> seen;
  uint64_t cursor = 0;
  do cursor = dict.scan(cursor, [&](Entry& entry) { seen.emplace(entry.key()); });
  while (cursor != 0);
  EXPECT_EQ(seen.size(), static_cast<size_t>(kMost));
  for (int i = 0; i < kMost; ++i) {
    const Dict::Place place = dict.locate("key" + std::to_string(i));
    ASSERT_NE(place.entry, nullptr) << i;
    dict.release(place);
    if (kMost - i < 1000 || i % 1000 == 0) expect_counters_match_a_walk();
    if (i + 1 < kMost) {
      ASSERT_NE(dict.find("key" + std::to_string(i + (kMost - i) / 2)), nullptr) << i;
    }
  }
  EXPECT_EQ(dict.size(), 0U);
  EXPECT_LE(dict.index_bytes(), 4096U);
}

TEST_F(SmallDictTest, TakesAboutTwelveBytesOfIndexForAKeyWhenLarge) {
  fill(0, 200000);
  EXPECT_LT(static_cast<double>(dict.index_bytes()) / 200000, 13.5);
}

}  // namespace
}  // namespace holdfast::node
