#include "node/collections/zset_object.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/random.h"

namespace holdfast::node {
namespace {

using Pair = std::pair<double, std::string>;
using Pairs = std::vector<Pair>;
using Change = ZsetObject::Change;

// The obvious way to do it.
struct Model {
  std::map<std::string, double> scores;
  Pairs ordered() const {
    std::set<Pair> pairs;
    for (const auto& [member, score] : scores) pairs.emplace(score, member);
    return {pairs.begin(), pairs.end()};
  }
};

Pairs ascending(const ZsetObject& set) {
  Pairs all;
  set.for_each([&](std::string_view member, double score) { all.emplace_back(score, member); });
  return all;
}

Pairs descending(const ZsetObject& set) {
  Pairs all;
  for (auto cursor = set.at(set.size() - 1); cursor; cursor.previous()) all.emplace_back(cursor.score(), cursor.member());
  return {all.rbegin(), all.rend()};
}

double random_score(RandomSource& random) {
  switch (random.below(8)) {
    case 0: return std::numeric_limits<double>::infinity();
    case 1: return -1e300 * static_cast<double>(random.below(3));
    case 2: return static_cast<double>(random.below(1000)) / 7;
    case 3: return static_cast<double>(int64_t{1} << 47) * (random.below(2) == 0 ? 1 : -1);
    case 4: return -0.0;
    default: return static_cast<double>(random.below(40)) - 20;
  }
}

std::string random_member(RandomSource& random) {
  const uint64_t number = random.below(400);
  return number < 200 ? std::to_string(number) : std::string(number % 50, 'x') + std::to_string(number);
}

void expect_equal(const ZsetObject& set, const Model& model) {
  const Pairs expected = model.ordered();
  ASSERT_EQ(set.size(), expected.size());
  ASSERT_EQ(ascending(set), expected);
  if (!expected.empty()) {
    ASSERT_EQ(descending(set), expected);
  }
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto& [score, member] = expected[i];
    ASSERT_EQ(set.rank(member), i);
    ASSERT_EQ(set.score(member), score);
    ASSERT_EQ(set.at(i).member(), member);
  }
}

void change_both(ZsetObject& set, Model& model, RandomSource& random, const EncodingLimits& limits) {
  const std::string member = random_member(random);
  const auto known = model.scores.find(member);
  switch (random.below(10)) {
    case 0: {
      ASSERT_EQ(set.remove(member), known != model.scores.end());
      model.scores.erase(member);
      break;
    }
    case 1: {
      if (model.scores.empty()) return;
      const Pairs before = model.ordered();
      const size_t rank = random.below(before.size());
      const size_t count = std::min<size_t>(random.below(6), before.size() - rank);
      set.remove_range(rank, count);
      for (size_t i = rank; i < rank + count; ++i) model.scores.erase(before[i].second);
      break;
    }
    case 2: {
      const Change done = set.change(member, limits, [&](std::optional<double> old) -> std::optional<double> {
        EXPECT_EQ(old.has_value(), known != model.scores.end());
        if (!old) return std::nullopt;
        EXPECT_EQ(*old, known->second);
        return *old + 1;
      });
      if (known == model.scores.end()) {
        ASSERT_EQ(done, Change::none);
      } else {
        const double now = known->second + 1;
        ASSERT_EQ(done, now == known->second ? Change::none : Change::updated);
        known->second = now;
      }
      break;
    }
    default: {
      const double score = random_score(random);
      const Change expected = known == model.scores.end() ? Change::added
                              : known->second == score    ? Change::none
                                                          : Change::updated;
      ASSERT_EQ(set.set(member, score, limits), expected);
      model.scores[member] = score;
    }
  }
}

class ZsetObjectForms : public ::testing::TestWithParam<uint64_t> {};

TEST_P(ZsetObjectForms, BehaveAsAMapOrderedByScoreAndMember) {
  const EncodingLimits limits{.zset_entries = GetParam(), .zset_value_bytes = 4000};
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    SeededRandom random(seed);
    ZsetObject set;
    Model model;
    for (int i = 0; i < 3000; ++i) {
      change_both(set, model, random, limits);
      if (i % 100 == 0) {
        ASSERT_NO_FATAL_FAILURE(expect_equal(set, model));
      }
    }
    ASSERT_NO_FATAL_FAILURE(expect_equal(set, model));
  }
}

