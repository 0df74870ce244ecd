#include "node/collections/set_object.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "common/base/random.h"
#include "node/keyspace/seeded_hash.h"

namespace holdfast::node {
namespace {

using SetModel = std::set<std::string, std::less<>>;

SetModel contents(const SetObject& set) {
  SetModel all;
  set.for_each([&](std::string_view member) { EXPECT_TRUE(all.emplace(member).second) << "visited twice"; });
  return all;
}

TEST(SetObject, AgreesWithASetThroughRandomChangesInEveryForm) {
  offer_collection_seed({1, 2});
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const EncodingLimits limits{.set_intset_entries = seed % 3 == 0 ? 0u : 200u};
    SetObject set;
    SetModel model;
    for (int step = 0; step < 3'000; ++step) {
      std::string member = std::to_string(static_cast<int64_t>(random.below(500)) - 250);
      if (seed % 2 == 0 && random.below(10) == 0) member = "t" + std::to_string(random.below(300));
      if (random.below(3) == 0) {
        ASSERT_EQ(set.remove(member), model.erase(member) == 1);
      } else {
        ASSERT_EQ(set.add(member, limits), model.insert(member).second);
      }
      ASSERT_EQ(set.size(), model.size());
      ASSERT_EQ(set.contains(member), model.contains(member));
      if (step % 100 == 0) {
        ASSERT_EQ(contents(set), model);
      }
    }
    const SetObject copy(set);
    ASSERT_EQ(contents(copy), model);
    for (const auto& member : SetModel(model)) ASSERT_TRUE(set.remove(member));
    EXPECT_TRUE(set.gone());
    EXPECT_EQ(contents(copy), model);
  }
}

TEST(SetObject, IsAnIntsetOnlyOfIntegersUpToTheBound) {
  const EncodingLimits limits{.set_intset_entries = 3};
  SetObject set;
  for (const char* member : {"1", "2", "-3"}) set.add(member, limits);
  EXPECT_EQ(set.encoding(), "intset");
  SetObject by_text(set);
  by_text.add("01", limits);
  EXPECT_EQ(by_text.encoding(), "hashtable");
  EXPECT_EQ(contents(by_text), (SetModel{"-3", "01", "1", "2"}));
  set.add("4", limits);
  EXPECT_EQ(set.encoding(), "hashtable");
  set.remove("4");
  EXPECT_EQ(set.encoding(), "hashtable");
}

TEST(SetObject, DrawsMembersEvenly) {
  for (const bool text : {false, true}) {
    SCOPED_TRACE(text);
    SeededRandom random(3);
    SetObject set;
    for (int i = 0; i < 20; ++i) set.add((text ? "m" : "") + std::to_string(i), {});
    std::map<std::string, double> drawn;
    SetObject::Scratch scratch;
    for (int i = 0; i < 20'000; ++i) ++drawn[std::string(set.random(random, scratch))];
    double chi_square = 0;
    for (const auto& [member, count] : drawn) chi_square += (count - 1'000) * (count - 1'000) / 1'000;
    EXPECT_EQ(drawn.size(), 20u);
    EXPECT_LT(chi_square, 43.8);  // 19 degrees of freedom, 0.1 percent
  }
}

TEST(SetObject, ScanMeetsEveryMemberThatStays) {
  SeededRandom random(4);
  SetObject set;
  for (int i = 0; i < 2'000; ++i) set.add("stays" + std::to_string(i), {});
  SetModel seen;
  uint64_t cursor = 0;
  do {
    cursor = set.scan(cursor, [&](std::string_view member) { seen.emplace(member); });
    for (int i = 0; i < 20; ++i) {
      const std::string other = "other" + std::to_string(random.below(5'000));
      random.below(2) == 0 ? set.add(other, {}) : set.remove(other);
    }
  } while (cursor != 0);
  for (int i = 0; i < 2'000; ++i) EXPECT_TRUE(seen.contains("stays" + std::to_string(i)));
}

TEST(SetObject, WalkStopsWhereItIsTold) {
  for (const bool large : {false, true}) {
    SetObject set;
    if (large) set.load_large();
    for (int i = 0; i < 300; ++i) set.add(std::to_string(i), {});
    int visited = 0;
    EXPECT_FALSE(set.for_each_while([&](std::string_view) { return ++visited < 5; }));
    EXPECT_EQ(visited, 5);
    EXPECT_TRUE(set.for_each_while([&](std::string_view) { return true; }));
  }
}

}  // namespace
}  // namespace holdfast::node
