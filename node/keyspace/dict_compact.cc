// How the table's blocks are moved out of sparse memory: a few buckets at a time. The entry of an object is moved like any
// other, its pointer with it; the blocks inside the object stay where they are.
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "node/keyspace/dict.h"

namespace holdfast::node {
namespace {

// So many entries make some ten microseconds of work.
constexpr unsigned kBucketsAtOnce = 4;
constexpr unsigned kEntriesAtOnce = kBucketsAtOnce * Bucket::kSlots;

}  // namespace

bool Dict::compact_text(Entry& entry, BlockMover& mover, std::vector<std::unique_ptr<std::string>>& left) {
  std::string& text = entry.external();
  const void* blocks[] = {&text, text.data()};
  size_t slabs[2] = {};
  mover.find_sparse(blocks, slabs);
  if (slabs[0] == 0 && slabs[1] == 0) return false;
  auto fresh = std::make_unique<std::string>();
  fresh->reserve(text.capacity());
  fresh->assign(text);
  entry_bytes_ -= entry.external_bytes();
  left.emplace_back(&text);
  entry.store(entry.word_offset(), reinterpret_cast<intptr_t>(fresh.release()));
  entry_bytes_ += entry.external_bytes();
  return true;
}

void Dict::compact_entries(BucketRange range, unsigned first, unsigned end, BlockMover& mover, CompactionCount& count) {
  std::array<Slot*, kEntriesAtOnce> slots;
  std::array<const void*, kEntriesAtOnce> blocks;
  std::array<size_t, kEntriesAtOnce> slabs;
  size_t found = 0;
  for (unsigned index = first; index < end; ++index) {
    for (Slot& slot : range.first[index].slots) {
      if (slot == 0) continue;
      slots[found] = &slot;
      blocks[found++] = entry_of(slot);
    }
  }
  mover.find_sparse({blocks.data(), found}, {slabs.data(), found});
  // What lies beside is freed at the end: freed at once, an allocator would hand the same block out again.
  std::vector<std::unique_ptr<std::string>> left;
  for (size_t i = 0; i < found; ++i) {
    Entry* entry = entry_of(*slots[i]);
    bool moved = false;
    if (entry->payload() == Entry::Payload::external) {
      moved = compact_text(*entry, mover, left);
      ++(moved ? count.moved_blocks : count.kept_blocks);
    }
    void* place = nullptr;
    if (slabs[i] != 0) {
      const size_t bytes = entry->block_bytes();
      place = mover.better_place(entry, slabs[i], bytes, alignof(std::max_align_t));
      if (place != nullptr) {
        std::memcpy(place, static_cast<void*>(entry), bytes);
        *slots[i] = (*slots[i] & ~kSlotPointerMask) | reinterpret_cast<uintptr_t>(place);
        mover.release(entry);
      }
    }
    ++(place != nullptr ? count.moved_blocks : count.kept_blocks);
    ++(moved || place != nullptr ? count.moved_keys : count.kept_keys);
  }
}

Segment* Dict::compact_segment(uint64_t position, Segment* segment, BlockMover& mover, CompactionCount& count) {
  const void* block = segment;
  size_t slab = 0;
  mover.find_sparse({&block, 1}, {&slab, 1});
  const size_t bytes = segment->memory_bytes();
  void* place = slab == 0 ? nullptr : mover.better_place(segment, slab, bytes, alignof(Segment));
  ++(place == nullptr ? count.kept_blocks : count.moved_blocks);
  if (place == nullptr) return segment;
  std::memcpy(place, static_cast<void*>(segment), bytes);
  auto* fresh = static_cast<Segment*>(place);
  install(position, Segment::Ptr(fresh));
  index_bytes_ -= bytes;
  --segments_;
  mover.release(segment);
  return fresh;
}

uint64_t Dict::compact(uint64_t cursor, BlockMover& mover, CompactionCount& count) {
  if (size_ == 0) return 0;
  const uint64_t position = cursor << 16;
  Segment* segment = segment_of(ref_at(position));
  const unsigned depth = segment->depth();
  unsigned index = segment->buckets().home(place_at(position, depth));
  if (index == 0) segment = compact_segment(position, segment, mover, count);
  const BucketRange range = segment->buckets();
  const unsigned end = std::min(index + kBucketsAtOnce, range.count);
  compact_entries(range, index, end, mover, count);
  return cursor_of(position, depth, range.count, end);
}

}  // namespace holdfast::node
