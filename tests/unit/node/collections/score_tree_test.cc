#include "node/collections/score_tree.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/base/random.h"

namespace holdfast::node {

struct TestMember {
  std::string bytes;
  mutable int references = 0;
  std::string_view key() const { return bytes; }
};
void retain_member(const TestMember& member) { ++member.references; }
void release_member(const TestMember& member) {
  ASSERT_GT(member.references, 0);
  --member.references;
}

namespace {

using Tree = ScoreTree<TestMember>;
using Pairs = std::set<std::pair<double, std::string>>;

// Members live as long as the fixture, so that a reference too many or too few is seen.
class ScoreTreeTest : public ::testing::Test {
 protected:
  const TestMember& member(const std::string& bytes) {
    auto& known = members_[bytes];
    if (known == nullptr) known = std::make_unique<TestMember>(TestMember{bytes});
    return *known;
  }

  static Pairs pairs(const Tree& tree) {
    Pairs all;
    for (auto cursor = tree.first(); cursor; cursor.next()) all.emplace(cursor->score, cursor->member->key());
    return all;
  }

  int references() const {
    int total = 0;
    for (const auto& [bytes, member] : members_) total += member->references;
    return total;
  }

  std::map<std::string, std::unique_ptr<TestMember>> members_;
};

TEST_F(ScoreTreeTest, HasNothingAtFirst) {
  Tree tree;
  EXPECT_EQ(tree.size(), 0u);
  EXPECT_FALSE(tree.first());
  EXPECT_FALSE(tree.last());
  EXPECT_EQ(tree.rank(1, "a"), 0u);
  EXPECT_FALSE(tree.erase(1, "a"));
  EXPECT_TRUE(tree.check());
}

TEST_F(ScoreTreeTest, PrefetchEndsAtTheLeaf) {
  Tree tree;
  for (const unsigned members : {0u, 1u, 63u, 64u, 5'000u}) {
    while (tree.size() < members) tree.insert(static_cast<double>(tree.size() % 2'000), member(std::to_string(tree.size())));
    for (const double score : {-1.0, 0.0, 777.0, 1'999.5, 1e9}) {
      const void* at = nullptr;
      unsigned step = 0;
      while (tree.prefetch(score, at, step)) ASSERT_LT(++step, 6u);
      EXPECT_EQ(step > 0, members > 63);
    }
  }
}

TEST_F(ScoreTreeTest, DoesWhatAnOrderedSetDoes) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    Tree tree;
    std::map<std::string, double> scores;
    Pairs model;
    const uint64_t members = seed % 2 == 0 ? 5'000 : 300, different = seed % 3 == 0 ? 5 : 100'000;
    for (int step = 0; step < 30'000; ++step) {
      const bool growing = step % 10'000 < 6'000;
      const std::string name = "m" + std::to_string(random.below(members));
      const auto known = scores.find(name);
      if (known != scores.end()) {
        ASSERT_TRUE(tree.erase(known->second, name));
        model.erase({known->second, name});
        if (!growing || random.below(4) == 0) {
          scores.erase(known);
          continue;
        }
      } else if (!growing && random.below(4) != 0) {
        continue;
      }
      const double score = static_cast<double>(random.below(different)) - 3;
      tree.insert(score, member(name));
      model.emplace(score, name);
      scores[name] = score;
      if (step % 500 == 0) {
        ASSERT_TRUE(tree.check()) << step;
        ASSERT_EQ(pairs(tree), model);
      }
    }
    ASSERT_TRUE(tree.check());
    ASSERT_EQ(tree.size(), model.size());
    EXPECT_EQ(static_cast<size_t>(references()), model.size());
    size_t rank = 0;
    for (const auto& [score, name] : model) {
      ASSERT_EQ(tree.rank(score, name), rank);
      ASSERT_EQ(tree.rank(score, member(name)), rank);
      const auto cursor = tree.at(rank++);
      ASSERT_EQ(cursor->score, score);
      ASSERT_EQ(cursor->member->key(), name);
    }
    auto backwards = model.rbegin();
    for (auto cursor = tree.last(); cursor; cursor.previous(), ++backwards) ASSERT_EQ(cursor->member->key(), backwards->second);
    EXPECT_EQ(backwards, model.rend());
    for (double score = -4; score < 120; score += 0.5) {
      const auto below = [&](bool inclusive) {
        return static_cast<size_t>(std::ranges::count_if(
            model, [&](const auto& pair) { return pair.first < score || (inclusive && pair.first == score); }));
      };
      ASSERT_EQ(tree.count_below(score, false), below(false));
      ASSERT_EQ(tree.count_below(score, true), below(true));
    }
    tree.clear();
    EXPECT_EQ(references(), 0);
  }
}

TEST_F(ScoreTreeTest, CountsByMemberWhereScoresAreTheSame) {
  Tree tree;
  for (int i = 0; i < 1'000; ++i) tree.insert(0, member("m" + std::to_string(1'000 + 2 * i)));
  EXPECT_EQ(tree.count_below_member("m1500", false), 250u);
  EXPECT_EQ(tree.count_below_member("m1500", true), 251u);
  EXPECT_EQ(tree.count_below_member("m1501", true), 251u);
  EXPECT_EQ(tree.count_below_member("a", true), 0u);
  EXPECT_EQ(tree.count_below_member("z", false), 1'000u);
}

TEST_F(ScoreTreeTest, ACopyKeepsItsPairsWhateverHappensToTheOriginal) {
  SeededRandom random(7);
  Tree tree;
  Pairs model;
  std::vector<std::pair<Tree, Pairs>> copies;
  for (int step = 0; step < 20'000; ++step) {
    const std::string name = "m" + std::to_string(random.below(2'000));
    const double score = static_cast<double>(name.size() * 1'000) + static_cast<double>(name.back());
    if (!tree.erase(score, name)) {
      tree.insert(score, member(name));
      model.emplace(score, name);
    } else {
      model.erase({score, name});
    }
    if (step % 2'000 == 1'000) copies.emplace_back(tree, model);
    if (step % 5'000 == 4'000) copies.erase(copies.begin());
  }
  ASSERT_TRUE(tree.check());
  EXPECT_EQ(pairs(tree), model);
  for (const auto& [copy, expected] : copies) {
    EXPECT_TRUE(copy.check());
    EXPECT_EQ(pairs(copy), expected);
  }
  copies.clear();
  tree.clear();
  EXPECT_EQ(references(), 0);
}

TEST_F(ScoreTreeTest, FillsItsNodesWell) {
  Tree growing, random_order;
  SeededRandom random(3);
  for (int i = 0; i < 20'000; ++i) growing.insert(i, member("m" + std::to_string(i)));
  for (int i = 0; i < 20'000; ++i) random_order.insert(static_cast<double>(random.next() >> 20), member("m" + std::to_string(i)));
  EXPECT_LT(static_cast<double>(growing.memory_bytes()) / 20'000, 17.5);
  EXPECT_LT(static_cast<double>(random_order.memory_bytes()) / 20'000, 21.0);
}

}  // namespace
}  // namespace holdfast::node
