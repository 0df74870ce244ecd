#include "node/keyspace/dict.h"

#include <algorithm>
#include <utility>

#include "common/base/assert.h"
#include "node/types/touch.h"

namespace holdfast::node {
namespace {

constexpr size_t kCacheLine = 64;

// The second line too: most entries with an embedded value reach into it, and nothing tells before the first is there.
void fetch_entry(const Entry* entry) {
  prefetch_line(entry);
  prefetch_line(reinterpret_cast<const char*>(entry) + kCacheLine);
}

}  // namespace

Dict::Dict(Dict&& other) noexcept : part_bits_(other.part_bits_), seed_(other.seed_) { *this = std::move(other); }

Dict& Dict::operator=(Dict&& other) noexcept {
  if (this == &other) return *this;
  clear();
  colour_ = other.colour_;
  broken_cuts_ = other.broken_cuts_;
  cut_ = std::exchange(other.cut_, nullptr);
  if (cut_ != nullptr) cut_->moved(*this);
  seed_ = other.seed_;
  part_bits_ = other.part_bits_;
  known_ = {};
  shrinking_ = other.shrinking_;
  size_ = std::exchange(other.size_, 0);
  expiring_ = std::exchange(other.expiring_, 0);
  segments_ = std::exchange(other.segments_, 0);
  entry_bytes_ = std::exchange(other.entry_bytes_, 0);
  index_bytes_ = std::exchange(other.index_bytes_, 0);
  cleared_ = std::exchange(other.cleared_, 0);
  parts_ = std::exchange(other.parts_, nullptr);
  if (parts_ == &other.only_part_) {
    only_part_ = std::exchange(other.only_part_, {});
    parts_ = &only_part_;
  }
  return *this;
}

void Dict::make_parts() {
  if (part_bits_ == 0) {
    parts_ = &only_part_;
    return;
  }
  parts_ = new Part[parts()];
  index_bytes_ += parts() * sizeof(Part);
}

void Dict::drop_parts() {
  if (parts_ != &only_part_) delete[] parts_;
  only_part_ = {};
  parts_ = nullptr;
}

uint64_t Dict::position_of(uint64_t hash) {
  const auto product = static_cast<uint64_t>(static_cast<unsigned __int128>(hash) * ~hash >> 64);
  return hash + product / 3;
}

// --- Look-ups ---

const Bucket& Dict::home_of(uint64_t hash) const {
  const uint64_t position = position_of(hash);
  const Ref ref = ref_at(position);
  const BucketRange range = buckets_of(ref);
  return range.first[range.home(place_at(position, depth_of(ref)))];
}

const Bucket* Dict::prefetch_bucket(uint64_t hash) const {
  if (parts_ == nullptr) return nullptr;
  const Bucket& bucket = home_of(hash);
  prefetch_line(&bucket);
  return &bucket;
}

const Entry* Dict::prefetch_entry(const Bucket* bucket, uint64_t hash) {
  if (bucket == nullptr) return nullptr;
  const Entry* seen = nullptr;
  bucket->any_tagged(static_cast<uint8_t>(hash), [&](unsigned slot) {
    if (bucket->slots[slot] == 0) return false;
    const Entry* entry = entry_of(bucket->slots[slot]);
    fetch_entry(entry);
    if (seen == nullptr) seen = entry;
    return false;
  });
  if (seen == nullptr && bucket->overflow > 0) prefetch_line(bucket + 1);
  return seen;
}

const Entry* Dict::prefetch_displaced(uint64_t hash) const {
  constexpr unsigned kNear = 3;  // few lie farther away
  const uint64_t position = position_of(hash);
  const Ref ref = ref_at(position);
  const BucketRange range = buckets_of(ref);
  const uint32_t place = place_at(position, depth_of(ref));
  unsigned index = range.home(place);
  for (unsigned distance = 1; distance <= kNear; ++distance) {
    index = index + 1 == range.count ? 0 : index + 1;
    const Slot slot = range.first[index].likely(static_cast<uint8_t>(hash), place);
    if (slot == 0) continue;
    fetch_entry(entry_of(slot));
    return entry_of(slot);
  }
  return nullptr;
}

bool Dict::prefetch(Trail& trail, unsigned step) const {
  switch (step) {
    case 0:
      touch(this);
      touch(reinterpret_cast<const char*>(this + 1) - 1);
      return true;
    case 1: {
      if (parts_ == nullptr) return false;
      const uint64_t position = position_of(trail.hash);
      const Part& part = parts_[part_number(position)];
      if (part.bits > 0) touch(part.refs.get() + part.index(position, part_bits_));
      return true;
    }
    case 2:
      trail.bucket = &home_of(trail.hash);
      touch(trail.bucket);
      return true;
    case 3:
      trail.entry = prefetch_entry(trail.bucket, trail.hash);
      return trail.entry != nullptr || may_be_displaced(trail.bucket);
    default:
      if (trail.entry == nullptr) trail.entry = prefetch_displaced(trail.hash);
      return trail.entry != nullptr;
  }
}

Dict::Place Dict::locate(std::string_view key) const {
  Place result{.hash = hash(key)};
  if (parts_ == nullptr) return result;
  const uint64_t position = position_of(result.hash);
  const Ref ref = ref_at(position);
  const BucketRange range = buckets_of(ref);
  const uint32_t place = place_at(position, depth_of(ref));
  const auto tag = static_cast<uint8_t>(result.hash);
  const auto matches = [&](const Bucket& bucket, unsigned slot) {
    const Slot value = bucket.slots[slot];
    return place_of(value) == place && value != 0 && entry_of(value)->has_key(key);
  };
  Bucket& bucket = range.first[range.home(place)];
  const bool at_home = bucket.any_tagged(tag, [&](unsigned slot) {
    result.at = {&bucket, slot};
    return matches(bucket, slot);
  });
  if (!at_home) {
    result.at = {};
    if (bucket.overflow > 0) {
      result.at = Segment::find_displaced(range, range.home(place), tag, matches);
    }
    if (!result.at) return result;
  }
  result.entry = entry_of(result.at.bucket->slots[result.at.slot]);
  result.segment = segment_of(ref);
  return result;
}

// --- Changes ---

Entry& Dict::insert(uint64_t hash, std::string_view key, Value&& value, int64_t expires_ms) {
  if (parts_ == nullptr) {
    make_parts();
    install(0, Segment::build({}, 0, smallest()));
  }
  EntryPtr entry = Entry::create(key, std::move(value), expires_ms);
  const uint64_t position = position_of(hash);
  for (;;) {
    const Ref ref = ref_at(position);
    const Slot slot = make_slot(entry.get(), place_at(position, depth_of(ref))) | colour_;
    if (segment_of(ref)->place(buckets_of(ref), slot, static_cast<uint8_t>(hash))) break;
    make_room(position);
  }
  ++size_;
  if (expires_ms != Entry::kNoExpiry) count_expiring(hash, false, true);
  entry_bytes_ += entry->memory_bytes();
  return *entry.release();
}

void Dict::replace_entry(const Place& place, EntryPtr fresh) {
  fresh->access_ = place.entry->access_;
  place.segment->repoint(place.at, fresh.release());
  EntryDeleter()(place.entry);
}

Entry& Dict::assign(const Place& place, Value&& value, int64_t expires_ms) {
  keep_for_cut(place, true);
  Entry& old = *place.entry;
  if (old.overwrite(value, expires_ms)) return old;
  entry_bytes_ -= old.memory_bytes();
  count_expiring(place.hash, old.has_expiry(), expires_ms != Entry::kNoExpiry);
  if (old.assign_in_place(value, expires_ms)) {
    place.segment->repoint(place.at, &old);
  } else {
    replace_entry(place, Entry::create(old.key(), std::move(value), expires_ms));
  }
  Entry& entry = *entry_of(place.at.bucket->slots[place.at.slot]);
  entry_bytes_ += entry.memory_bytes();
  return entry;
}

Entry& Dict::set_expiry(const Place& place, int64_t expires_ms) {
  keep_for_cut(place);
  Entry& old = *place.entry;
  entry_bytes_ -= old.memory_bytes();
  count_expiring(place.hash, old.has_expiry(), expires_ms != Entry::kNoExpiry);
  if (old.set_expiry_in_place(expires_ms)) {
    place.segment->repoint(place.at, &old);
  } else if (old.lies_beside()) {
    // A moved-from string stays with the old block until that is freed.
    replace_entry(place, Entry::create(old.key(), old.take_value(), expires_ms));
  } else {
    replace_entry(place, Entry::create(old.key(), old.value(), expires_ms));
  }
  Entry& entry = *entry_of(place.at.bucket->slots[place.at.slot]);
  entry_bytes_ += entry.memory_bytes();
  return entry;
}

Entry& Dict::externalize(const Place& place) {
  if (place.entry->payload() == Entry::Payload::external) return *place.entry;
  Value::Scratch scratch;
  std::string text(place.entry->value().bytes(scratch));
  EntryPtr fresh = Entry::create_external(place.entry->key(), std::move(text), place.entry->expires_ms());
  entry_bytes_ += fresh->memory_bytes();
  entry_bytes_ -= place.entry->memory_bytes();
  Entry& entry = *fresh;
  replace_entry(place, std::move(fresh));
  return entry;
}

EntryPtr Dict::release(const Place& place, Leaving how) {
  keep_for_cut(place, how == Leaving::for_good);
  EntryPtr gone(place.entry);
  --size_;
  if (gone->has_expiry()) count_expiring(place.hash, true, false);
  entry_bytes_ -= gone->memory_bytes();
  place.segment->remove(place.at);
  if (size_ == 0 && segments_ > 1) {
    clear();
  } else {
    give_back(position_of(place.hash), *place.segment);
  }
  return gone;
}

std::unique_ptr<Object> Dict::take_object(const Place& place) {
  keep_for_cut(place, true);
  entry_bytes_ -= place.entry->external_bytes();
  return place.entry->take_value().take_object();
}

std::string Dict::take_text(const Place& place) {
  keep_for_cut(place, true);
  return take_out_text(place);
}

std::string Dict::take_out_text(const Place& place) {
  entry_bytes_ -= place.entry->external_bytes();
  std::string text = std::move(place.entry->external());
  entry_bytes_ += place.entry->external_bytes();
  return text;
}

bool Dict::clear_some() {
  if (parts_ == nullptr) return false;
  const Ref ref = ref_at(cleared_);
  cleared_ = next_interval(cleared_, depth_of(ref));
  const BucketRange range = buckets_of(ref);
  for (unsigned index = 0; index < range.count; ++index) {
    for (const Slot slot : range.first[index].slots) {
      if (slot != 0) EntryDeleter()(entry_of(slot));
    }
  }
  Segment::Free()(segment_of(ref));
  if (cleared_ != 0) return true;
  drop_parts();
  size_ = expiring_ = segments_ = entry_bytes_ = index_bytes_ = 0;
  return false;
}

void Dict::clear() {
  surrender();
  while (clear_some()) {
  }
}

// --- Snapshots ---

void Dict::begin_cut(TableCut& cut) {
  HOLDFAST_ASSERT(cut_ == nullptr);
  if (broken_cuts_ == kSlotColours - 1) {
    // Every colour may be in use: all entries take the present one. This needs many snapshots in a row that failed.
    for_each_segment([&](Segment& segment) {
      const BucketRange range = segment.buckets();
      for (unsigned index = 0; index < range.count; ++index) {
        for (Slot& slot : range.first[index].slots) {
          if (slot != 0) slot = (slot & ~kSlotColourMask) | colour_;
        }
      }
    });
    broken_cuts_ = 0;
  }
  colour_ = static_cast<uint8_t>((colour_ + (1U << kSlotColourShift)) & kSlotColourMask);
  ++broken_cuts_;
  cut_ = &cut;
}

void Dict::end_cut(bool whole) {
  cut_ = nullptr;
  if (whole) broken_cuts_ = 0;
}

void Dict::surrender() {
  if (cut_ != nullptr) cut_->adopt(std::move(*this));
}

void Dict::mark_cut(const Entry& entry) {
  const Place place = locate(entry.key());
  Slot& slot = place.at.bucket->slots[place.at.slot];
  slot = (slot & ~kSlotColourMask) | colour_;
}

void Dict::keep_uncut(const Place& place, bool going) {
  Slot& slot = place.at.bucket->slots[place.at.slot];
  if ((slot & kSlotColourMask) == colour_) return;
  slot = (slot & ~kSlotColourMask) | colour_;
  Entry& entry = *place.entry;
  if (going && entry.payload() == Entry::Payload::external && entry.external().size() >= kWorthTaking) {
    std::string text = take_out_text(place);
    cut_->preserve(entry, &text, going);
  } else {
    cut_->preserve(entry, nullptr, going);
  }
}

// --- Walking ---

Entry* Dict::random(RandomSource& source) const {
  if (size_ == 0) return nullptr;
  for (;;) {
    // A random hash hits a segment in proportion to the keys it is expected to hold.
    Segment& segment = *segment_of(ref_at(position_of(source.next())));
    const BucketRange range = segment.buckets();
    const unsigned slots = range.count * Bucket::kSlots;
    if (segment.count() == 0) continue;
    if (segment.count() * 8 >= slots) {
      for (;;) {
        const auto pick = static_cast<unsigned>(source.below(slots));
        const Slot slot = range.first[pick / Bucket::kSlots].slots[pick % Bucket::kSlots];
        if (slot != 0) return entry_of(slot);
      }
    }
    Segment::Item items[Segment::kMaxEntries];
    return entry_of(items[source.below(segment.collect(items))].slot);
  }
}

uint64_t Dict::next_expiring_part(uint64_t position) const {
  size_t part = part_number(position);
  if (parts_[part].expiring > 0) return position;
  do part = (part + 1) % parts();
  while (parts_[part].expiring == 0);
  return part_start(part);
}

void Dict::sample(RandomSource& source, size_t count, bool expiring_only,
                  const std::function<void(Entry&)>& visit) const {
  if ((expiring_only ? expiring_ : size_) == 0) return;
  uint64_t position = position_of(source.next());
  // Anywhere in the first bucket, or entries in late slots would come less often.
  auto slot = static_cast<unsigned>(source.below(Bucket::kSlots));
  std::array<Entry*, Bucket::kSlots> found;
  for (size_t left = segments_ + 1; left > 0 && count > 0; --left) {
    if (expiring_only) position = next_expiring_part(position);
    const Ref ref = ref_at(position);
    const unsigned depth = depth_of(ref);
    const BucketRange range = buckets_of(ref);
    unsigned index = range.home(place_at(position, depth));
    if (expiring_only && segment_of(ref)->expiring() == 0) index = range.count;
    for (; index < range.count && count > 0; ++index, slot = 0) {
      size_t here = 0;
      for (; slot < Bucket::kSlots && here < count; ++slot) {
        const Slot value = range.first[index].slots[slot];
        if (value == 0 || (expiring_only && (value & kSlotExpires) == 0)) continue;
        found[here++] = entry_of(value);
        touch(entry_of(value));
      }
      for (size_t i = 0; i < here; ++i) visit(*found[i]);
      count -= here;
    }
    position = next_interval(position, depth);
  }
}

uint64_t Dict::scan(uint64_t cursor, const std::function<void(Entry&)>& visit) const {
  if (size_ == 0) return 0;
  // Cursors leave out the lowest 16 bits: below the start of any bucket at any depth they are 0.
  const uint64_t position = cursor << 16;
  const Ref ref = ref_at(position);
  const BucketRange range = buckets_of(ref);
  const unsigned depth = depth_of(ref);
  const unsigned home = range.home(place_at(position, depth));
  Segment::for_home(range, home, [&](Bucket& bucket, unsigned slot) {
    visit(*entry_of(bucket.slots[slot]));
    return false;
  });
  return cursor_of(position, depth, range.count, home + 1);
}

uint64_t Dict::walk_expiring(uint64_t cursor, const std::function<void(Entry&)>& visit) const {
  if (size_ == 0) return 0;
  const uint64_t position = cursor << 16;
  const Ref ref = ref_at(position);
  const unsigned depth = depth_of(ref);
  if (segment_of(ref)->expiring() == 0) return next_interval(position, depth) >> 16;
  const BucketRange range = buckets_of(ref);
  unsigned index = range.home(place_at(position, depth));
  for (bool any = false;; ++index) {
    for (const Slot slot : range.first[index].slots) {
      if ((slot & kSlotExpires) == 0) continue;
      visit(*entry_of(slot));
      any = true;
    }
    if (any || index + 1 == range.count) break;
  }
  return cursor_of(position, depth, range.count, index + 1);
}

}  // namespace holdfast::node
