// Ranges of sorted sets: ZRANGE and its relatives, ZCOUNT, ZLEXCOUNT, ZREMRANGEBY..., ZRANGESTORE.
#include "node/commands/zset_ranges.h"

#include <cmath>
#include <cstdlib>
#include <string>

#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"
#include "node/commands/objects.h"

namespace holdfast::node {

namespace {

// As strtod reads it, up to the first zero byte: looser than other numbers of commands.
std::optional<double> parse_bound(std::string_view text) {
  if (const auto usual = parse_double(text); usual && !text.empty()) return usual;
  const std::string copy(text.substr(0, text.find('\0')));
  char* end = nullptr;
  const double value = std::strtod(copy.c_str(), &end);
  if (*end != '\0' || std::isnan(value)) return std::nullopt;
  return value;
}

std::optional<LexRange::End> parse_lex_end(std::string_view text) {
  using Kind = LexRange::End::Kind;
  if (text == "-") return LexRange::End{Kind::lowest, false, {}};
  if (text == "+") return LexRange::End{Kind::highest, false, {}};
  if (!text.starts_with('(') && !text.starts_with('[')) return std::nullopt;
  return LexRange::End{Kind::member, text[0] == '(', text.substr(1)};
}

}  // namespace

std::optional<ScoreRange> ScoreRange::parse(std::string_view min, std::string_view max) {
  const auto open = [](std::string_view& text) {
    if (!text.starts_with('(')) return false;
    text.remove_prefix(1);
    return true;
  };
  ScoreRange range;
  range.min_open = open(min);
  range.max_open = open(max);
  const auto low = parse_bound(min), high = parse_bound(max);
  if (!low || !high) return std::nullopt;
  range.min = *low;
  range.max = *high;
  return range;
}

RankRange ScoreRange::in(const ZsetObject& set) const {
  if (min > max || (min == max && (min_open || max_open))) return {};
  return {set.rank_of_score(min, min_open), set.rank_of_score(max, !max_open)};
}

std::optional<LexRange> LexRange::parse(std::string_view min, std::string_view max) {
  const auto low = parse_lex_end(min), high = parse_lex_end(max);
  if (!low || !high) return std::nullopt;
  return LexRange{*low, *high};
}

RankRange LexRange::in(const ZsetObject& set) const {
  const auto rank = [&](const End& end, bool upper) {
    if (end.kind == End::Kind::lowest) return size_t{0};
    if (end.kind == End::Kind::highest) return set.size();
    return set.rank_of_member(end.member, end.open != upper);
  };
  return {rank(min, false), rank(max, true)};
}

RankRange range_of_ranks(const ZsetObject& set, int64_t first, int64_t last) {
  const auto size = static_cast<int64_t>(set.size());
  if (first < 0) first = std::max<int64_t>(first + size, 0);
  if (last < 0) last += size;
  if (first > last || first >= size) return {};
  return {static_cast<size_t>(first), static_cast<size_t>(std::min(last, size - 1)) + 1};
}

namespace handlers {
namespace {

enum class By : uint8_t { unsaid, rank, score, member };
enum class Order : uint8_t { unsaid, ascending, descending };

// What a range command asks for.
struct RangeRequest {
  By by = By::unsaid;
  Order order = Order::unsaid;
  bool with_scores = false;
  int64_t offset = 0, limit = -1;  // LIMIT; negative: all
  int64_t first = 0, last = 0;     // by rank
  ScoreRange scores;
  LexRange members;

