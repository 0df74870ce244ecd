// The hash table of one database: small segments under a directory (extendible hashing). Nothing is ever doubled or
// rehashed as a whole: a full segment grows or splits alone, and the directory consists of 256 independent parts.
//
// Executor thread only. A key's position is x = h + h(1-h)/3 for its seeded hash h, both read as fractions. The slope
// makes the segments at low positions fill at two thirds of the speed of those at high ones, so that they split at
// different times and the table's fill does not swing. A directory part is chosen by the position's top 8 bits and
// indexed by the following ones; an element holds the segment's pointer, depth and number of buckets.
//
// scan() walks buckets in the order of positions and the cursor is a position, so it means the same whatever splits or
// merges in between: an entry present from the first call to the last is returned at least once, some may be returned
// twice. Cursors are below 2^48.
//
// Invariants: segments of depth d cover disjoint intervals of 2^(64-d) positions and together all of them; the counters
// equal what a walk would find. An Entry's address changes only where the function says so. A Dict moved elsewhere leaves
// an empty one with the same seed; one that nobody else refers to may be destroyed on any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/random.h"
#include "node/types/block_mover.h"
#include "node/keyspace/entry.h"
#include "node/keyspace/seeded_hash.h"
#include "node/keyspace/segment.h"
#include "node/keyspace/table_cut.h"
#include "node/types/touch.h"

namespace holdfast::node {

// What a walk over a table finds (DEBUG HTSTATS).
struct DictStatistics {
  size_t entries = 0, expiring = 0;
  size_t segments = 0, buckets = 0;
  size_t displaced = 0;                               // entries that lie in another bucket than their own
  std::array<size_t, Bucket::kSlots + 1> fill{};      // buckets by how many of their slots are taken
};

// The hash of the bytes at one place.
struct KnownHash {
  const char* data = nullptr;
  size_t size = SIZE_MAX;  // of no key
  uint64_t hash = 0;
};

class Dict {
 public:
  // What a table is made for: a database, whose directory has 256 parts that grow on their own, or a value with elements,
  // which starts with one bucket and has a directory of one part (a millionth element may cost a copy of 20 KB).
  enum class Scale : uint8_t { database, collection };
  explicit Dict(HashSeed seed, Scale scale = Scale::database)
      : part_bits_(scale == Scale::database ? kPartBits : 0), seed_(seed) {}
  ~Dict() { clear(); }  // what a cut still needs of it goes to the cut
  Dict(Dict&& other) noexcept;
  Dict& operator=(Dict&& other) noexcept;

  size_t size() const { return size_; }
  size_t expiring() const { return expiring_; }  // entries that have an expiry
  size_t segment_count() const { return segments_; }
  // All memory: entries, segments and directory, in the allocator's size classes.
  size_t memory_bytes() const { return entry_bytes_ + index_bytes_; }
  size_t index_bytes() const { return index_bytes_; }
  DictStatistics statistics() const;
  // Off: what becomes sparse stays as it is (DEBUG DICT-RESIZING).
  void set_shrinking(bool on) { shrinking_ = on; }

