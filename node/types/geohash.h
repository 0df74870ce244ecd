// Points on the earth as sorted set scores: geohashes of 52 bits, boxes of them, distances and shapes.
//
// A geohash of `step` levels interleaves `step` bits each of where the point lies between the lowest and the highest
// latitude (even bits, from bit 0 on) and longitude (odd bits). Points near each other mostly have near numbers; a box of
// any level is one range of scores. Latitudes go to 85.05112878 degrees, as in the web's map projection. Distances are
// metres on a sphere with a radius of 6372797.560856 m. Pure; safe from any thread.
// Source: Redis's documentation of GEOADD, GEOHASH and GEOSEARCH.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

namespace holdfast::node::geo {

struct Point {
  double longitude = 0;
  double latitude = 0;
};

inline constexpr double kMostLongitude = 180, kMostLatitude = 85.05112878;
inline constexpr unsigned kMostSteps = 26;

// Whether a point can be stored.
bool is_valid(Point point);

// The 52 bits of a valid point, which a score keeps exactly.
uint64_t encode(Point point);
// The middle of the box that a score means; any score means one.
Point decode(double score);

// The text that other systems know: 11 characters, over latitudes up to 90 degrees.
using Text = std::array<char, 11>;
Text text_of(double score);

double distance(Point a, Point b);

// What a search looks for: a circle or a box around a point, in metres.
struct Shape {
  enum class Kind : uint8_t { circle, box } kind = Kind::circle;
  Point centre;
  double radius = 0;
  double width = 0, height = 0;

  // The distance to the centre of a point within the shape.
  std::optional<double> distance_within(Point point) const;
};

// Ranges of scores, [first, second), that together hold every point of the shape, and some others; in Redis's order:
// the centre's box, then N, S, E, W, NE, NW, SE, SW.
struct Cover {
  std::array<std::pair<uint64_t, uint64_t>, 9> ranges;
  unsigned count = 0;
};
Cover cover(const Shape& shape);

}  // namespace holdfast::node::geo