  bool reverse() const { return order == Order::descending; }
  RankRange in(const ZsetObject& set) const;
};

RankRange RangeRequest::in(const ZsetObject& set) const {
  if (by == By::rank) {
    const RankRange range = range_of_ranks(set, first, last);
    if (!reverse() || range.size() == 0) return range;
    return {set.size() - range.to, set.size() - range.from};
  }
  RankRange range = by == By::score ? scores.in(set) : members.in(set);
  if (offset < 0 || static_cast<size_t>(offset) >= range.size()) return {};
  const auto skipped = static_cast<size_t>(offset);
  reverse() ? range.to -= skipped : range.from += skipped;
  if (limit >= 0 && static_cast<size_t>(limit) < range.size()) {
    reverse() ? range.from = range.to - static_cast<size_t>(limit) : range.to = range.from + static_cast<size_t>(limit);
  }
  return range;
}

// The words behind the range's ends; false when answered.
bool read_range_options(Call& call, size_t start, bool store, RangeRequest& request) {
  for (size_t i = start; i < call.argc(); ++i) {
    const std::string_view word = call.args[i];
    if (!store && iequals(word, "WITHSCORES")) {
      request.with_scores = true;
    } else if (iequals(word, "LIMIT") && i + 2 < call.argc()) {
      const auto offset = read_integer(call, call.args[i + 1]);
      if (!offset) return false;
      const auto limit = read_integer(call, call.args[i + 2]);
      if (!limit) return false;
      request.offset = *offset;
      request.limit = *limit;
      i += 2;
    } else if (request.order == Order::unsaid && iequals(word, "REV")) {
      request.order = Order::descending;
    } else if (request.by == By::unsaid && iequals(word, "BYLEX")) {
      request.by = By::member;
    } else if (request.by == By::unsaid && iequals(word, "BYSCORE")) {
      request.by = By::score;
    } else {
      call.reply.error(kSyntaxError);
      return false;
    }
  }
  if (request.by == By::unsaid) request.by = By::rank;
  if (request.limit != -1 && request.by == By::rank) {
    call.reply.error("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
    return false;
  }
  if (request.with_scores && request.by == By::member) {
    call.reply.error("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
    return false;
  }
  return true;
}

// The range's ends, as the options have it; false when answered.
bool read_range_ends(Call& call, std::string_view low, std::string_view high, RangeRequest& request) {
  if (request.by == By::rank) {
    const auto first = read_integer(call, low);
    if (!first) return false;
    const auto last = read_integer(call, high);
    if (!last) return false;
    request.first = *first;
    request.last = *last;
    return true;
  }
  if (request.reverse()) std::swap(low, high);
  if (request.by == By::score) {
    const auto range = ScoreRange::parse(low, high);
    if (range) request.scores = *range;
    if (!range) call.reply.error(kNotScoreRange);
    return range.has_value();
  }
  const auto range = LexRange::parse(low, high);
  if (range) request.members = *range;
  if (!range) call.reply.error(kNotLexRange);
  return range.has_value();
}

void reply_range(Call& call, By by, Order order) {
  RangeRequest request{.by = by, .order = order};
  if (!read_range_options(call, 4, false, request) || !read_range_ends(call, call.args[2], call.args[3], request)) return;
  const auto found = read_object<ZsetObject>(call, call.args[1]);
  if (found.wrong) return;
  if (found.object == nullptr) return call.reply.array(0);
  const RankRange range = request.in(*found.object);
  reply_elements(call.reply, range.size(), request.with_scores);
  visit_range(*found.object, range, request.reverse(), [&](std::string_view member, double score) {
    reply_element(call.reply, member, score, request.with_scores);
  });
}

}  // namespace

void zrange(Call& call) { reply_range(call, By::unsaid, Order::unsaid); }
void zrevrange(Call& call) { reply_range(call, By::rank, Order::descending); }
void zrangebyscore(Call& call) { reply_range(call, By::score, Order::ascending); }
void zrevrangebyscore(Call& call) { reply_range(call, By::score, Order::descending); }
void zrangebylex(Call& call) { reply_range(call, By::member, Order::ascending); }
void zrevrangebylex(Call& call) { reply_range(call, By::member, Order::descending); }

void zrangestore(Call& call) {
  RangeRequest request;
  if (!read_range_options(call, 5, true, request) || !read_range_ends(call, call.args[3], call.args[4], request)) return;
  const auto source = read_object<ZsetObject>(call, call.args[2]);
  if (source.wrong) return;
  auto made = std::make_unique<ZsetObject>();
  if (source.object != nullptr) {
    const EncodingLimits& limits = call.node.config().encodings;
    const RankRange range = request.in(*source.object);
    if (request.by == By::rank) made->expect(range.size(), 0, limits);
    visit_range(*source.object, range, request.reverse(),
                [&](std::string_view member, double score) { made->set(member, score, limits); });
  }
  store_zset(call, call.args[1], std::move(made), "zrangestore");
}

// --- Counting and removing ---

void zcount(Call& call) {
  const auto range = ScoreRange::parse(call.args[2], call.args[3]);
  if (!range) return call.reply.error(kNotScoreRange);
  const auto found = read_object<ZsetObject>(call, call.args[1]);
  if (found.wrong) return;
  call.reply.integer(found.object == nullptr ? 0 : static_cast<int64_t>(range->in(*found.object).size()));
}

void zlexcount(Call& call) {
  const auto range = LexRange::parse(call.args[2], call.args[3]);
  if (!range) return call.reply.error(kNotLexRange);
  const auto found = read_object<ZsetObject>(call, call.args[1]);
  if (found.wrong) return;
  call.reply.integer(found.object == nullptr ? 0 : static_cast<int64_t>(range->in(*found.object).size()));
}

namespace {

void remove_range(Call& call, By by, std::string_view event) {
  RangeRequest request{.by = by, .order = Order::ascending};
  if (!read_range_ends(call, call.args[2], call.args[3], request)) return;
  const Edited edited = edit_object<ZsetObject>(call, call.args[1], IfAbsent::leave, [&](ZsetObject& set) {
    const RankRange range = request.in(set);
    set.remove_range(range.from, range.size());
    return range.size();
  });
  if (!edited) return;
  notify_edit(call, edited, kNotifyZset, event, call.args[1]);
  call.reply.integer(static_cast<int64_t>(edited.changes));
}

}  // namespace

void zremrangebyrank(Call& call) { remove_range(call, By::rank, "zremrangebyrank"); }
void zremrangebyscore(Call& call) { remove_range(call, By::score, "zremrangebyscore"); }
void zremrangebylex(Call& call) { remove_range(call, By::member, "zremrangebylex"); }

}  // namespace handlers
}  // namespace holdfast::node