TEST_P(ZsetObjectForms, FindRanksOfScoresAndMembers) {
  const EncodingLimits limits{.zset_entries = GetParam(), .zset_value_bytes = 4000};
  ZsetObject set;
  for (const double score : {1.0, 2.0, 2.5, 4.0}) {
    for (const char* member : {"a", "b", "c"}) set.set(std::to_string(score) + member, score, limits);
  }
  EXPECT_EQ(set.rank_of_score(2, false), 3u);
  EXPECT_EQ(set.rank_of_score(2, true), 6u);
  EXPECT_EQ(set.rank_of_score(3, false), 9u);
  EXPECT_EQ(set.rank_of_score(3, true), 9u);
  EXPECT_EQ(set.rank_of_score(-std::numeric_limits<double>::infinity(), false), 0u);
  EXPECT_EQ(set.rank_of_score(std::numeric_limits<double>::infinity(), false), 12u);
  ZsetObject even;
  for (const char* member : {"10", "b", "d", "f"}) even.set(member, 0, limits);
  EXPECT_EQ(even.rank_of_member("b", false), 1u);
  EXPECT_EQ(even.rank_of_member("b", true), 2u);
  EXPECT_EQ(even.rank_of_member("c", true), 2u);
  EXPECT_EQ(even.rank_of_member("", true), 0u);
  EXPECT_EQ(even.rank_of_member("z", false), 4u);
}

TEST_P(ZsetObjectForms, CloneStandsAlone) {
  const EncodingLimits limits{.zset_entries = GetParam(), .zset_value_bytes = 4000};
  SeededRandom random(5);
  ZsetObject set;
  Model model;
  for (int i = 0; i < 500; ++i) change_both(set, model, random, limits);
  const std::unique_ptr<Object> copy = set.clone();
  const Model then = model;
  for (int i = 0; i < 500; ++i) change_both(set, model, random, limits);
  expect_equal(set, model);
  expect_equal(static_cast<const ZsetObject&>(*copy), then);
}

TEST_P(ZsetObjectForms, ScanMeetsEveryElement) {
  const EncodingLimits limits{.zset_entries = GetParam()};
  ZsetObject set;
  for (int i = 0; i < 1000; ++i) set.set("member" + std::to_string(i), i, limits);
  std::set<std::string> met;
  uint64_t cursor = 0;
  do {
    cursor = set.scan(cursor, [&](std::string_view member, double score) {
      EXPECT_EQ("member" + std::to_string(static_cast<int>(score)), member);
      met.emplace(member);
    });
  } while (cursor != 0);
  EXPECT_EQ(met.size(), 1000u);
}

INSTANTIATE_TEST_SUITE_P(Packed, ZsetObjectForms, ::testing::Values(uint64_t{1} << 20));
INSTANTIATE_TEST_SUITE_P(Large, ZsetObjectForms, ::testing::Values(uint64_t{0}));
INSTANTIATE_TEST_SUITE_P(Growing, ZsetObjectForms, ::testing::Values(uint64_t{20}));

TEST(ZsetObject, BecomesLargeBeyondEitherLimit) {
  const EncodingLimits limits{.zset_entries = 3, .zset_value_bytes = 5};
  ZsetObject many;
  for (const char* member : {"a", "b", "c"}) many.set(member, 1, limits);
  EXPECT_EQ(many.encoding(), "listpack");
  many.set("a", 2, limits);
  EXPECT_EQ(many.encoding(), "listpack");
  many.set("d", 1, limits);
  EXPECT_EQ(many.encoding(), "skiplist");
  EXPECT_EQ(ascending(many), (Pairs{{1, "b"}, {1, "c"}, {1, "d"}, {2, "a"}}));
  ZsetObject wide;
  wide.set("12345", 1, limits);
  EXPECT_EQ(wide.encoding(), "listpack");
  wide.set("123456", 1, limits);
  EXPECT_EQ(wide.encoding(), "skiplist");
}

