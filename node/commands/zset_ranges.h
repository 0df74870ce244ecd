// Ranges of a sorted set as commands give them (by rank, score or member), and the shapes in which elements are replied.
// Pure but for the replies; executor thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "common/resp/writer.h"
#include "node/collections/zset_object.h"

namespace holdfast::node {

inline constexpr std::string_view kNotScoreRange = "ERR min or max is not a float";
inline constexpr std::string_view kNotLexRange = "ERR min or max not valid string range item";

// Elements number `from` up to but not including `to`.
struct RankRange {
  size_t from = 0;
  size_t to = 0;
  size_t size() const { return to > from ? to - from : 0; }
};

// "5", "(5", "-inf" ...; nothing when it is no number.
struct ScoreRange {
  double min = 0, max = 0;
  bool min_open = false, max_open = false;  // without the end itself
  static std::optional<ScoreRange> parse(std::string_view min, std::string_view max);
  RankRange in(const ZsetObject& set) const;
};

// "[a", "(a", "-", "+"; nothing for anything else.
struct LexRange {
  struct End {
    enum class Kind : uint8_t { lowest, member, highest } kind = Kind::lowest;
    bool open = false;
    std::string_view member;
  };
  End min, max;
  static std::optional<LexRange> parse(std::string_view min, std::string_view max);
  RankRange in(const ZsetObject& set) const;
};

// Ranks with negative ones counted from the end, both ends inclusive.
RankRange range_of_ranks(const ZsetObject& set, int64_t first, int64_t last);

// Calls visit(member, score) for each in the range, or from its other end.
template <class Visit>
void visit_range(const ZsetObject& set, RankRange range, bool reverse, Visit&& visit) {
  size_t left = range.size();
  if (left == 0) return;
  auto cursor = set.at(reverse ? range.to - 1 : range.from);
  for (;;) {
    visit(cursor.member(), cursor.score());
    if (--left == 0) return;
    reverse ? cursor.previous() : cursor.next();
  }
}

// The head of a reply of so many elements: RESP3 has them as pairs when scores come with them, RESP2 in a row.
inline void reply_elements(resp::Writer& reply, size_t count, bool with_scores) {
  reply.array(with_scores && reply.protocol() != 3 ? count * 2 : count);
}
inline void reply_element(resp::Writer& reply, std::string_view member, double score, bool with_scores) {
  if (with_scores && reply.protocol() == 3) reply.array(2);
  reply.bulk(member);
  if (with_scores) reply.real(score);
}

struct Call;
// What a ...STORE command came to, in place of whatever the key held; an empty set leaves no key. Answers the number of
// elements, and tells of the event.
void store_zset(Call& call, std::string_view key, std::unique_ptr<ZsetObject> set, std::string_view event);

}  // namespace holdfast::node
