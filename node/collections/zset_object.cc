#include "node/collections/zset_object.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <unordered_set>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "node/collections/distinct_texts.h"
#include "node/types/allocation.h"

namespace holdfast::node {

// --- Scores as they are stored ---

static_assert(std::endian::native == std::endian::little);  // the 6 low bytes of an integer come first

ZsetObject::StoredScore::StoredScore(double score) {
  constexpr double kLimit = 140737488355328.0;  // 2^47
  if (score >= -kLimit && score < kLimit) {
    const auto integer = static_cast<int64_t>(score);
    if (static_cast<double>(integer) == score && (integer != 0 || !std::signbit(score))) {
      std::memcpy(bytes, &integer, size = 6);
      return;
    }
  }
  std::memcpy(bytes, &score, size = 8);
}

double ZsetObject::score_of(const Entry& entry) {
  Value::Scratch unused;
  const std::string_view bytes = entry.bytes(unused);
  if (bytes.size() == 8) {
    double score;
    std::memcpy(&score, bytes.data(), 8);
    return score;
  }
  uint64_t low = 0;
  std::memcpy(&low, bytes.data(), 6);
  return static_cast<double>(static_cast<int64_t>(low << 16) >> 16);
}

double ZsetObject::score_at(const Listpack& pack, Listpack::Position member) {
  const Listpack::Element element = pack.get(pack.next(member));
  if (element.integer) return static_cast<double>(*element.integer);
  return parse_double(element.text).value_or(0);  // from_packed() has seen to it that it is one
}

namespace {

// A score's text in the packed form. Redis packs integers of up to 62 bits as such (and so loses the sign of -0).
char* write_packed_score(char* to, double score) {
  constexpr double kLimit = 4611686018427387904.0;  // 2^62
  if (score >= -kLimit && score <= kLimit && static_cast<double>(static_cast<int64_t>(score)) == score) {
    return std::to_chars(to, to + kDoubleChars, static_cast<int64_t>(score)).ptr;
  }
  return write_double(to, score);
}

}  // namespace

// --- The two forms ---

ZsetObject::ZsetObject(const ZsetObject& other) : Object(other) {
  if (other.large_ == nullptr) {
    pack_ = other.pack_.clone();
    return;
  }
  large_ = std::make_unique<Large>();
  other.for_each([&](std::string_view member, double score) { set_large(large_->dict.locate(member), member, score); });
}

size_t ZsetObject::memory_bytes() const {
  const size_t form = large_ == nullptr ? 0
                                        : allocation_size(sizeof(Large)) + large_->dict.memory_bytes() +
                                              large_->tree.memory_bytes();
  return allocation_size(sizeof *this) + pack_.memory_bytes() + form;
}

bool ZsetObject::fits_packed(const Listpack& pack, std::string_view member, const EncodingLimits& limits) {
  constexpr size_t kScoreBytes = 32;  // the longest text of a score, and what goes around it
  return pack.count() / 2 < limits.zset_entries && member.size() <= limits.zset_value_bytes &&
         pack.has_room_for(Listpack::element_bytes(member) + kScoreBytes);
}

void ZsetObject::make_large() {
  auto large = std::make_unique<Large>();
  const Listpack pack = std::exchange(pack_, Listpack());
  large_ = std::move(large);
  Listpack::Scratch scratch;
  for (auto at = pack.first(); at != Listpack::kEnd; at = pack.next(pack.next(at))) {
    const std::string_view member = pack.get(at).view(scratch);
    set_large(large_->dict.locate(member), member, score_at(pack, at));
  }
}

void ZsetObject::expect(size_t elements, size_t longest_member, const EncodingLimits& limits) {
  const bool too_much = elements > limits.zset_entries || longest_member > limits.zset_value_bytes;
  if (too_much && large_ == nullptr) make_large();
}

void ZsetObject::set_packed(Listpack::Position found, std::string_view member, double score) {
  if (found != Listpack::kEnd) pack_.erase(found, 2);
  auto at = pack_.first();
  Listpack::Scratch scratch;
  for (; at != Listpack::kEnd; at = pack_.next(pack_.next(at))) {
    const double other = score_at(pack_, at);
    if (other > score || (other == score && pack_.get(at).view(scratch) > member)) break;
  }
  char text[kDoubleChars];
  at = pack_.insert(at, member);
  pack_.insert(pack_.next(at), {text, static_cast<size_t>(write_packed_score(text, score) - text)});
}

void ZsetObject::set_large(const Dict::Place& place, std::string_view member, double score) {
  const StoredScore stored(score);
  if (place.entry == nullptr) {
    large_->tree.insert(score, large_->dict.insert(place.hash, member, stored.value(), Entry::kNoExpiry));
    return;
  }
  large_->tree.erase(score_of(*place.entry), member);
  large_->tree.insert(score, large_->dict.assign(place, stored.value(), Entry::kNoExpiry));
}

bool ZsetObject::remove(std::string_view member) {
  if (large_ == nullptr) {
    const auto found = pack_.find(pack_.first(), member, 2);
    if (found == Listpack::kEnd) return false;
    pack_.erase(found, 2);
    return true;
  }
  const Dict::Place place = large_->dict.locate(member);
  if (place.entry == nullptr) return false;
  large_->tree.erase(score_of(*place.entry), place.entry->key());
  large_->dict.release(place);
  return true;
}

void ZsetObject::remove_range(size_t rank, size_t count) {
  if (count == 0) return;
  if (large_ == nullptr) {
    pack_.erase(pack_.at(static_cast<int64_t>(rank) * 2), count * 2);
    return;
  }
  for (; count > 0; --count) {
    const auto place = large_->tree.at(rank);
    const Dict::Place in_dict = large_->dict.locate(place->member->key());
    large_->tree.erase(place->score, in_dict.entry->key());
    large_->dict.release(in_dict);
  }
}

// --- Looking ---

std::optional<double> ZsetObject::score(std::string_view member) const {
  if (large_ == nullptr) {
    const auto found = pack_.find(pack_.first(), member, 2);
    if (found == Listpack::kEnd) return std::nullopt;
    return score_at(pack_, found);
  }
  const Entry* entry = large_->dict.find(member);
  if (entry == nullptr) return std::nullopt;
  return score_of(*entry);
}

std::optional<size_t> ZsetObject::rank(std::string_view member) const {
  if (large_ == nullptr) {
    const auto found = pack_.find(pack_.first(), member, 2);
    if (found == Listpack::kEnd) return std::nullopt;
    size_t before = 0;
    for (auto at = pack_.first(); at != found; at = pack_.next(at)) ++before;
    return before / 2;
  }
  const Entry* entry = large_->dict.find(member);
  if (entry == nullptr) return std::nullopt;
  return large_->tree.rank(score_of(*entry), *entry);
}

size_t ZsetObject::rank_of_score(double score, bool inclusive) const {
  if (large_ != nullptr) return large_->tree.count_below(score, inclusive);
  size_t before = 0;
  for (auto at = pack_.first(); at != Listpack::kEnd; at = pack_.next(pack_.next(at)), ++before) {
    const double here = score_at(pack_, at);
    if (here > score || (!inclusive && here == score)) break;
  }
  return before;
}

size_t ZsetObject::rank_of_member(std::string_view member, bool inclusive) const {
  if (large_ != nullptr) return large_->tree.count_below_member(member, inclusive);
  size_t before = 0;
  Listpack::Scratch scratch;
  for (auto at = pack_.first(); at != Listpack::kEnd; at = pack_.next(pack_.next(at)), ++before) {
    const int order = pack_.get(at).view(scratch).compare(member);
    if (order > 0 || (!inclusive && order == 0)) break;
  }
  return before;
}

ZsetObject::Cursor ZsetObject::at(size_t rank) const {
  Cursor cursor;
  if (large_ != nullptr) {
    cursor.place_ = large_->tree.at(rank);
    return cursor;
  }
  cursor.pack_ = &pack_;
  if (rank < pack_.count() / 2) cursor.at_ = pack_.at(static_cast<int64_t>(rank) * 2);
  return cursor;
}

double ZsetObject::Cursor::score() const { return pack_ != nullptr ? score_at(*pack_, at_) : place_->score; }

void ZsetObject::Cursor::next() {
  if (pack_ != nullptr) {
    at_ = pack_->next(pack_->next(at_));
  } else {
    place_.next();
  }
}

void ZsetObject::Cursor::previous() {
  if (pack_ == nullptr) return place_.previous();
  at_ = pack_->previous(at_);
  if (at_ != Listpack::kEnd) at_ = pack_->previous(at_);
}

uint64_t ZsetObject::scan(uint64_t cursor, const std::function<void(std::string_view, double)>& visit) const {
  if (large_ == nullptr) {
    for_each(visit);
    return 0;
  }
  return large_->dict.scan(cursor, [&](Entry& entry) { visit(entry.key(), score_of(entry)); });
}

void ZsetObject::prefetch(std::span<const std::string_view> members, size_t step) const {
  if (large_ == nullptr || members.size() <= step) return;
  constexpr size_t kMost = 32;
  uint64_t hashes[kMost];
  const Bucket* buckets[kMost];
  size_t count = 0;
  for (size_t i = 0; i < members.size() && count < kMost; i += step) {
    hashes[count] = large_->dict.hash(members[i]);
    buckets[count] = large_->dict.prefetch_bucket(hashes[count]);
    ++count;
  }
  for (size_t i = 0; i < count; ++i) Dict::prefetch_entry(buckets[i], hashes[i]);
}

// --- Loading ---

std::unique_ptr<ZsetObject> ZsetObject::from_packed(Listpack pack, const EncodingLimits& limits) {
  const size_t elements = pack.count();
  if (elements % 2 != 0) return nullptr;
  static thread_local DistinctTexts members;
  members.clear();
  double before = 0;
  Listpack::Scratch scratches[2];  // of this member and of the one before
  std::string_view previous;
  size_t number = 0;
  for (auto at = pack.first(); at != Listpack::kEnd; at = pack.next(pack.next(at)), ++number) {
    const Listpack::Element stored = pack.get(pack.next(at));
    if (!stored.integer) {
      const auto parsed = parse_double(stored.text);
      if (!parsed || *parsed != *parsed) return nullptr;
    }
    const double score = score_at(pack, at);
    const std::string_view member = pack.get(at).view(scratches[number % 2]);
    if (number > 0 && (score < before || (score == before && member <= previous))) return nullptr;
    before = score;
    previous = member;
    members.add(member);
  }
  if (members.maybe_twice()) {
    std::unordered_set<std::string> exactly;
    for (auto at = pack.first(); at != Listpack::kEnd; at = pack.next(pack.next(at))) {
      if (!exactly.emplace(pack.get(at).view(scratches[0])).second) return nullptr;
    }
  }
  auto loaded = std::make_unique<ZsetObject>();
  loaded->pack_ = std::move(pack);
  if (elements / 2 > limits.zset_entries) loaded->make_large();
  return loaded;
}

}  // namespace holdfast::node
