// A small hash table for one interval of positions: up to 63 buckets of 64 bytes behind a header line (4 KB).
//
// Every key has a position, a 64-bit number (see dict.h). A segment of depth d holds the keys that share the first d
// bits; the next 16 bits are the place within the segment, and bucket = place * buckets >> 16, so buckets follow the
// order of positions. Bucket, one cache line:
//
//   7 x 1 byte   tag: 8 further bits of the hash
//   1 byte       overflow: how many entries whose home is this bucket lie in a later one
//   7 x 8 bytes  slot: place (16 bits) | pointer to the entry (bits 4 to 47) | colour (bits 1 to 3, see table_cut.h) |
//                has an expiry (bit 0); 0: free
//
// An entry lies in its home bucket or in one of the kReach following ones (or any, if there are not as many), counted
// round the end. Tag and place tell a
// candidate without touching the entry; so does a rebuild with another number of buckets. Executor thread only.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "node/keyspace/entry.h"

namespace holdfast::node {

using Slot = uint64_t;
constexpr Slot kSlotExpires = 1;
constexpr unsigned kSlotColourShift = 1, kSlotColours = 8;
constexpr Slot kSlotColourMask = Slot{kSlotColours - 1} << kSlotColourShift;
constexpr Slot kSlotPointerMask = 0x0000'ffff'ffff'fff0;

inline Entry* entry_of(Slot slot) { return reinterpret_cast<Entry*>(slot & kSlotPointerMask); }
inline uint32_t place_of(Slot slot) { return static_cast<uint32_t>(slot >> 48); }
Slot make_slot(const Entry* entry, uint32_t place);  // without a colour

struct alignas(64) Bucket {
  static constexpr unsigned kSlots = 7;
  uint8_t tags[kSlots];
  uint8_t overflow;
  Slot slots[kSlots];

  // Calls visit(slot) for the slots of this tag, the free ones among them when it is 0, until it returns true; then true.
  template <class Visit>
  bool any_tagged(uint8_t tag, Visit&& visit) const {
    constexpr uint64_t kLow = 0x7f7f'7f7f'7f7f'7f7f;
    uint64_t word;
    std::memcpy(&word, this, sizeof word);
    word ^= uint64_t{tag} * 0x0101'0101'0101'0101;
    // The top bit of each byte that is zero now; the last byte is no tag.
    word = ~(((word & kLow) + kLow) | word | kLow) & 0x0080'8080'8080'8080;
    for (; word != 0; word &= word - 1) {
      if (visit(static_cast<unsigned>(std::countr_zero(word)) / 8)) return true;
    }
    return false;
  }
  // What lies here with this tag and place, if anything does: very likely the entry of a hash that has both.
  Slot likely(uint8_t tag, uint32_t place) const {
    Slot found = 0;
    any_tagged(tag, [&](unsigned slot) {
      if (slots[slot] == 0 || place_of(slots[slot]) != place) return false;
      found = slots[slot];
      return true;
    });
    return found;
  }
  // The first free slot; kSlots: there is none. Without branches: which one it is cannot be foreseen.
  unsigned free_slot() const {
    unsigned free = 1U << kSlots;
    for (unsigned slot = 0; slot < kSlots; ++slot) free |= static_cast<unsigned>(slots[slot] == 0) << slot;
    return static_cast<unsigned>(std::countr_zero(free));
  }
};
static_assert(std::endian::native == std::endian::little && offsetof(Bucket, overflow) == Bucket::kSlots);
static_assert(sizeof(Bucket) == 64);

// The buckets of a segment as the directory knows them: enough to look a key up without reading the header.
struct BucketRange {
  Bucket* first = nullptr;
  unsigned count = 0;
  unsigned home(uint32_t place) const { return place * count >> 16; }
};

class alignas(64) Segment {
 public:
  // With the header's line: classes of the allocator. The small ones are for values with few elements.
  static constexpr std::array<unsigned, 10> kSteps{1, 3, 7, 11, 15, 23, 39, 47, 55, 63};
  static constexpr unsigned kFewestOfDatabase = 39;
  static constexpr unsigned kMaxEntries = kSteps.back() * Bucket::kSlots;
  static constexpr unsigned kReach = 8;

