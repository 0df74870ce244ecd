// A sorted set: members with scores, in the order of (score, member's bytes).
//
// Packed form ("listpack"): member, score, member, score ... ascending in one listpack, byte for byte as Redis keeps and
// saves it: a score that is an integer as an integer, others as text. Large form ("skiplist", the name that clients know):
//
//   Dict        member -> entry, which has the score embedded as its value: 6 bytes for an integer of 48 bits, else the
//               8 bytes of the double. A member of up to 18 bytes with such a score takes a block of 32.
//   ScoreTree   the order: pairs (score, entry)
//
// Every range, by score or by member, is turned into one of ranks first (rank_of_score, rank_of_member), so that there is
// one way to walk, count and remove. Scores are never NaN; -0 equals 0. Executor thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "common/base/random.h"
#include "node/collections/limits.h"
#include "node/collections/score_tree.h"
#include "node/keyspace/dict.h"
#include "node/types/listpack.h"
#include "node/types/object.h"

namespace holdfast::node {

// The tree's members: one set owns its entries, so there is nothing to count.
inline void retain_member(const Entry&) {}
inline void release_member(const Entry&) {}

class ZsetObject final : public Object {
 public:
  static constexpr ValueType kType = ValueType::zset;

  ZsetObject() = default;
  ~ZsetObject() override = default;
  ZsetObject(const ZsetObject& other);
  ZsetObject(ZsetObject&& other) noexcept = default;

  ValueType type() const override { return ValueType::zset; }
  std::string_view encoding() const override { return large_ == nullptr ? "listpack" : "skiplist"; }
  size_t size() const override { return large_ == nullptr ? pack_.count() / 2 : large_->tree.size(); }
  size_t memory_bytes() const override;
  size_t effort() const override { return large_ == nullptr ? 1 : size(); }
  std::unique_ptr<Object> clone() const override { return std::make_unique<ZsetObject>(*this); }
  bool clear_some() override { return large_ != nullptr && large_->dict.clear_some(); }
  Object* relocate(Compaction& work) override;
  bool compact(CompactionCursor& cursor, Compaction& work) override;
  const Dict* table() const override { return large_ == nullptr ? nullptr : &large_->dict; }

  bool prefetch(unsigned step) const override {  // of the packed form
    if (step == 0) pack_.prefetch(Listpack::kPrefetchedBytes);
    return false;
  }
  bool prefetch_order(const Entry& element, OrderTrail& trail, unsigned step) const override {
    if (step == 0) trail.score = score_of(element);
    return large_->tree.prefetch(trail.score, trail.at, step);
  }

  std::optional<double> score(std::string_view member) const;
  static double score_of(const Entry& element);  // an entry of table()
  // How many come before the member.
  std::optional<size_t> rank(std::string_view member) const;

  enum class Change : uint8_t { none, added, updated };
  // Adds the member, or gives it another score.
  Change set(std::string_view member, double score, const EncodingLimits& limits) {
    return change(member, limits, [score](std::optional<double>) { return std::optional(score); });
  }
  // The same when `decide`, given the score that it has (nothing: no such member), returns one.
  template <class Decide>
  Change change(std::string_view member, const EncodingLimits& limits, Decide&& decide);
  // So much is about to be added: what will not fit into the packed form goes without it from the start.
  void expect(size_t elements, size_t longest_member, const EncodingLimits& limits);
  bool remove(std::string_view member);
  // Removes `count` elements from a rank on; both within the set.
  void remove_range(size_t rank, size_t count);

  // --- Ranges: from a rank to another ---
  // How many have a lower score; with `inclusive`, that score as well.
  size_t rank_of_score(double score, bool inclusive) const;
  // How many members are less; with `inclusive`, that member as well. For sets whose scores are all the same.
  size_t rank_of_member(std::string_view member, bool inclusive) const;

  // A place in the order; false when it has left the set. Valid until the set changes.
  class Cursor {
   public:
    explicit operator bool() const { return pack_ != nullptr ? at_ != Listpack::kEnd : static_cast<bool>(place_); }
    double score() const;
    // Valid until the cursor moves.
    std::string_view member() const {
      return pack_ != nullptr ? pack_->get(at_).view(scratch_) : place_->member->key();
    }
    void next();
    void previous();

   private:
    friend class ZsetObject;
    const Listpack* pack_ = nullptr;
    Listpack::Position at_ = Listpack::kEnd;
    ScoreTree<Entry>::Cursor place_;
    mutable Listpack::Scratch scratch_;
  };
  // The element of this rank; none when there are not as many.
  Cursor at(size_t rank) const;
  Cursor first() const { return at(0); }
  // Ascending: visit(member, score).
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (Cursor cursor = first(); cursor; cursor.next()) visit(cursor.member(), cursor.score());
  }
  // Any element with equal chance; the set must not be empty.
  Cursor random(RandomSource& source) const { return at(source.below(size())); }

  // Visits some elements and returns the next cursor, 0 after the last: an element that is there all the time is visited
  // at least once. The packed form is visited at once.
  uint64_t scan(uint64_t cursor, const std::function<void(std::string_view, double)>& visit) const;

  // --- Saving and loading ---
  // The packed form, or null.
  const Listpack* packed() const { return large_ == nullptr ? &pack_ : nullptr; }
  // A set from a packed form that came from outside (its block is a valid listpack); null when it is no sorted set:
  // scores that are none, members twice, or not in order. One with more elements than the limit becomes large.
  static std::unique_ptr<ZsetObject> from_packed(Listpack pack, const EncodingLimits& limits);

  // For look-ups to come: brings the member's bucket, then its entry, nearer.
  void prefetch(std::span<const std::string_view> members, size_t step) const;

 private:
  struct Large {
    Large() : dict(collection_seed(), Dict::Scale::collection) {}
    Dict dict;
    ScoreTree<Entry> tree;  // refers to the entries: goes first
  };
  class EntryMoves;
  // A score in an entry's value.
  struct StoredScore {
    char bytes[8];
    size_t size;
    explicit StoredScore(double score);
    Value value() const { return Value::borrowed_bytes({bytes, size}, false); }
  };
  static double score_at(const Listpack& pack, Listpack::Position member);
  static bool fits_packed(const Listpack& pack, std::string_view member, const EncodingLimits& limits);

  void set_packed(Listpack::Position found, std::string_view member, double score);
  void set_large(const Dict::Place& place, std::string_view member, double score);
  void make_large();

  Listpack pack_;  // empty when large
  std::unique_ptr<Large> large_;
};

template <class Decide>
ZsetObject::Change ZsetObject::change(std::string_view member, const EncodingLimits& limits, Decide&& decide) {
  std::optional<double> before;
  if (large_ == nullptr) {
    const auto found = pack_.find(pack_.first(), member, 2);
    if (found != Listpack::kEnd) before = score_at(pack_, found);
    const std::optional<double> now = decide(before);
    if (!now || now == before) return Change::none;
    if (before || fits_packed(pack_, member, limits)) {
      set_packed(found, member, *now);
    } else {
      make_large();
      set_large(large_->dict.locate(member), member, *now);
    }
  } else {
    const Dict::Place place = large_->dict.locate(member);
    if (place.entry != nullptr) before = score_of(*place.entry);
    const std::optional<double> now = decide(before);
    if (!now || now == before) return Change::none;
    set_large(place, member, *now);
  }
  return before ? Change::updated : Change::added;
}

}  // namespace holdfast::node