  uint64_t hash(std::string_view key) const {
    const KnownHash& known = part_bits_ == 0 ? known_element_ : known_;
    if (key.data() == known.data && key.size() == known.size) return known.hash;
    return seeded_hash(key, seed_);
  }
  HashSeed seed() const { return seed_; }
  // Tells the hashes of tables with different seeds apart.
  uint64_t seed_mark() const { return seed_.k0; }
  // The hash of the bytes at this very place, until forgotten.
  void know_hash(std::string_view key, uint64_t hash) { known_ = {key.data(), key.size(), hash}; }
  void forget_hash() { known_ = {}; }
  // The same for the tables of values with elements, which all have one seed.
  static void know_element_hash(std::string_view element, uint64_t hash) {
    known_element_ = {element.data(), element.size(), hash};
  }
  static void forget_element_hash() { known_element_ = {}; }
  // For a batch of look-ups: first prefetch_bucket for all, then prefetch_entry for all, then prefetch_displaced for those
  // that the first did not see and that may_be_displaced, then the look-ups. The bucket is valid until the table changes;
  // null when the table is empty. The last two return the entry that is likely the one of this hash (a guess: the key is
  // not compared); null: none is seen.
  const Bucket* prefetch_bucket(uint64_t hash) const;
  static const Entry* prefetch_entry(const Bucket* bucket, uint64_t hash);
  static bool may_be_displaced(const Bucket* bucket) { return bucket != nullptr && bucket->overflow > 0; }
  const Entry* prefetch_displaced(uint64_t hash) const;
  // After these: an entry's object; null for a string.
  static const Object* object_of(const Entry& entry) {
    return entry.payload() == Entry::Payload::object ? entry.object() : nullptr;
  }
  // The whole way from the table's own memory to an entry, for a batch of look-ups too: step 0 for all, then step 1 ...
  // The table must not change meanwhile. The first steps are the same for all hashes.
  struct Trail {
    uint64_t hash = 0;
    const Bucket* bucket = nullptr;
    const Entry* entry = nullptr;  // after the last step: the one that is likely to be found, on its way
  };
  static constexpr unsigned kTrailSteps = 5, kCommonSteps = 1;
  bool prefetch(Trail& trail, unsigned step) const;  // false: there is nothing (more) on this way

  // A key's entry and where it lies: valid until the table changes. No entry: only `hash` is set.
  struct Place {
    uint64_t hash = 0;
    Entry* entry = nullptr;
    Segment* segment = nullptr;
    Segment::Found at;
  };
  Place locate(std::string_view key) const;
  Entry* find(std::string_view key) const { return locate(key).entry; }

  // The key must be absent; `hash` is its hash.
  Entry& insert(uint64_t hash, std::string_view key, Value&& value, int64_t expires_ms);
  // Loading: takes the entry with this hash, unless there is one of its key. False then, and `entry` is the caller's still.
  bool adopt(uint64_t hash, EntryPtr& entry);
  void prefetch_vacancy(uint64_t hash) const;  // some adoptions ahead
  // The table will grow to so many entries (0: nobody knows): what splits is cut small enough for that at once.
  void expect_size(uint64_t entries) { expected_ = entries; }
  // Both may move the entry. `value` may borrow from any entry but this one.
  Entry& assign(const Place& place, Value&& value, int64_t expires_ms);
  Entry& set_expiry(const Place& place, int64_t expires_ms);
  // Makes the value a string in memory of its own, "raw", and hands it to `change`. May move the entry.
  template <class Change>
  Entry& change_bytes(const Place& place, Change&& change) {
    keep_for_cut(place);
    Entry& entry = externalize(place);
    entry_bytes_ -= entry.external_bytes();
    change(entry.external());
    entry_bytes_ += entry.external_bytes();
    return entry;
  }
  // Hands the object of a present entry, which must be of this type, to `change` and accounts for its memory.
  template <class Type, class Change>
  void change_object(const Place& place, Change&& change) {
    keep_for_cut(place);
    auto& object = static_cast<Type&>(place.entry->mutable_object());
    entry_bytes_ -= object.memory_bytes();
    change(object);
    entry_bytes_ += object.memory_bytes();
  }
  // Takes the object out; the entry gets another value next.
  std::unique_ptr<Object> take_object(const Place& place);
  // Takes the entry out; there must be one. What leaves `for_good` may leave its string to a running snapshot.
  enum class Leaving : uint8_t { with_value, for_good };
  EntryPtr release(const Place& place, Leaving how = Leaving::with_value);
  // Frees some hundred entries of a table that is used for nothing else any more; false when nothing is left.
  bool clear_some();
  // Takes out the string that lies beside; there must be one, and the entry gets another value next.
  std::string take_text(const Place& place);
  void clear();

