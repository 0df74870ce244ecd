// Random samples of the table's entries, as eviction takes them.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "node/keyspace/dict.h"

namespace holdfast::node {
namespace {

class DictSample : public ::testing::Test {
 protected:
  Dict dict{HashSeed{11, 22}};
  SeededRandom random{5};

  void put(const std::string& key, bool expires) {
    dict.insert(dict.hash(key), key, Value::integer(1), expires ? int64_t{1'800'000'000'000} : Entry::kNoExpiry);
  }
  std::vector<std::string> sample(size_t count, bool expiring_only) {
    std::vector<std::string> keys;
    dict.sample(random, count, expiring_only, [&](Entry& entry) { keys.emplace_back(entry.key()); });
    return keys;
  }
};

TEST_F(DictSample, IsEmptyWhereNothingIsEligible) {
  EXPECT_TRUE(sample(5, false).empty());
  put("a", false);
  EXPECT_TRUE(sample(5, true).empty());
  EXPECT_EQ(sample(1, false), std::vector<std::string>{"a"});
}

TEST_F(DictSample, GivesAsManyAsAskedFor) {
  for (int i = 0; i < 5000; ++i) put("key" + std::to_string(i), i % 2 == 0);
  for (const size_t count : {1, 5, 10, 64}) {
    EXPECT_EQ(sample(count, false).size(), count);
    EXPECT_EQ(sample(count, true).size(), count);
  }
}

TEST_F(DictSample, ReachesEveryKeyOfASmallTable) {
  for (int i = 0; i < 20; ++i) put("key" + std::to_string(i), true);
  std::set<std::string> seen;
  for (int i = 0; i < 500; ++i) {
    for (auto& key : sample(5, false)) seen.insert(key);
  }
  EXPECT_EQ(seen.size(), 20U);
}

TEST_F(DictSample, TakesEveryKeyAboutEquallyOften) {
  constexpr int kKeys = 2000, kRounds = 40'000;
  for (int i = 0; i < kKeys; ++i) put("key" + std::to_string(i), false);
  std::map<std::string, int> times;
  for (int i = 0; i < kRounds; ++i) {
    for (auto& key : sample(5, false)) ++times[key];
  }
  EXPECT_EQ(times.size(), static_cast<size_t>(kKeys));
  const double mean = kRounds * 5.0 / kKeys;
  int far_off = 0;
  for (const auto& [key, count] : times) {
    if (count < mean / 4 || count > mean * 4) ++far_off;
  }
  EXPECT_LT(far_off, kKeys / 50);
}

TEST_F(DictSample, FindsTheFewThatExpireAmongMany) {
  for (int i = 0; i < 100'000; ++i) put("key" + std::to_string(i), false);
  for (int i = 0; i < 3; ++i) put("rare" + std::to_string(i), true);
  std::set<std::string> seen;
  for (int i = 0; i < 300; ++i) {
    for (auto& key : sample(2, true)) seen.insert(key);
  }
  EXPECT_EQ(seen, (std::set<std::string>{"rare0", "rare1", "rare2"}));
}

TEST_F(DictSample, FollowsExpiriesThatComeAndGo) {
  for (int i = 0; i < 1000; ++i) put("key" + std::to_string(i), true);
  for (int i = 0; i < 1000; ++i) {
    const Dict::Place place = dict.locate("key" + std::to_string(i));
    if (i % 3 == 0) {
      dict.release(place);
    } else if (i % 3 == 1) {
      dict.set_expiry(place, Entry::kNoExpiry);
    } else {
      dict.assign(place, Value::integer(2), int64_t{1'900'000'000'000});
    }
  }
  EXPECT_EQ(dict.expiring(), 333U);
  for (int i = 0; i < 200; ++i) {
    for (const auto& key : sample(5, true)) EXPECT_EQ(std::stoi(key.substr(3)) % 3, 2) << key;
  }
  for (int i = 2; i < 1000; i += 3) dict.release(dict.locate("key" + std::to_string(i)));
  EXPECT_TRUE(sample(5, true).empty());
}

}  // namespace
}  // namespace holdfast::node
