#include "node/collections/hash_object.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "common/base/random.h"
#include "node/keyspace/seeded_hash.h"

namespace holdfast::node {
namespace {

struct Known {
  std::string value;
  int64_t expires_ms = HashObject::kNoExpiry;
  bool operator==(const Known&) const = default;
};
using HashModel = std::map<std::string, Known>;

HashModel contents(const HashObject& hash, int64_t hidden_before = HashObject::kHideNothing) {
  HashModel all;
  hash.for_each(
      [&](std::string_view field, std::string_view value, int64_t expires_ms) {
        EXPECT_TRUE(all.emplace(field, Known{std::string(value), expires_ms}).second) << "visited twice";
      },
      hidden_before);
  return all;
}

int64_t earliest(const HashModel& model) {
  int64_t found = HashObject::kNoExpiry;
  for (const auto& [field, known] : model) {
    if (known.expires_ms != HashObject::kNoExpiry && (found == HashObject::kNoExpiry || known.expires_ms < found)) {
      found = known.expires_ms;
    }
  }
  return found;
}

std::string random_text(RandomSource& random) {
  switch (random.below(8)) {
    case 0: return std::string(random.below(200), 'v');
    case 1: return std::to_string(static_cast<int64_t>(random.next()));
    case 2: return random.below(50) == 0 ? std::string(5'000, 'b') : "";
    default: return "f" + std::to_string(random.below(300));
  }
}

void expect_equal(const HashObject& hash, const HashModel& model, int64_t hidden_before) {
  ASSERT_EQ(hash.size(), model.size());
  ASSERT_EQ(contents(hash), model);
  ASSERT_EQ(hash.next_expiry_ms(), earliest(model));
  HashModel shown = model;
  std::erase_if(shown, [&](const auto& item) {
    return item.second.expires_ms != HashObject::kNoExpiry && item.second.expires_ms < hidden_before;
  });
  ASSERT_EQ(contents(hash, hidden_before), shown);
  ASSERT_EQ(hash.visible(hidden_before), shown.size());
}

void change(HashObject& hash, HashModel& model, RandomSource& random, const EncodingLimits& limits, bool with_expiries) {
  const std::string field = random_text(random);
  const std::string value = random_text(random);
  const auto when = static_cast<int64_t>(random.below(1'000));
  switch (random.below(with_expiries ? 8 : 5)) {
    case 0:
    case 1:
      ASSERT_EQ(hash.erase(field), model.erase(field) == 1);
      break;
    case 5:
      if (!model.contains(field)) break;
      hash.set_expiry(field, when);
      model[field].expires_ms = when;
      break;
    case 6:
      ASSERT_EQ(hash.set(field, value, limits, when), !model.contains(field));
      model[field] = {value, when};
      break;
    case 7: {
      if (random.below(20) != 0) break;
      const auto gone = hash.remove_expired_elements(when, 10);
      for (const auto& name : gone) {
        ASSERT_LT(model.at(name).expires_ms, when);
        model.erase(name);
      }
      ASSERT_LE(gone.size(), 10u);
      break;
    }
    default:
      ASSERT_EQ(hash.set(field, value, limits), !model.contains(field));
      model[field] = {value};
  }
}

TEST(HashObject, AgreesWithAMapThroughRandomChangesInEveryForm) {
  offer_collection_seed({1, 2});
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const EncodingLimits limits{.hash_entries = seed % 3 == 0 ? 0u : 64u, .hash_value_bytes = seed % 2 == 0 ? 64u : 10'000u};
    HashObject hash;
    HashModel model;
    for (int step = 0; step < 4'000; ++step) {
      change(hash, model, random, limits, seed > 6);
      if (::testing::Test::HasFatalFailure()) return;
      if (step % 100 == 0) expect_equal(hash, model, static_cast<int64_t>(random.below(1'000)));
      if (::testing::Test::HasFatalFailure()) return;
    }
    const HashObject copy(hash);
    expect_equal(copy, model, 500);
    for (const auto& [field, known] : model) {
      HashObject::Scratch scratch;
      ASSERT_EQ(copy.get(field, scratch), known.value);
    }
    while (!model.empty()) {
      ASSERT_TRUE(hash.erase(model.begin()->first));
      model.erase(model.begin());
    }
    EXPECT_TRUE(hash.gone());
    EXPECT_FALSE(copy.gone());
  }
}

TEST(HashObject, ChangesItsFormAtTheBounds) {
  const EncodingLimits limits{.hash_entries = 3, .hash_value_bytes = 5};
  HashObject hash;
  for (const char* field : {"a", "b", "12345"}) hash.set(field, "54321", limits);
  EXPECT_EQ(hash.encoding(), "listpack");
  HashObject by_value(hash);
  by_value.set("a", "123456", limits);
  EXPECT_EQ(by_value.encoding(), "hashtable");
  HashObject by_expiry(hash);
  by_expiry.set_expiry("a", 10);
  EXPECT_EQ(by_expiry.encoding(), "hashtable");
  hash.set("d", "", limits);
  EXPECT_EQ(hash.encoding(), "hashtable");
  EXPECT_EQ(hash.size(), 4u);
  hash.erase("d");
  EXPECT_EQ(hash.encoding(), "hashtable");
}

TEST(HashObject, SettingAFieldClearsItsExpiry) {
  HashObject hash;
  hash.set("a", "1", {}, 5);
  EXPECT_EQ(hash.next_expiry_ms(), 5);
  hash.set("a", "2", {});
  EXPECT_EQ(hash.next_expiry_ms(), HashObject::kNoExpiry);
}

TEST(HashObject, HidesWhatHasExpiredFromReaders) {
  HashObject hash;
  hash.set("old", "1", {}, 5);
  hash.set("new", "2", {}, 7);
  HashObject::Scratch a, b;
  EXPECT_TRUE(hash.get("old", a, 5));
  EXPECT_FALSE(hash.get("old", a, 6));
  EXPECT_TRUE(hash.contains("old"));
  SeededRandom random(1);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(hash.random(random, a, b, 6).first, "new");
  size_t seen = 0;
  uint64_t cursor = 0;
  do {
    cursor = hash.scan(cursor, [&](std::string_view field, std::string_view) { seen += field == "new" ? 1u : 100u; }, 6);
  } while (cursor != 0);
  EXPECT_EQ(seen, 1u);
}

TEST(HashObject, CountsItsMemory) {
  HashObject hash;
  const size_t empty = hash.memory_bytes();
  for (int i = 0; i < 5'000; ++i) hash.set("field" + std::to_string(i), std::string(20, 'x'), {});
  EXPECT_GT(hash.memory_bytes(), empty + 5'000 * 40);
  const size_t plain = hash.memory_bytes();
  hash.set("field0", "x", {}, 5);
  EXPECT_GT(hash.memory_bytes(), plain);
  for (int i = 0; i < 5'000; ++i) hash.erase("field" + std::to_string(i));
  EXPECT_LT(hash.memory_bytes(), 1'000u);
}

Listpack pack_of(std::initializer_list<std::string_view> elements) {
  Listpack pack;
  for (const auto element : elements) pack.append(element);
  return pack;
}

TEST(HashObject, LoadsPackedFormsAndRefusesWhatIsNoHash) {
  const auto loads = [](Listpack pack) { return HashObject().load_packed(std::move(pack), {}); };
  EXPECT_TRUE(loads(pack_of({"a", "1", "b", "1"})));
  EXPECT_FALSE(loads(pack_of({})));
  EXPECT_FALSE(loads(pack_of({"a", "1", "b"})));
  EXPECT_FALSE(loads(pack_of({"1", "1", "1", "2"})));
  HashObject hash;
  ASSERT_TRUE(hash.load_packed(pack_of({"a", "1", "b", "2"}), {.hash_entries = 1}));
  EXPECT_EQ(hash.encoding(), "hashtable");
  EXPECT_EQ(contents(hash), (HashModel{{"a", {"1"}}, {"b", {"2"}}}));
}

TEST(HashObject, ScanMeetsEveryFieldThatStays) {
  SeededRandom random(4);
  HashObject hash;
  for (int i = 0; i < 2'000; ++i) hash.set("stays" + std::to_string(i), "v", {});
  std::set<std::string> seen;
  uint64_t cursor = 0;
  do {
    cursor = hash.scan(cursor, [&](std::string_view field, std::string_view) { seen.emplace(field); });
    for (int i = 0; i < 20; ++i) {
      const std::string other = "other" + std::to_string(random.below(5'000));
      random.below(2) == 0 ? hash.set(other, "v", {}) : hash.erase(other);
    }
  } while (cursor != 0);
  for (int i = 0; i < 2'000; ++i) EXPECT_TRUE(seen.contains("stays" + std::to_string(i)));
}

}  // namespace
}  // namespace holdfast::node
