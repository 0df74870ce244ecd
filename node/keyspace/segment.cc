#include "node/keyspace/segment.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "common/base/assert.h"

namespace holdfast::node {

Slot make_slot(const Entry* entry, uint32_t place) {
  const auto pointer = reinterpret_cast<uintptr_t>(entry);
  HOLDFAST_ASSERT((pointer & ~kSlotPointerMask) == 0);
  return static_cast<Slot>(place) << 48 | pointer | (entry->has_expiry() ? kSlotExpires : 0);
}

Segment::Ptr Segment::create(unsigned depth, unsigned buckets) {
  void* memory = std::aligned_alloc(alignof(Segment), bytes_for(buckets));
  if (memory == nullptr) throw std::bad_alloc();
  Ptr segment(new (memory) Segment(depth, buckets));
  std::memset(static_cast<void*>(segment->buckets().first), 0, buckets * sizeof(Bucket));
  return segment;
}

Segment::Ptr Segment::build(std::span<const Item> items, unsigned depth, unsigned fewest) {
  for (const unsigned step : kSteps) {
    // Nearly full segments do not take everything within reach: not worth a try.
    if (step < fewest || items.size() * 100 > step * Bucket::kSlots * 95) continue;
    Ptr segment = create(depth, step);
    bool all = true;
    for (const Item& item : items) {
      if (!(all = segment->place(item.slot, item.tag))) break;
    }
    if (all) return segment;
  }
  return nullptr;
}

unsigned Segment::roomy_step(unsigned count, unsigned fewest) {
  for (const unsigned step : kSteps) {
    if (step >= fewest && count * 100 <= step * Bucket::kSlots * 62) return step;
  }
  return kSteps.back();
}

bool Segment::place(BucketRange range, Slot value, uint8_t tag) {
  const unsigned home = range.home(place_of(value));
  const unsigned reach = std::min(kReach, range.count - 1);
  for (unsigned distance = 0; distance <= reach; ++distance) {
    const unsigned index = home + distance < range.count ? home + distance : home + distance - range.count;
    Bucket& bucket = range.first[index];
    const unsigned slot = bucket.free_slot();
    if (slot == Bucket::kSlots) continue;
    bucket.slots[slot] = value;
    bucket.tags[slot] = tag;
    if (distance > 0) ++range.first[home].overflow;
    ++count_;
    expiring_ = static_cast<uint16_t>(expiring_ + (value & kSlotExpires));
    return true;
  }
  return false;
}

void Segment::remove(Found at) {
  const BucketRange range = buckets();
  const auto index = static_cast<unsigned>(at.bucket - range.first);
  const Slot gone = at.bucket->slots[at.slot];
  const unsigned home = range.home(place_of(gone));
  if (home != index) --range.first[home].overflow;
  at.bucket->slots[at.slot] = 0;
  at.bucket->tags[at.slot] = 0;
  --count_;
  expiring_ = static_cast<uint16_t>(expiring_ - (gone & kSlotExpires));
  if (at.bucket->overflow == 0) return;
  // Fetch one entry back home, so that look-ups stay short.
  const Found away = for_home(range, index, [&](Bucket& bucket, unsigned) { return &bucket != at.bucket; });
  HOLDFAST_ASSERT(away);
  at.bucket->slots[at.slot] = std::exchange(away.bucket->slots[away.slot], 0);
  at.bucket->tags[at.slot] = std::exchange(away.bucket->tags[away.slot], 0);
  --at.bucket->overflow;
}

void Segment::repoint(Found at, const Entry* entry) {
  const Slot old = at.bucket->slots[at.slot];
  const Slot now = make_slot(entry, place_of(old)) | (old & kSlotColourMask);
  at.bucket->slots[at.slot] = now;
  expiring_ = static_cast<uint16_t>(expiring_ - (old & kSlotExpires) + (now & kSlotExpires));
}

unsigned Segment::collect(Item* items) {
  const BucketRange range = buckets();
  unsigned found = 0;
  for (unsigned index = 0; index < range.count; ++index) {
    const Bucket& bucket = range.first[index];
    for (unsigned slot = 0; slot < Bucket::kSlots; ++slot) {
      if (bucket.slots[slot] != 0) items[found++] = {bucket.slots[slot], bucket.tags[slot], 0};
    }
  }
  return found;
}

}  // namespace holdfast::node
