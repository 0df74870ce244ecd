// How the table's blocks are moved out of sparse memory: a few buckets at a time. The entry of an object is moved like any
// other; the object itself and the blocks inside move by its own doing, those of a large one over many steps.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>
#include <vector>

#include "node/keyspace/dict.h"

namespace holdfast::node {
namespace {

constexpr unsigned kBucketsAtOnce = 4;

}  // namespace

void Dict::compact_text(Entry& entry, Compaction& work, LeftTexts& left) {
  std::string& text = entry.external();
  const void* blocks[] = {&text, text.data()};
  size_t slabs[2] = {};
  work.find_sparse(blocks, slabs);
  const bool stays = slabs[0] == 0 && slabs[1] == 0;
  work.spend(1);
  ++(stays ? work.count.kept_blocks : work.count.moved_blocks);
  if (stays) return;
  auto fresh = std::make_unique<std::string>();
  fresh->reserve(text.capacity());
  fresh->assign(text);
  entry_bytes_ -= entry.external_bytes();
  left.emplace_back(&text);
  entry.store(entry.word_offset(), reinterpret_cast<intptr_t>(fresh.release()));
  entry_bytes_ += entry.external_bytes();
}

void Dict::compact_object(Entry& entry, Compaction& work, CompactionObserver& observer) {
  Object* const moved = entry.mutable_object().relocate(work);
  if (moved != nullptr) entry.store(entry.word_offset(), std::bit_cast<int64_t>(moved));
  CompactionCursor next;
  if (entry.mutable_object().compact(next, work)) observer.unfinished(entry, next);
}

void Dict::compact_bucket(Bucket& bucket, Compaction& work, CompactionObserver& observer, LeftTexts& left) {
  std::array<Slot*, Bucket::kSlots> slots;
  std::array<const void*, Bucket::kSlots> blocks;
  std::array<size_t, Bucket::kSlots> slabs;
  size_t found = 0;
  for (Slot& slot : bucket.slots) {
    if (slot == 0) continue;
    slots[found] = &slot;
    blocks[found++] = entry_of(slot);
  }
  if (found == 0) return work.spend(1);
  work.find_sparse({blocks.data(), found}, {slabs.data(), found});
  for (size_t i = 0; i < found; ++i) {
    const size_t before = work.count.moved_blocks;
    Entry* entry = entry_of(*slots[i]);
    const size_t bytes = entry->block_bytes();
    if (void* place = work.place_for(entry, slabs[i], bytes, BlockKind::plain); place != nullptr) {
      std::memcpy(place, static_cast<void*>(entry), bytes);
      *slots[i] = (*slots[i] & ~kSlotPointerMask) | reinterpret_cast<uintptr_t>(place);
      observer.moved(*entry, *entry_of(*slots[i]));
      work.release(entry, BlockKind::plain);
      entry = entry_of(*slots[i]);
    }
    if (entry->payload() == Entry::Payload::external) compact_text(*entry, work, left);
    if (entry->payload() == Entry::Payload::object) compact_object(*entry, work, observer);
    ++(work.count.moved_blocks == before ? work.count.kept_keys : work.count.moved_keys);
  }
}

Segment* Dict::compact_segment(uint64_t position, Segment* segment, Compaction& work) {
  const size_t bytes = segment->memory_bytes();
  void* place = work.place_for(segment, work.slab_to_leave(segment), bytes, BlockKind::plain, alignof(Segment));
  if (place == nullptr) return segment;
  std::memcpy(place, static_cast<void*>(segment), bytes);
  auto* fresh = static_cast<Segment*>(place);
  install(position, Segment::Ptr(fresh));
  index_bytes_ -= bytes;
  --segments_;
  work.release(segment, BlockKind::plain);
  return fresh;
}

void Dict::compact_directory(Part& part, Compaction& work) {
  if (part.bits == 0) return;
  const size_t bytes = sizeof(Ref) << part.bits;
  void* place = work.place_for(part.refs.get(), bytes, BlockKind::array);
  if (place == nullptr) return;
  std::memcpy(place, part.refs.get(), bytes);
  work.release(part.refs.release(), BlockKind::array);
  part.refs.reset(static_cast<Ref*>(place));
}

uint64_t Dict::compact(uint64_t cursor, Compaction& work, CompactionObserver& observer) {
  if (size_ == 0) return 0;
  const uint64_t position = cursor << 16;
  Segment* segment = segment_of(ref_at(position));
  const unsigned depth = segment->depth();
  unsigned index = segment->buckets().home(place_at(position, depth));
  if (index == 0) {
    const size_t part = part_number(position);
    if (position == part_start(part)) compact_directory(parts_[part], work);
    segment = compact_segment(position, segment, work);
  }
  const BucketRange range = segment->buckets();
  const unsigned end = std::min(index + kBucketsAtOnce, range.count);
  // What lies beside is freed at the end: freed at once, an allocator would hand the same block out again.
  LeftTexts left;
  do {
    compact_bucket(range.first[index++], work, observer, left);
  } while (index < end && !work.enough());
  return cursor_of(position, depth, range.count, index);
}

bool Dict::compact_value(std::string_view key, CompactionCursor& cursor, Compaction& work) {
  const Entry* entry = find(key);
  if (entry == nullptr || entry->payload() != Entry::Payload::object) return false;
  return entry->mutable_object().compact(cursor, work);
}

}  // namespace holdfast::node