  // --- A snapshot of the table (table_cut.h); at most one at a time, and it outlives the cut ---
  void begin_cut(TableCut& cut);
  // The cut needs nothing any more. `whole`: its walk came to the end.
  void end_cut(bool whole);
  TableCut* cut() const { return cut_; }
  // Hands everything to the cut, if there is one; then the table is empty. To be called before another thread destroys it.
  void surrender();
  // The entry, which is in the table, is uncut no more.
  void mark_cut(const Entry& entry);
  // Visits the uncut entries of the segment at `cursor` until visit(Entry&) returns false (that entry stays uncut, and the
  // cursor where it is); true: all of them, and the cursor has gone on to the next segment (0: that was the last).
  template <class Visit>
  bool cut_segment(uint64_t& cursor, Visit&& visit);

  // Any entry with about equal chance; null when empty.
  Entry* random(RandomSource& source) const;
  // Visits `count` entries from a random place on, or all there are when those are fewer; `visit` must not change the
  // table. Where few have an expiry, those behind a long gap come more often.
  void sample(RandomSource& source, size_t count, bool expiring_only, const std::function<void(Entry&)>& visit) const;
  // Visits the entries of one cursor's bucket and returns the next cursor; 0 ends. `visit` must not change the table.
  uint64_t scan(uint64_t cursor, const std::function<void(Entry&)>& visit) const;
  // Visits the entries with an expiry of the next bucket in this segment that has any, or passes over the segment, and
  // returns the next cursor, 0 after the last. An entry that moves meanwhile may be missed in this round.
  uint64_t walk_expiring(uint64_t cursor, const std::function<void(Entry&)>& visit) const;

  // Hears of a walk that compacts the table.
  class CompactionObserver {
   public:
    virtual ~CompactionObserver() = default;
    // An entry has moved; at its old place it can still be read.
    virtual void moved(Entry& before, Entry& after) { (void)before, (void)after; }
    // The entry's value has more blocks than one step moves: compact_value() goes on at `next`.
    virtual void unfinished(const Entry& entry, const CompactionCursor& next) { (void)entry, (void)next; }
  };
  // Moves what lies in sparse slabs among the entries of the next few buckets, the blocks of small values with them, and
  // the segment when it is its turn, and returns the next cursor, 0 after the last. Addresses of entries and of objects
  // change. One step.
  uint64_t compact(uint64_t cursor, Compaction& work, CompactionObserver& observer);
  // The same for the blocks of one value; false: there are no more of them, or no such key with such a value.
  bool compact_value(std::string_view key, CompactionCursor& cursor, Compaction& work);

  template <class Visit>
  void for_each(Visit&& visit) const {
    for_each_segment([&](Segment& segment) {
      const BucketRange range = segment.buckets();
      for (unsigned index = 0; index < range.count; ++index) {
        for (const Slot slot : range.first[index].slots) {
          if (slot != 0) visit(*entry_of(slot));
        }
      }
    });
  }
  // The same until `visit` returns false; false then.
  template <class Visit>
  bool for_each_while(Visit&& visit) const {
    uint64_t position = 0;
    if (parts_ == nullptr) return true;
    do {
      const Ref ref = ref_at(position);
      position = next_interval(position, depth_of(ref));
      const BucketRange range = buckets_of(ref);
      for (unsigned index = 0; index < range.count; ++index) {
        for (const Slot slot : range.first[index].slots) {
          if (slot != 0 && !visit(*entry_of(slot))) return false;
        }
      }
    } while (position != 0);
    return true;
  }

 private:
  static constexpr unsigned kPartBits = 8;  // of a database
  static constexpr unsigned kMaxDepth = 32;

