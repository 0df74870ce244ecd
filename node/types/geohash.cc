#include "node/types/geohash.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string_view>

namespace holdfast::node::geo {

namespace {

constexpr double kEarthRadius = 6372797.560856;  // metres
constexpr double kMercatorMost = 20037726.37;    // half the projection's width, metres

double radians(double degrees) { return degrees * (std::numbers::pi / 180); }
double degrees(double radians) { return radians / (std::numbers::pi / 180); }

struct Range {
  double min, max;
  double extent() const { return max - min; }
};
constexpr Range kLongitudes{-kMostLongitude, kMostLongitude};
constexpr Range kLatitudes{-kMostLatitude, kMostLatitude};

// Bit i to bit 2i.
uint64_t spread(uint32_t bits) {
  uint64_t x = bits;
  x = (x | x << 16) & 0x0000'ffff'0000'ffff;
  x = (x | x << 8) & 0x00ff'00ff'00ff'00ff;
  x = (x | x << 4) & 0x0f0f'0f0f'0f0f'0f0f;
  x = (x | x << 2) & 0x3333'3333'3333'3333;
  return (x | x << 1) & 0x5555'5555'5555'5555;
}

// And back.
uint32_t gather(uint64_t x) {
  x &= 0x5555'5555'5555'5555;
  x = (x | x >> 1) & 0x3333'3333'3333'3333;
  x = (x | x >> 2) & 0x0f0f'0f0f'0f0f'0f0f;
  x = (x | x >> 4) & 0x00ff'00ff'00ff'00ff;
  x = (x | x >> 8) & 0x0000'ffff'0000'ffff;
  return static_cast<uint32_t>(x | x >> 16);
}

uint64_t interleave(uint32_t latitude, uint32_t longitude) { return spread(latitude) | spread(longitude) << 1; }

uint64_t encode_in(Point point, Range longitudes, Range latitudes, unsigned steps) {
  const auto cell = [&](double value, Range range) {
    return static_cast<uint32_t>((value - range.min) / range.extent() * static_cast<double>(uint64_t{1} << steps));
  };
  return interleave(cell(point.latitude, latitudes), cell(point.longitude, longitudes));
}

struct Box {
  Range longitudes, latitudes;
};

// The box of a hash. Bits beyond `steps` lead outside the world.
Box box_of(uint64_t hash, unsigned steps) {
  const auto range = [&](uint32_t cell, Range whole) {
    const auto cells = static_cast<double>(uint64_t{1} << steps);
    return Range{whole.min + cell / cells * whole.extent(), whole.min + (cell + 1.0) / cells * whole.extent()};
  };
  return {range(gather(hash >> 1), kLongitudes), range(gather(hash), kLatitudes)};
}

// A score as an unsigned integer, also where it is none: as the reference server's conversion turns out on its machines.
uint64_t bits_of(double score) {
  constexpr double kHalf = 9223372036854775808.0;  // 2^63
  if (score >= kHalf) return score < 2 * kHalf ? static_cast<uint64_t>(score) : 0;
  if (score < -kHalf) return uint64_t{1} << 63;
  return static_cast<uint64_t>(static_cast<int64_t>(score));
}

double latitude_distance(double a, double b) { return kEarthRadius * std::fabs(radians(b) - radians(a)); }

// A level on which the nine boxes around a point are likely to hold everything within this distance.
unsigned steps_for(double distance, double latitude) {
  if (distance == 0) return kMostSteps;
  int steps = 1;
  for (; distance < kMercatorMost; distance *= 2) ++steps;
  steps -= 2;  // so that the distance fits into a box in most cases
  // Boxes get narrower towards the poles.
  if (std::fabs(latitude) > 66) --steps;
  if (std::fabs(latitude) > 80) --steps;
  return static_cast<unsigned>(std::clamp(steps, 1, static_cast<int>(kMostSteps)));
}

// What surrounds the shape.
Box bounds_of(const Shape& shape) {
  const bool circle = shape.kind == Shape::Kind::circle;
  const double height = circle ? shape.radius : shape.height / 2;
  const double width = circle ? shape.radius : shape.width / 2;
  const auto [longitude, latitude] = shape.centre;
  const double up = degrees(height / kEarthRadius);
  // As wide as on the side that is nearer to a pole.
  const double edge = latitude < 0 ? latitude - up : latitude + up;
  const double aside = degrees(width / kEarthRadius / std::cos(radians(edge)));
  return {{longitude - aside, longitude + aside}, {latitude - up, latitude + up}};
}

// The box next to this one, around the world where need be.
uint64_t neighbour(uint64_t hash, int east, int north, unsigned steps) {
  const uint32_t mask = (uint32_t{1} << steps) - 1;
  uint32_t latitude = gather(hash), longitude = gather(hash >> 1);
  if (north != 0) latitude = (latitude + static_cast<uint32_t>(north)) & mask;
  if (east != 0) longitude = (longitude + static_cast<uint32_t>(east)) & mask;
  return interleave(latitude, longitude);
}

struct Direction {
  int east, north;
};
constexpr Direction kDirections[9] = {{0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}};

// Whether the boxes to the four sides reach as far as the shape.
bool reaches(uint64_t centre, unsigned steps, const Box& bounds) {
  const auto box = [&](int east, int north) { return box_of(neighbour(centre, east, north, steps), steps); };
  return box(0, 1).latitudes.max >= bounds.latitudes.max && box(0, -1).latitudes.min <= bounds.latitudes.min &&
         box(1, 0).longitudes.max >= bounds.longitudes.max && box(-1, 0).longitudes.min <= bounds.longitudes.min;
}

}  // namespace

bool is_valid(Point point) {
  return std::fabs(point.longitude) <= kMostLongitude && std::fabs(point.latitude) <= kMostLatitude;
}

uint64_t encode(Point point) { return encode_in(point, kLongitudes, kLatitudes, kMostSteps); }

Point decode(double score) {
  const Box box = box_of(bits_of(score), kMostSteps);
  const auto middle = [](Range range, double most) { return std::clamp((range.min + range.max) / 2, -most, most); };
  return {middle(box.longitudes, kMostLongitude), middle(box.latitudes, kMostLatitude)};
}

Text text_of(double score) {
  constexpr std::string_view kAlphabet = "0123456789bcdefghjkmnpqrstuvwxyz";
  const uint64_t hash = encode_in(decode(score), kLongitudes, {-90, 90}, kMostSteps);
  Text text;
  for (unsigned i = 0; i < 10; ++i) text[i] = kAlphabet[hash >> (52 - (i + 1) * 5) & 31];
  text[10] = '0';  // 52 bits are ten characters and a bit
  return text;
}

double distance(Point a, Point b) {
  const double v = std::sin((radians(b.longitude) - radians(a.longitude)) / 2);
  if (v == 0) return latitude_distance(a.latitude, b.latitude);
  const double latitude_a = radians(a.latitude), latitude_b = radians(b.latitude);
  const double u = std::sin((latitude_b - latitude_a) / 2);
  return 2 * kEarthRadius * std::asin(std::sqrt(u * u + std::cos(latitude_a) * std::cos(latitude_b) * v * v));
}

std::optional<double> Shape::distance_within(Point point) const {
  if (kind == Kind::circle) {
    const double away = distance(centre, point);
    return away <= radius ? std::optional(away) : std::nullopt;
  }
  if (latitude_distance(point.latitude, centre.latitude) > height / 2) return std::nullopt;
  if (distance(point, {centre.longitude, point.latitude}) > width / 2) return std::nullopt;
  return distance(centre, point);
}

Cover cover(const Shape& shape) {
  const Box bounds = bounds_of(shape);
  const double reach = shape.kind == Shape::Kind::circle
                           ? shape.radius
                           : std::sqrt(shape.width / 2 * (shape.width / 2) + shape.height / 2 * (shape.height / 2));
  unsigned steps = steps_for(reach, shape.centre.latitude);
  uint64_t centre = encode_in(shape.centre, kLongitudes, kLatitudes, steps);
  if (steps > 1 && !reaches(centre, steps, bounds)) {
    --steps;
    centre = encode_in(shape.centre, kLongitudes, kLatitudes, steps);
  }
  const Box middle = box_of(centre, steps);
  Cover result;
  uint64_t previous = 0;
  for (const auto [east, north] : kDirections) {
    // Sides on which the centre's box has all of the shape.
    if (steps >= 2 && ((north < 0 && middle.latitudes.min < bounds.latitudes.min) ||
                       (north > 0 && middle.latitudes.max > bounds.latitudes.max) ||
                       (east < 0 && middle.longitudes.min < bounds.longitudes.min) ||
                       (east > 0 && middle.longitudes.max > bounds.longitudes.max))) {
      continue;
    }
    const uint64_t hash = neighbour(centre, east, north, steps);
    // Around the whole world neighbours may be the same box.
    if (result.count > 1 && hash == previous) continue;
    previous = hash;
    const unsigned shift = 52 - 2 * steps;
    result.ranges[result.count++] = {hash << shift, (hash + 1) << shift};
  }
  return result;
}

}  // namespace holdfast::node::geo
