// Searches among points: GEOSEARCH, GEOSEARCHSTORE, GEORADIUS, GEORADIUSBYMEMBER and their read-only forms.
#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "node/collections/zset_object.h"
#include "node/commands/arguments.h"
#include "node/commands/geo.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"
#include "node/commands/objects.h"
#include "node/commands/zset_ranges.h"

namespace holdfast::node::handlers {
namespace {

enum class Sort : uint8_t { none, ascending, descending };

// The command's form.
struct Form {
  enum class Kind : uint8_t { search, around_point, around_member } kind = Kind::search;
  bool may_store = false;  // GEORADIUS with STORE, GEOSEARCHSTORE
  size_t options = 2;      // where they begin
  size_t source = 1;       // the key's argument
};

struct Search {
  geo::Shape shape;
  double unit = 1;  // metres
  bool with_distance = false, with_hash = false, with_point = false;
  Sort sort = Sort::none;
  uint64_t count = 0;  // 0: all
  bool any = false;
  std::optional<std::string_view> target;
  bool store_distances = false;
  bool has_centre = false, has_circle = false, has_box = false;
};

struct Hit {
  double distance;
  double score;
  geo::Point point;
  std::string member;
};

// --- Arguments: false when answered ---

bool read_circle(Call& call, std::string_view radius, std::string_view unit, Search& search) {
  const auto length = read_geo_number(call, radius, "ERR need numeric radius");
  if (!length) return false;
  if (*length < 0) {
    call.reply.error("ERR radius cannot be negative");
    return false;
  }
  const auto metres = read_unit(call, unit);
  if (!metres) return false;
  search.unit = *metres;
  search.shape.kind = geo::Shape::Kind::circle;
  search.shape.radius = *length * *metres;
  search.has_circle = true;
  return true;
}

bool read_box(Call& call, std::span<const std::string_view> words, Search& search) {
  const auto width = read_geo_number(call, words[0], "ERR need numeric width");
  if (!width) return false;
  const auto height = read_geo_number(call, words[1], "ERR need numeric height");
  if (!height) return false;
  if (*width < 0 || *height < 0) {
    call.reply.error("ERR height or width cannot be negative");
    return false;
  }
  const auto metres = read_unit(call, words[2]);
  if (!metres) return false;
  search.unit = *metres;
  search.shape.kind = geo::Shape::Kind::box;
  search.shape.width = *width * *metres;
  search.shape.height = *height * *metres;
  search.has_box = true;
  return true;
}

bool read_centre(Call& call, std::string_view longitude, std::string_view latitude, Search& search) {
  const auto point = read_point(call, longitude, latitude);
  if (point) search.shape.centre = *point;
  return point.has_value();
}

bool take_member(Call& call, const ZsetObject& set, std::string_view member, Search& search) {
  const auto score = set.score(member);
  if (!score) {
    call.reply.error("ERR could not decode requested zset member");
    return false;
  }
  search.shape.centre = geo::decode(*score);
  return true;
}

// Where GEORADIUS and GEORADIUSBYMEMBER search. Without a source the latter reads no more: its options decide the reply.
bool read_fixed_shape(Call& call, const Form& form, const ZsetObject* set, Search& search) {
  if (form.kind == Form::Kind::search) return true;
  if (form.kind == Form::Kind::around_point) {
    return read_centre(call, call.args[2], call.args[3], search) && read_circle(call, call.args[4], call.args[5], search);
  }
  return set == nullptr ||
         (take_member(call, *set, call.args[2], search) && read_circle(call, call.args[3], call.args[4], search));
}

// An option of the search commands that says where; `at` moves to its last word. Nothing when it is none of those here.
std::optional<bool> read_where(Call& call, size_t& at, const ZsetObject* set, bool& by_member, Search& search) {
  const std::string_view word = call.args[at];
  const size_t left = call.argc() - at - 1;
  const auto words = call.args.subspan(at + 1);
  if (left >= 1 && iequals(word, "FROMMEMBER") && (!search.has_centre || by_member)) {
    by_member = search.has_centre = true;
    at += 1;
    return set == nullptr || take_member(call, *set, words[0], search);
  }
  if (left >= 2 && iequals(word, "FROMLONLAT") && !by_member) {
    search.has_centre = true;
    at += 2;
    return read_centre(call, words[0], words[1], search);
  }
  if (left >= 2 && iequals(word, "BYRADIUS") && !search.has_box) {
    at += 2;
    return read_circle(call, words[0], words[1], search);
  }
  if (left >= 3 && iequals(word, "BYBOX") && !search.has_circle) {
    at += 3;
    return read_box(call, words, search);
  }
  return std::nullopt;
}

bool read_count(Call& call, std::string_view text, Search& search) {
  const auto count = read_integer(call, text);
  if (!count) return false;
  if (*count <= 0) {
    call.reply.error("ERR COUNT must be > 0");
    return false;
  }
  search.count = static_cast<uint64_t>(*count);
  return true;
}

bool read_options(Call& call, const Form& form, const ZsetObject* set, Search& search) {
  const bool searches = form.kind == Form::Kind::search;
  bool by_member = false;
  for (size_t at = form.options; at < call.argc(); ++at) {
    const std::string_view word = call.args[at];
    const bool has_value = at + 1 < call.argc();
    if (iequals(word, "WITHDIST")) {
      search.with_distance = true;
    } else if (iequals(word, "WITHHASH")) {
      search.with_hash = true;
    } else if (iequals(word, "WITHCOORD")) {
      search.with_point = true;
    } else if (iequals(word, "ANY")) {
      search.any = true;
    } else if (iequals(word, "ASC")) {
      search.sort = Sort::ascending;
    } else if (iequals(word, "DESC")) {
      search.sort = Sort::descending;
    } else if (has_value && iequals(word, "COUNT")) {
      if (!read_count(call, call.args[++at], search)) return false;
    } else if (!searches && form.may_store && has_value && (iequals(word, "STORE") || iequals(word, "STOREDIST"))) {
      search.store_distances = iequals(word, "STOREDIST");
      search.target = call.args[++at];
    } else if (searches && form.may_store && iequals(word, "STOREDIST")) {
      search.store_distances = true;
    } else {
      const auto where = searches ? read_where(call, at, set, by_member, search) : std::nullopt;
      if (!where) call.reply.error(kSyntaxError);
      if (!where.value_or(false)) return false;
    }
  }
  return true;
}

// What is wrong with the options as a whole; empty: nothing.
std::string misfit(const Call& call, const Form& form, const Search& search) {
  const bool searches = form.kind == Form::Kind::search;
  if (search.target && (search.with_distance || search.with_hash || search.with_point)) {
    return fmt::format("ERR {} is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
                       searches ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS");
  }
  if (searches && !search.has_centre) {
    return fmt::format("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {}", call.args[0]);
  }
  if (searches && !search.has_circle && !search.has_box) {
    return fmt::format("ERR exactly one of BYRADIUS and BYBOX can be specified for {}", call.args[0]);
  }
  if (search.any && search.count == 0) return "ERR the ANY argument requires COUNT argument";
  return {};
}

// --- The search ---

std::vector<Hit> find_hits(const ZsetObject& set, const Search& search) {
  std::vector<Hit> hits;
  const uint64_t enough = search.any ? search.count : UINT64_MAX;
  const geo::Cover cover = geo::cover(search.shape);
  for (unsigned i = 0; i < cover.count; ++i) {
    const auto [from, to] = cover.ranges[i];
    const auto end = static_cast<double>(to);
    for (auto cursor = set.at(set.rank_of_score(static_cast<double>(from), false)); cursor; cursor.next()) {
      const double score = cursor.score();
      if (score >= end) break;
      if (hits.size() >= enough) return hits;
      const geo::Point point = geo::decode(score);
      if (const auto distance = search.shape.distance_within(point)) {
        hits.push_back({*distance, score, point, std::string(cursor.member())});
      }
    }
  }
  return hits;
}

void reply_hits(Call& call, const Search& search, std::span<const Hit> hits) {
  const size_t extras = static_cast<size_t>(search.with_distance) + search.with_hash + search.with_point;
  call.reply.array(hits.size());
  for (const Hit& hit : hits) {
    if (extras > 0) call.reply.array(extras + 1);
    call.reply.bulk(hit.member);
    if (search.with_distance) reply_distance(call.reply, hit.distance / search.unit);
    if (search.with_hash) call.reply.integer(static_cast<int64_t>(hit.score));
    if (search.with_point) reply_point(call.reply, hit.point);
  }
}

void store_hits(Call& call, const Form& form, const Search& search, std::span<const Hit> hits) {
  auto made = std::make_unique<ZsetObject>();
  const EncodingLimits& limits = call.node.config().encodings;
  size_t longest = 0;
  for (const Hit& hit : hits) longest = std::max(longest, hit.member.size());
  made->expect(hits.size(), longest, limits);
  for (const Hit& hit : hits) {
    const double score = search.store_distances ? hit.distance / search.unit : hit.score;
    made->set(hit.member, score, limits);
  }
  const bool searches = form.kind == Form::Kind::search;
  store_zset(call, *search.target, std::move(made), searches ? "geosearchstore" : "georadiusstore");
}

void run_search(Call& call, const Form& form) {
  const auto found = read_object<ZsetObject>(call, call.args[form.source]);
  if (found.wrong) return;
  Search search;
  if (form.kind == Form::Kind::search && form.may_store) search.target = call.args[1];
  if (!read_fixed_shape(call, form, found.object, search) || !read_options(call, form, found.object, search)) return;
  if (const std::string error = misfit(call, form, search); !error.empty()) return call.reply.error(error);
  std::vector<Hit> hits;
  if (found.object != nullptr) hits = find_hits(*found.object, search);
  if (search.sort == Sort::none && search.count > 0 && !search.any) search.sort = Sort::ascending;
  if (search.sort == Sort::ascending) std::ranges::stable_sort(hits, {}, &Hit::distance);
  if (search.sort == Sort::descending) std::ranges::stable_sort(hits, std::greater<>(), &Hit::distance);
  const size_t shown = search.count == 0 ? hits.size() : std::min<size_t>(hits.size(), search.count);
  const auto chosen = std::span<const Hit>(hits).first(shown);
  search.target ? store_hits(call, form, search, chosen) : reply_hits(call, search, chosen);
}

}  // namespace

void geosearch(Call& call) { run_search(call, {}); }
void geosearchstore(Call& call) { run_search(call, {.may_store = true, .options = 3, .source = 2}); }
void georadius(Call& call) { run_search(call, {.kind = Form::Kind::around_point, .may_store = true, .options = 6}); }
void georadius_ro(Call& call) { run_search(call, {.kind = Form::Kind::around_point, .options = 6}); }
void georadiusbymember(Call& call) {
  run_search(call, {.kind = Form::Kind::around_member, .may_store = true, .options = 5});
}
void georadiusbymember_ro(Call& call) { run_search(call, {.kind = Form::Kind::around_member, .options = 5}); }

}  // namespace holdfast::node::handlers
