// How the table grows and shrinks: one segment at a time.
#include <algorithm>
#include <utility>

#include "common/base/assert.h"
#include "node/keyspace/dict.h"
#include "node/types/touch.h"

namespace holdfast::node {

Dict::Ref Dict::make_ref(Segment& segment) {
  return reinterpret_cast<uintptr_t>(&segment) | static_cast<Ref>(segment.depth()) << 48 |
         static_cast<Ref>(segment.buckets().count) << 56;
}

void Dict::discard(Segment* segment) {
  index_bytes_ -= segment->memory_bytes();
  --segments_;
  Segment::Free()(segment);
}

void Dict::double_part(Part& part) {
  const size_t old_size = size_t{1} << part.bits;
  auto refs = std::make_unique<Ref[]>(old_size * 2);
  for (size_t i = 0; i < old_size; ++i) refs[2 * i] = refs[2 * i + 1] = part.data()[i];
  index_bytes_ += old_size * 2 * sizeof(Ref) - (part.bits == 0 ? 0 : old_size * sizeof(Ref));
  part.refs = std::move(refs);
  ++part.bits;
}

void Dict::trim_part(Part& part) {
  while (part.bits > 0) {
    const size_t size = size_t{1} << part.bits;
    const unsigned deepest = part_bits_ + part.bits;
    if (std::any_of(part.refs.get(), part.refs.get() + size, [&](Ref ref) { return depth_of(ref) >= deepest; })) return;
    if (part.bits == 1) {
      part.only = part.refs[0];
      part.refs.reset();
    } else {
      auto refs = std::make_unique<Ref[]>(size / 2);
      for (size_t i = 0; i < size / 2; ++i) refs[i] = part.refs[2 * i];
      part.refs = std::move(refs);
    }
    index_bytes_ -= (part.bits == 1 ? size : size / 2) * sizeof(Ref);
    --part.bits;
  }
}

void Dict::install(uint64_t position, Segment::Ptr segment) {
  const unsigned depth = segment->depth();
  const Ref ref = make_ref(*segment);
  index_bytes_ += segment->memory_bytes();
  ++segments_;
  (void)segment.release();  // the directory owns it now
  const size_t first = part_number(position);
  if (depth <= part_bits_) {
    const size_t parts = size_t{1} << (part_bits_ - depth);
    const size_t start = first & ~(parts - 1);
    for (size_t i = start; i < start + parts; ++i) {
      Part& part = parts_[i];
      std::fill_n(part.data(), size_t{1} << part.bits, ref);
    }
    return;
  }
  Part& part = parts_[first];
  while (part.bits < depth - part_bits_) double_part(part);
  const size_t count = size_t{1} << (part.bits - (depth - part_bits_));
  const size_t start = part.index(position, part_bits_) & ~(count - 1);
  std::fill_n(part.data() + start, count, ref);
}

DictStatistics Dict::statistics() const {
  DictStatistics found{.entries = size_, .expiring = expiring_, .segments = segments_};
  for_each_segment([&](Segment& segment) {
    const BucketRange range = segment.buckets();
    found.buckets += range.count;
    for (unsigned i = 0; i < range.count; ++i) {
      const Bucket& bucket = range.first[i];
      found.displaced += bucket.overflow;
      ++found.fill[static_cast<size_t>(std::ranges::count_if(bucket.slots, [](Slot slot) { return slot != 0; }))];
    }
  });
  return found;
}

void Dict::make_room(uint64_t position) {
  Segment& segment = *segment_of(ref_at(position));
  const unsigned buckets = segment.buckets().count;
  if (buckets < Segment::kSteps.back()) {
    Segment::Item items[Segment::kMaxEntries];
    const unsigned count = segment.collect(items);
    if (Segment::Ptr larger = Segment::build({items, count}, segment.depth(), buckets + 1)) {
      install(position, std::move(larger));
      discard(&segment);
      return;
    }
  }
  split(position, segment);
}

void Dict::split(uint64_t position, Segment& segment) {
  Segment::Item items[Segment::kMaxEntries];
  const unsigned count = segment.collect(items);
  const unsigned depth = segment.depth();
  // The hash is not kept: the keys are read again. They lie anywhere, so they are fetched ahead.
  constexpr unsigned kAhead = 16;
  for (unsigned i = 0; i < std::min(kAhead, count); ++i) prefetch_line(entry_of(items[i].slot));
  for (unsigned i = 0; i < count; ++i) {
    if (i + kAhead < count) prefetch_line(entry_of(items[i + kAhead].slot));
    items[i].position = position_of(hash(entry_of(items[i].slot)->key()));
  }
  discard(&segment);
  const uint64_t start = depth == 0 ? 0 : position & ~(width(depth) - 1);
  const auto upper = start | width(depth + 1);
  auto* middle = std::partition(items, items + count, [&](const auto& item) { return item.position < upper; });
  // Where more is expected it is cut small at once; part by part, so that no single insertion has much to do.
  const unsigned deepest = depth < part_bits_ ? part_bits_ : kMaxDepth;
  publish({items, middle}, start, depth + 1, deepest);
  publish({middle, items + count}, upper, depth + 1, deepest);
}

void Dict::publish(std::span<Segment::Item> items, uint64_t position, unsigned depth, unsigned deepest) {
  HOLDFAST_ASSERT(depth <= kMaxDepth);  // the hash is seeded: nobody can aim at one interval
  const bool cut = depth < deepest && too_many_expected(position, depth);
  if (!cut) {
    for (auto& item : items) {
      item.slot = (item.slot & ~(Slot{0xffff} << 48)) | static_cast<Slot>(place_at(item.position, depth)) << 48;
    }
    const unsigned fewest = depth < part_bits_ ? smallest() : fewest_expected(position, depth);
    if (Segment::Ptr segment = Segment::build(items, depth, fewest)) return install(position, std::move(segment));
  }
  const uint64_t upper = position | width(depth + 1);
  auto middle = std::partition(items.begin(), items.end(), [&](const auto& item) { return item.position < upper; });
  publish({items.begin(), middle}, position, depth + 1, deepest);
  publish({middle, items.end()}, upper, depth + 1, deepest);
}

void Dict::give_back(uint64_t position, Segment& segment) {
  const unsigned count = segment.count();
  if (!shrinking_ || count % 8 != 0) return;  // what follows costs something
  if (merge(position, segment)) return;
  const unsigned step = Segment::roomy_step(count, smallest());
  if (step >= segment.buckets().count) return;
  Segment::Item items[Segment::kMaxEntries];
  segment.collect(items);
  Segment::Ptr smaller = Segment::build({items, count}, segment.depth(), step);
  if (smaller == nullptr || smaller->buckets().count >= segment.buckets().count) return;
  install(position, std::move(smaller));
  discard(&segment);
}

bool Dict::merge(uint64_t position, Segment& segment) {
  // Two segments become one when it is about three quarters full; a split leaves far more: nothing goes to and fro.
  constexpr unsigned kMostTogether = 200;
  const unsigned depth = segment.depth();
  if (depth == 0 || segment.count() > kMostTogether / 2) return false;
  const uint64_t start = position & ~(width(depth) - 1);
  const Ref other_ref = ref_at(start ^ width(depth));
  Segment& other = *segment_of(other_ref);
  if (depth_of(other_ref) != depth || segment.count() + other.count() > kMostTogether) return false;
  Segment::Item items[2 * Segment::kMaxEntries];
  const bool is_upper = (start & width(depth)) != 0;
  unsigned count = (is_upper ? other : segment).collect(items);
  const unsigned lower = count;
  count += (is_upper ? segment : other).collect(items + count);
  for (unsigned i = 0; i < count; ++i) {
    const Slot place = place_of(items[i].slot) >> 1 | (i < lower ? 0 : 0x8000);
    items[i].slot = (items[i].slot & ~(Slot{0xffff} << 48)) | place << 48;
  }
  Segment::Ptr both = Segment::build({items, count}, depth - 1, smallest());
  if (both == nullptr) return false;
  install(start & ~width(depth), std::move(both));
  discard(&segment);
  discard(&other);
  if (depth > part_bits_) trim_part(parts_[part_number(start)]);
  return true;
}

}  // namespace holdfast::node
