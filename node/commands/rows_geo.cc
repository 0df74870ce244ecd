// Rows of the geo commands. Descriptions: Redis 7.0's documentation (COMMAND DOCS).
#include "common/base/text.h"
#include "node/commands/handlers.h"
#include "node/commands/rows.h"

namespace holdfast::node {
namespace {

using namespace command;  // the flags

// GEORADIUS and GEORADIUSBYMEMBER: the source, and what STORE and STOREDIST name.
std::vector<int> stored_keys(std::span<const std::string_view> args) {
  std::vector<int> keys = {1};
  for (size_t i = 5; i + 1 < args.size(); ++i) {
    if (!iequals(args[i], "STORE") && !iequals(args[i], "STOREDIST")) continue;
    keys.push_back(static_cast<int>(++i));
  }
  return keys;
}

constexpr CommandRow kGeoRows[] = {
    {{.name = "geoadd",
      .arity = -5,
      .flags = kWrite | kDenyOom,
      .keys = {1, 1, 1, kKeyRW | kKeyUpdate},
      .categories = kGeo,
      .group = "geo",
      .since = "3.2.0",
      .complexity = "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
      .summary = "Add one or more geospatial items in the geospatial index represented using a sorted set"},
     handlers::geoadd},
    {{.name = "geodist",
      .arity = -4,
      .flags = kReadonly,
      .keys = {1, 1, 1, kKeyRO | kKeyAccess},
      .categories = kGeo,
      .group = "geo",
      .since = "3.2.0",
      .complexity = "O(log(N))",
      .summary = "Returns the distance between two members of a geospatial index"},
     handlers::geodist},
    {{.name = "geohash",
      .arity = -2,
      .flags = kReadonly,
      .keys = {1, 1, 1, kKeyRO | kKeyAccess},
      .categories = kGeo,
      .group = "geo",
      .since = "3.2.0",
      .complexity = "O(log(N)) for each member requested, where N is the number of elements in the sorted set.",
      .summary = "Returns members of a geospatial index as standard geohash strings"},
     handlers::geohash},
    {{.name = "geopos",
      .arity = -2,
      .flags = kReadonly,
      .keys = {1, 1, 1, kKeyRO | kKeyAccess},
      .categories = kGeo,
      .group = "geo",
      .since = "3.2.0",
      .complexity = "O(N) where N is the number of members requested.",
      .summary = "Returns longitude and latitude of members of a geospatial index"},
     handlers::geopos},
    {{.name = "georadius",
      .arity = -6,
      .flags = kWrite | kDenyOom | kMovableKeys,
      .keys = {1, 1, 1, kKeyRO | kKeyAccess},
      .categories = kGeo,
      .group = "geo",
      .since = "3.2.0",
      .complexity = "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area "
                    "delimited by center and radius and M is the number of items inside the index.",
      .summary = "Query a sorted set representing a geospatial index to fetch members matching a given maximum "
                 "distance from a point",
      .find_keys = stored_keys,
      .keys2 = {6, 0, 1, kKeyOW | kKeyUpdate, "STORE"},
      .keys3 = {6, 0, 1, kKeyOW | kKeyUpdate, "STOREDIST"}},
     handlers::georadius},
    {{.name = "georadius_ro",
      .arity = -6,
      .flags = kReadonly,
      .keys = {1, 1, 1, kKeyRO | kKeyAccess},
      .categories = kGeo,
      .group = "geo",
      .since = "3.2.10",
      .complexity = "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area "
                    "delimited by center and radius and M is the number of items inside the index.",
      .summary = "A read-only variant for GEORADIUS"},
     handlers::georadius_ro},
    {{.name = "georadiusbymember",
      .arity = -5,
      .flags = kWrite | kDenyOom | kMovableKeys,
      .keys = {1, 1, 1, kKeyRO | kKeyAccess},
      .categories = kGeo,
      .group = "geo",
      .since = "3.2.0",
      .complexity = "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area "
                    "delimited by center and radius and M is the number of items inside the index.",
      .summary = "Query a sorted set representing a geospatial index to fetch members matching a given maximum "
                 "distance from a member",
      .find_keys = stored_keys,
      .keys2 = {5, 0, 1, kKeyOW | kKeyUpdate, "STORE"},
      .keys3 = {5, 0, 1, kKeyOW | kKeyUpdate, "STOREDIST"}},
     handlers::georadiusbymember},
    {{.name = "georadiusbymember_ro",
      .arity = -5,
      .flags = kReadonly,
      .keys = {1, 1, 1, kKeyRO | kKeyAccess},
      .categories = kGeo,
      .group = "geo",
      .since = "3.2.10",
      .complexity = "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area "
                    "delimited by center and radius and M is the number of items inside the index.",
      .summary = "A read-only variant for GEORADIUSBYMEMBER"},
     handlers::georadiusbymember_ro},
    {{.name = "geosearch",
      .arity = -7,
      .flags = kReadonly,
      .keys = {1, 1, 1, kKeyRO | kKeyAccess},
      .categories = kGeo,
      .group = "geo",
      .since = "6.2.0",
      .complexity = "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the "
                    "shape provided as the filter and M is the number of items inside the shape",
      .summary = "Query a sorted set representing a geospatial index to fetch members inside an area of a box or a "
                 "circle."},
     handlers::geosearch},
    {{.name = "geosearchstore",
      .arity = -8,
      .flags = kWrite | kDenyOom,
      .keys = {1, 1, 1, kKeyOW | kKeyUpdate},
      .categories = kGeo,
      .group = "geo",
      .since = "6.2.0",
      .complexity = "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the "
                    "shape provided as the filter and M is the number of items inside the shape",
      .summary = "Query a sorted set representing a geospatial index to fetch members inside an area of a box or a "
                 "circle, and store the result in another key.",
      .keys2 = {2, 2, 1, kKeyRO | kKeyAccess}},
     handlers::geosearchstore},
};

}  // namespace

void add_geo_rows(CommandTable& table) { table.add(kGeoRows); }

}  // namespace holdfast::node
