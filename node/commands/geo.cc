// Points in sorted sets: GEOADD, GEOPOS, GEODIST, GEOHASH.
#include "node/commands/geo.h"

#include <fmt/format.h>

#include "node/collections/zset_object.h"
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"
#include "node/commands/objects.h"

namespace holdfast::node {

std::optional<double> read_geo_number(Call& call, std::string_view text, std::string_view error) {
  const auto number = parse_double(text);
  if (!number) call.reply.error(error);
  return number;
}

std::optional<geo::Point> read_point(Call& call, std::string_view longitude, std::string_view latitude) {
  const auto x = read_geo_number(call, longitude, kNotFloat);
  if (!x) return std::nullopt;
  const auto y = read_geo_number(call, latitude, kNotFloat);
  if (!y) return std::nullopt;
  if (geo::is_valid({*x, *y})) return geo::Point{*x, *y};
  call.reply.error(fmt::format("ERR invalid longitude,latitude pair {:f},{:f}", *x, *y));
  return std::nullopt;
}

std::optional<double> read_unit(Call& call, std::string_view text) {
  if (iequals(text, "m")) return 1;
  if (iequals(text, "km")) return 1000;
  if (iequals(text, "ft")) return 0.3048;
  if (iequals(text, "mi")) return 1609.34;
  call.reply.error("ERR unsupported unit provided. please use M, KM, FT, MI");
  return std::nullopt;
}

void reply_distance(resp::Writer& reply, double distance) {
  char text[64];
  const auto end = fmt::format_to_n(text, sizeof text, "{:.4f}", distance).out;
  reply.bulk({text, static_cast<size_t>(end - text)});
}

void reply_point(resp::Writer& reply, geo::Point point) {
  reply.array(2);
  for (const double degrees : {point.longitude, point.latitude}) {
    const std::string text = format_long_double(degrees);
    if (reply.protocol() != 3) {
      reply.bulk(text);
      continue;
    }
    reply.raw(",");
    reply.raw(text);
    reply.raw("\r\n");
  }
}

namespace handlers {

// Carried out, and told to replicas and the log, as the ZADD that it is.
void geoadd(Call& call) {
  size_t at = 2;
  bool only_new = false, only_known = false;
  for (; at < call.argc(); ++at) {
    const std::string_view word = call.args[at];
    if (iequals(word, "NX")) {
      only_new = true;
    } else if (iequals(word, "XX")) {
      only_known = true;
    } else if (!iequals(word, "CH")) {
      break;
    }
  }
  if ((call.argc() - at) % 3 != 0 || (only_new && only_known)) return call.reply.error(kSyntaxError);
  std::vector<std::string> words = {"zadd"};
  words.reserve(call.argc());
  for (const std::string_view word : call.args.subspan(1, at - 1)) words.emplace_back(word);
  for (; at < call.argc(); at += 3) {
    const auto point = read_point(call, call.args[at], call.args[at + 1]);
    if (!point) return;
    words.push_back(fmt::format_int(geo::encode(*point)).str());
    words.emplace_back(call.args[at + 2]);
  }
  const std::vector<std::string_view> views(words.begin(), words.end());
  const auto given = std::exchange(call.args, std::span(views));
  zadd(call);
  call.args = given;
  call.rewrite(std::move(words));
}

void geopos(Call& call) {
  const auto found = read_object<ZsetObject>(call, call.args[1]);
  if (found.wrong) return;
  call.reply.array(call.argc() - 2);
  for (const std::string_view member : call.args.subspan(2)) {
    const auto score = found.object == nullptr ? std::nullopt : found.object->score(member);
    score ? reply_point(call.reply, geo::decode(*score)) : call.reply.null_array();
  }
}

void geohash(Call& call) {
  const auto found = read_object<ZsetObject>(call, call.args[1]);
  if (found.wrong) return;
  call.reply.array(call.argc() - 2);
  for (const std::string_view member : call.args.subspan(2)) {
    const auto score = found.object == nullptr ? std::nullopt : found.object->score(member);
    if (!score) {
      call.reply.null();
      continue;
    }
    const geo::Text text = geo::text_of(*score);
    call.reply.bulk({text.data(), text.size()});
  }
}

void geodist(Call& call) {
  double unit = 1;
  if (call.argc() > 5) return call.reply.error(kSyntaxError);
  if (call.argc() == 5) {
    const auto given = read_unit(call, call.args[4]);
    if (!given) return;
    unit = *given;
  }
  const auto found = read_object<ZsetObject>(call, call.args[1]);
  if (found.wrong) return;
  if (found.object == nullptr) return call.reply.null();
  const auto a = found.object->score(call.args[2]), b = found.object->score(call.args[3]);
  if (!a || !b) return call.reply.null();
  reply_distance(call.reply, geo::distance(geo::decode(*a), geo::decode(*b)) / unit);
}

}  // namespace handlers
}  // namespace holdfast::node