  struct Free {
    void operator()(Segment* segment) const { std::free(segment); }
  };
  using Ptr = std::unique_ptr<Segment, Free>;

  // What a slot holds, on its way from one segment to another.
  struct Item {
    Slot slot;
    uint8_t tag;
    uint64_t position;  // set where a key is placed anew
  };

  // A segment of at least `fewest` buckets with these items; null when even the largest cannot take them.
  static Ptr build(std::span<const Item> items, unsigned depth, unsigned fewest);

  unsigned count() const { return count_; }
  unsigned expiring() const { return expiring_; }
  unsigned depth() const { return depth_; }
  BucketRange buckets() { return {reinterpret_cast<Bucket*>(this + 1), buckets_}; }
  size_t memory_bytes() const { return bytes_for(buckets_); }
  // The number of buckets, `fewest` or more, that `count` entries fit into with room to grow.
  static unsigned roomy_step(unsigned count, unsigned fewest);

  // False when neither the home bucket nor those in reach have a free slot.
  bool place(Slot slot, uint8_t tag) { return place(buckets(), slot, tag); }
  // The same where the buckets are known: nobody waits for the header then.
  bool place(BucketRange range, Slot slot, uint8_t tag);
  struct Found {
    Bucket* bucket = nullptr;
    unsigned slot = 0;
    explicit operator bool() const { return bucket != nullptr; }
  };
  void remove(Found at);
  // Replaces what `at` points to; the key and the colour stay.
  void repoint(Found at, const Entry* entry);
  // Writes every item in bucket order and returns how many (at most kMaxEntries).
  unsigned collect(Item* items);

  // The place of the first entry behind its home bucket that has this tag and for which matches(bucket, slot) is true.
  template <class Matches>
  static Found find_displaced(BucketRange range, unsigned home, uint8_t tag, Matches&& matches);
  // Calls visit(bucket, slot) for each entry whose home is `home` until it returns true; then that place.
  template <class Visit>
  static Found for_home(BucketRange range, unsigned home, Visit&& visit);

 private:
  Segment(unsigned depth, unsigned buckets)
      : buckets_(static_cast<uint8_t>(buckets)), depth_(static_cast<uint8_t>(depth)) {}
  static Ptr create(unsigned depth, unsigned buckets);
  static size_t bytes_for(unsigned buckets) { return (buckets + 1) * sizeof(Bucket); }

  uint16_t count_ = 0;
  uint16_t expiring_ = 0;
  uint8_t buckets_;
  uint8_t depth_;
};
static_assert(sizeof(Segment) == 64);

template <class Matches>
Segment::Found Segment::find_displaced(BucketRange range, unsigned home, uint8_t tag, Matches&& matches) {
  unsigned left = range.first[home].overflow;
  for (unsigned next = home; left > 0;) {
    next = next + 1 == range.count ? 0 : next + 1;
    Bucket* const bucket = range.first + next;
    Found found;
    if (bucket->any_tagged(tag, [&](unsigned slot) {
          found = {bucket, slot};
          return matches(*bucket, slot);
        })) {
      return found;
    }
    // Those of this home that are not it: when all have been seen it is not there.
    for (const Slot value : bucket->slots) left -= value != 0 && range.home(place_of(value)) == home ? 1 : 0;
  }
  return {};
}

template <class Visit>
Segment::Found Segment::for_home(BucketRange range, unsigned home, Visit&& visit) {
  Bucket* bucket = range.first + home;
  for (unsigned slot = 0; slot < Bucket::kSlots; ++slot) {
    const Slot value = bucket->slots[slot];
    if (value != 0 && range.home(place_of(value)) == home && visit(*bucket, slot)) return {bucket, slot};
  }
  unsigned left = range.first[home].overflow;
  for (unsigned next = home; left > 0;) {
    next = next + 1 == range.count ? 0 : next + 1;
    bucket = range.first + next;
    for (unsigned slot = 0; slot < Bucket::kSlots; ++slot) {
      const Slot value = bucket->slots[slot];
      if (value == 0 || range.home(place_of(value)) != home) continue;
      if (visit(*bucket, slot)) return {bucket, slot};
      --left;
    }
  }
  return {};
}

}  // namespace holdfast::node
