#include "node/types/intset.h"

#include <gtest/gtest.h>

#include <set>

#include "common/base/random.h"

namespace holdfast::node {
namespace {

TEST(Intset, DoesWhatASetDoes) {
  static constexpr int64_t kEdges[] = {0, 32767, 32768, -32768, -32769, 2147483647, 2147483648, -2147483648, INT64_MAX, INT64_MIN};
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    Intset set;
    std::set<int64_t> model;
    for (int step = 0; step < 400; ++step) {
      const bool edge = seed % 2 == 0 && step > 200 && random.below(10) == 0;
      const int64_t value = edge ? kEdges[random.below(std::size(kEdges))] : static_cast<int64_t>(random.below(200)) - 100;
      if (random.below(3) == 0) {
        ASSERT_EQ(set.erase(value), model.erase(value) > 0);
      } else {
        ASSERT_EQ(set.insert(value), model.insert(value).second);
      }
      ASSERT_EQ(set.size(), model.size());
      ASSERT_EQ(set.contains(value), model.contains(value));
    }
    size_t index = 0;
    for (const int64_t value : model) ASSERT_EQ(set[index++], value);
    EXPECT_TRUE(Intset::validate(set.bytes()));
  }
}

TEST(Intset, HasRedissLayout) {
  Intset set;
  set.insert(5);
  set.insert(-1);
  EXPECT_EQ(set.bytes(), std::string_view("\2\0\0\0\2\0\0\0\xff\xff\5\0", 12));
  set.insert(100'000);
  EXPECT_EQ(set.bytes(), std::string_view("\4\0\0\0\3\0\0\0\xff\xff\xff\xff\5\0\0\0\xa0\x86\1\0", 20));
}

TEST(Intset, RefusesWhatIsDamaged) {
  const auto refused = [](std::string_view block) { return !Intset::validate(block); };
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused(std::string_view("\2\0\0\0\1\0\0", 7)));
  EXPECT_TRUE(refused(std::string_view("\2\0\0\0\0\0\0\0", 8)));
  EXPECT_TRUE(refused(std::string_view("\3\0\0\0\1\0\0\0\1\0\0", 11)));
  EXPECT_TRUE(refused(std::string_view("\2\0\0\0\2\0\0\0\1\0", 10)));
  EXPECT_TRUE(refused(std::string_view("\2\0\0\0\2\0\0\0\1\0\1\0", 12)));
  EXPECT_TRUE(refused(std::string_view("\2\0\0\0\2\0\0\0\2\0\1\0", 12)));
  EXPECT_FALSE(refused(std::string_view("\2\0\0\0\2\0\0\0\1\0\2\0", 12)));
}

}  // namespace
}  // namespace holdfast::node
