#include "node/types/geohash.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "common/base/random.h"

namespace holdfast::node::geo {
namespace {

constexpr Point kPalermo{13.361389, 38.115556}, kCatania{15.087269, 37.502669};

double random_between(RandomSource& random, double low, double high) {
  return low + (high - low) * static_cast<double>(random.below(1u << 30)) / (1u << 30);
}

Point random_point(RandomSource& random) {
  return {random_between(random, -kMostLongitude, kMostLongitude), random_between(random, -kMostLatitude, kMostLatitude)};
}

TEST(Geohash, GivesTheScoresThatRedisDocuments) {
  EXPECT_EQ(encode(kPalermo), 3479099956230698u);
  EXPECT_EQ(encode(kCatania), 3479447370796909u);
  const auto text = text_of(3479099956230698.0);
  EXPECT_EQ(std::string(text.data(), text.size()), "sqc8b49rny0");
}

TEST(Geohash, DecodesToTheMiddleOfTheBox) {
  const Point point = decode(3479099956230698.0);
  EXPECT_DOUBLE_EQ(point.longitude, 13.36138933897018433);
  EXPECT_DOUBLE_EQ(point.latitude, 38.11555639549629859);
  SeededRandom random(1);
  for (int i = 0; i < 1000; ++i) {
    const Point at = random_point(random);
    const Point back = decode(static_cast<double>(encode(at)));
    EXPECT_NEAR(back.longitude, at.longitude, 360.0 / (1 << 26));
    EXPECT_NEAR(back.latitude, at.latitude, 180.0 / (1 << 26));
  }
}

TEST(Geohash, DecodesAnyScoreToAPointOnEarth) {
  for (const double score : {-5.0, -1e300, 1e300, HUGE_VAL, -HUGE_VAL, 4503599627370497.5, 9.3e18, 1.9e19, 0.5}) {
    EXPECT_TRUE(is_valid(decode(score))) << score;
  }
}

TEST(Geohash, RefusesPointsOffTheMap) {
  EXPECT_TRUE(is_valid({180, 85.05112878}));
  EXPECT_TRUE(is_valid({-180, -85.05112878}));
  EXPECT_FALSE(is_valid({180.1, 0}));
  EXPECT_FALSE(is_valid({0, 86}));
  EXPECT_FALSE(is_valid({NAN, 0}));
}

TEST(Geohash, MeasuresOnTheSphere) {
  const Point a = decode(static_cast<double>(encode(kPalermo))), b = decode(static_cast<double>(encode(kCatania)));
  EXPECT_NEAR(distance(a, b), 166274.1516, 0.0001);
  EXPECT_EQ(distance(a, a), 0);
  EXPECT_NEAR(distance({0, 0}, {180, 0}), 6372797.560856 * 3.14159265358979, 1);
}

// A point within a shape must lie in one of the ranges that cover it.
TEST(Geohash, CoversEveryPointOfAShape) {
  SeededRandom random(2);
  int inside = 0;
  for (int i = 0; i < 3000; ++i) {
    // Towards the poles the nine boxes may be too narrow, as in Redis.
    const Point centre{random_between(random, -175, 175), random_between(random, -70, 70)};
    const double reach = std::pow(10, random_between(random, 0, 5.5));
    const bool circle = random.below(2) == 0;
    const Shape shape{circle ? Shape::Kind::circle : Shape::Kind::box, centre, reach, reach, reach * 2};
    const Cover covered = cover(shape);
    ASSERT_GT(covered.count, 0u);
    for (int k = 0; k < 20; ++k) {
      const double degrees = reach / 111000 * 1.2;
      const Point near{centre.longitude + random_between(random, -degrees, degrees),
                       centre.latitude + random_between(random, -degrees, degrees)};
      if (!is_valid(near)) continue;
      const uint64_t hash = encode(near);
      if (!shape.distance_within(decode(static_cast<double>(hash)))) continue;
      ++inside;
      bool found = false;
      for (unsigned r = 0; r < covered.count; ++r) {
        found |= covered.ranges[r].first <= hash && hash < covered.ranges[r].second;
      }
      EXPECT_TRUE(found) << centre.longitude << ' ' << centre.latitude << ' ' << reach;
    }
  }
  EXPECT_GT(inside, 10000);
}

TEST(Geohash, CoversTheWorldWithoutARangeTwice) {
  const Cover covered = cover({Shape::Kind::circle, {10, 10}, 30e6});
  for (unsigned a = 0; a < covered.count; ++a) {
    for (unsigned b = 0; b + 1 < a; ++b) EXPECT_TRUE(covered.ranges[a] != covered.ranges[b] || b == 0);
  }
}

}  // namespace
}  // namespace holdfast::node::geo