  // Directory element: pointer to the segment (bits 0 to 47), depth (48 to 55), buckets (56 to 63).
  using Ref = uint64_t;
  static Ref make_ref(Segment& segment);
  static Segment* segment_of(Ref ref) { return reinterpret_cast<Segment*>(ref & 0x0000'ffff'ffff'ffff); }
  static unsigned depth_of(Ref ref) { return static_cast<unsigned>(ref >> 48 & 0xff); }
  static BucketRange buckets_of(Ref ref) {
    return {reinterpret_cast<Bucket*>(segment_of(ref) + 1), static_cast<unsigned>(ref >> 56)};
  }

  struct Part {
    unsigned bits = 0;
    uint32_t expiring = 0;        // entries with an expiry at the part's positions
    Ref only = 0;                 // the element while bits is 0
    std::unique_ptr<Ref[]> refs;  // 2^bits elements otherwise
    Ref* data() { return bits == 0 ? &only : refs.get(); }
    size_t index(uint64_t position, unsigned part_bits) const {
      return bits == 0 ? 0 : position << part_bits >> (64 - bits);
    }
  };

  void make_parts();
  void drop_parts();
  size_t parts() const { return size_t{1} << part_bits_; }
  size_t part_number(uint64_t position) const { return position >> 1 >> (63 - part_bits_); }
  uint64_t part_start(size_t part) const { return static_cast<uint64_t>(part) << (63 - part_bits_) << 1; }
  // The fewest buckets of a segment.
  unsigned smallest() const { return part_bits_ == 0 ? Segment::kSteps.front() : Segment::kFewestOfDatabase; }
  static uint64_t position_of(uint64_t hash);
  static uint32_t place_at(uint64_t position, unsigned depth) { return static_cast<uint32_t>(position << depth >> 48); }
  static uint64_t width(unsigned depth) { return uint64_t{1} << (64 - depth); }  // depth > 0
  Ref ref_at(uint64_t position) const {
    Part& part = parts_[part_number(position)];
    return part.data()[part.index(position, part_bits_)];
  }
  const Bucket& home_of(uint64_t hash) const;  // the table must not be empty
  // The first position after the segment's interval; 0 after the last.
  static uint64_t next_interval(uint64_t position, unsigned depth) {
    return depth == 0 ? 0 : (position & ~(width(depth) - 1)) + width(depth);
  }
  // The cursor of a bucket in the segment at `position`; `index` may be one past the last.
  static uint64_t cursor_of(uint64_t position, unsigned depth, unsigned buckets, unsigned index) {
    if (index == buckets) return next_interval(position, depth) >> 16;
    const uint64_t place = (static_cast<uint64_t>(index) * 65536 + buckets - 1) / buckets;
    const uint64_t start = depth == 0 ? 0 : position & ~(width(depth) - 1);
    return (start | place << (48 - depth)) >> 16;
  }
  template <class Visit>
  void for_each_segment(Visit&& visit) const {
    if (parts_ == nullptr) return;
    uint64_t position = 0;
    do {
      const Ref ref = ref_at(position);
      position = next_interval(position, depth_of(ref));
      visit(*segment_of(ref));
    } while (position != 0);
  }

  void count_expiring(uint64_t hash, bool before, bool after) {
    expiring_ = expiring_ - before + after;
    uint32_t& here = parts_[part_number(position_of(hash))].expiring;
    here = here - before + after;
  }
  static void fetch(Slot slot) {
    prefetch_line(entry_of(slot));
    prefetch_line(reinterpret_cast<const char*>(entry_of(slot)) + 64);
  }
  // The start of the next part that has entries with an expiry, or `position` if its own has; there must be some.
  uint64_t next_expiring_part(uint64_t position) const;
  // Before the entry is changed or, with `going`, removed or given another value.
  void keep_for_cut(const Place& place, bool going = false) {
    if (cut_ != nullptr) [[unlikely]] keep_uncut(place, going);
  }
  void keep_uncut(const Place& place, bool going);
  std::string take_out_text(const Place& place);
  Entry& externalize(const Place& place);
  void replace_entry(const Place& place, EntryPtr fresh);
  // The segment at `position` has no room in reach: makes it larger or splits it.
  void make_room(uint64_t position);
  void split(uint64_t position, Segment& segment);
  // Whether an interval will hold too many entries for one segment, by expect_size().
  bool too_many_expected(uint64_t position, unsigned depth) const;
  double expected_in(uint64_t position, unsigned depth) const;
  unsigned fewest_expected(uint64_t position, unsigned depth) const;  // buckets for its first segment
  // Puts items (with positions) under the interval that starts at `position`, in one segment or, if need be, in more.
  void publish(std::span<Segment::Item> items, uint64_t position, unsigned depth, unsigned deepest);
  // After a removal: a smaller segment, or one together with its neighbour of the same depth.
  void give_back(uint64_t position, Segment& segment);
  bool merge(uint64_t position, Segment& segment);
  // Every element of the interval becomes `segment`, which is counted; the old ones are the caller's.
  void install(uint64_t position, Segment::Ptr segment);
  void discard(Segment* segment);
  using LeftTexts = std::vector<std::unique_ptr<std::string>>;
  void compact_text(Entry& entry, Compaction& work, LeftTexts& left);
  static void compact_object(Entry& entry, Compaction& work, CompactionObserver& observer);
  void compact_bucket(Bucket& bucket, Compaction& work, CompactionObserver& observer, LeftTexts& left);
  Segment* compact_segment(uint64_t position, Segment* segment, Compaction& work);
  static void compact_directory(Part& part, Compaction& work);
  void double_part(Part& part);
  void trim_part(Part& part);

  // What look-ups read comes first.
  Part* parts_ = nullptr;  // null before the first key; of a collection: only_part_
  Part only_part_;
  unsigned part_bits_;
  HashSeed seed_;
  KnownHash known_;
  // Of the thread: objects are made by the one that decodes a file, too.
  static inline constinit thread_local KnownHash known_element_;
  size_t size_ = 0;
  size_t expiring_ = 0;
  size_t segments_ = 0;
  bool shrinking_ = true;
  uint8_t colour_ = 0;       // of entries that are not uncut, and of all when there is no cut; where it is in a slot
  uint8_t broken_cuts_ = 0;  // since the last whole one: so many colours may be in use
  size_t entry_bytes_ = 0;
  size_t index_bytes_ = 0;
  uint64_t expected_ = 0;  // entries, while loading; 0: not known
  uint64_t cleared_ = 0;  // positions below are freed: clear_some() goes on here
  TableCut* cut_ = nullptr;
};

template <class Visit>
bool Dict::cut_segment(uint64_t& cursor, Visit&& visit) {
  if (parts_ == nullptr) {
    cursor = 0;
    return true;
  }
  const Ref ref = ref_at(cursor);
  const BucketRange range = buckets_of(ref);
  std::array<Slot*, Segment::kMaxEntries> uncut;
  unsigned count = 0;
  for (unsigned index = 0; index < range.count; ++index) {
    for (Slot& slot : range.first[index].slots) {
      if (slot != 0 && (slot & kSlotColourMask) != colour_) uncut[count++] = &slot;
    }
  }
  // The entries lie anywhere, so they are fetched ahead: several at once, because what each waits for is its page's
  // address, and the processor looks up more than one at a time only where nothing else stands between.
  constexpr unsigned kTogether = 8;
  const auto fetch_some = [&](unsigned from) {
    for (unsigned i = from; i < std::min(from + kTogether, count); ++i) fetch(*uncut[i]);
  };
  fetch_some(0);
  for (unsigned i = 0; i < count; ++i) {
    if (i % kTogether == 0) fetch_some(i + kTogether);
    if (!visit(*entry_of(*uncut[i]))) return false;
    *uncut[i] = (*uncut[i] & ~kSlotColourMask) | colour_;
  }
  cursor = next_interval(cursor, depth_of(ref));
  return true;
}

}  // namespace holdfast::node