TEST(ZsetObject, PacksScoresAsRedisDoes) {
  ZsetObject set;
  set.set("a", 0.1, {});
  set.set("b", 3, {});
  set.set("c", 1e18, {});
  set.set("d", 5e18, {});
  const Listpack& pack = *set.packed();
  EXPECT_EQ(pack.get(pack.at(1)).text, "0.10000000000000001");
  EXPECT_EQ(pack.get(pack.at(3)).integer, 3);
  EXPECT_EQ(pack.get(pack.at(5)).integer, 1'000'000'000'000'000'000);
  EXPECT_EQ(pack.get(pack.at(7)).text, "5e+18");
}

TEST(ZsetObject, KeepsAnyScoreExactly) {
  const EncodingLimits large{.zset_entries = 0};
  for (const EncodingLimits& limits : {EncodingLimits{}, large}) {
    for (const double score : {0.0, -0.0, 1.5, -1.0, 281474976710656.0, 140737488355327.0, 140737488355328.0, -140737488355328.0,
                               -140737488355329.0, 1e17, 1e-320, 1.7976931348623157e308, -0.1, 1.0 / 3}) {
      ZsetObject set;
      set.set("m", 7, limits);
      set.set("m", score, limits);
      EXPECT_EQ(set.score("m"), score);
      // The packed form has no -0.
      const bool negative = std::signbit(score) && !(score == 0 && set.packed() != nullptr);
      EXPECT_EQ(std::signbit(*set.score("m")), negative);
      EXPECT_EQ(std::signbit(set.first().score()), negative);
    }
  }
}

TEST(ZsetObject, CountsItsMemory) {
  const EncodingLimits limits;
  ZsetObject set;
  SeededRandom random(3);
  constexpr int kMembers = 200'000;
  for (int i = 0; i < kMembers; ++i) {
    char member[32];
    snprintf(member, sizeof member, "element:%010d", i);
    set.set(member, static_cast<double>(random.below(1u << 30)), limits);
  }
  // 32 for the entry, about 12 for the table's slot, 16 to 24 for the place in the order.
  EXPECT_LT(set.memory_bytes() / kMembers, 72u);
  EXPECT_GT(set.memory_bytes() / kMembers, 56u);
  set.remove_range(0, kMembers - 10);
  EXPECT_LT(set.memory_bytes(), 8000u);
}

TEST(ZsetObject, LoadsOnlySoundPackedForms) {
  const auto load = [](std::initializer_list<std::string_view> words, const EncodingLimits& limits = {}) {
    Listpack pack;
    for (const auto word : words) pack.append(word);
    return ZsetObject::from_packed(std::move(pack), limits);
  };
  const auto sound = load({"b", "-1.5", "a", "2", "c", "2"});
  ASSERT_NE(sound, nullptr);
  EXPECT_EQ(ascending(*sound), (Pairs{{-1.5, "b"}, {2, "a"}, {2, "c"}}));
  EXPECT_EQ(sound->encoding(), "listpack");
  EXPECT_EQ(load({"a", "1", "b", "2"}, {.zset_entries = 1})->encoding(), "skiplist");
  EXPECT_EQ(load({"a", "1", "b"}), nullptr);
  EXPECT_EQ(load({"a", "x"}), nullptr);
  EXPECT_EQ(load({"a", "nan"}), nullptr);
  EXPECT_EQ(load({"a", "2", "b", "1"}), nullptr);
  EXPECT_EQ(load({"b", "1", "a", "1"}), nullptr);
  EXPECT_EQ(load({"a", "1", "b", "2", "a", "3"}), nullptr);
}

}  // namespace
}  // namespace holdfast::node
