// What the geo commands share: readers of their arguments, which return nothing after they have answered an error, and
// the shapes of their replies. Executor thread only.
#pragma once

#include <optional>
#include <string_view>

#include "node/commands/call.h"
#include "node/types/geohash.h"

namespace holdfast::node {

std::optional<double> read_geo_number(Call& call, std::string_view text, std::string_view error);
std::optional<geo::Point> read_point(Call& call, std::string_view longitude, std::string_view latitude);
// How many metres the unit has.
std::optional<double> read_unit(Call& call, std::string_view text);

void reply_distance(resp::Writer& reply, double distance);
void reply_point(resp::Writer& reply, geo::Point point);

}  // namespace holdfast::node
