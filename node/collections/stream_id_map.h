// Values by stream ID, in order: sorted blocks of up to 128 under a sorted directory. IDs mostly come at the end and go
// at the beginning, which is cheap; elsewhere too nothing moves but a part of one block and of the directory.
//
// Copying costs a reference for each block; blocks are shared until one side changes them. A value is copied with its
// block. Cursors and pointers to values are valid until the map changes. Not thread-safe.
// Invariants: no block is empty; the directory's IDs are at most their block's first and greater than all before.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "node/collections/stream_id.h"
#include "node/types/allocation.h"
#include "node/types/movable_allocator.h"

namespace holdfast::node {

template <class T>
class StreamIdMap {
 public:
  static constexpr size_t kBlockEntries = 128;

  StreamIdMap() = default;
  ~StreamIdMap() { clear(); }
  StreamIdMap(const StreamIdMap& other)
      : directory_(other.directory_), size_(other.size_), block_bytes_(other.block_bytes_) {
    for (const Slot& slot : directory_) ++slot.block->references;
  }
  StreamIdMap(StreamIdMap&& other) noexcept
      : directory_(std::move(other.directory_)),
        size_(std::exchange(other.size_, 0)),
        block_bytes_(std::exchange(other.block_bytes_, 0)) {}
  StreamIdMap& operator=(const StreamIdMap&) = delete;

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Of the map itself, not of what the values own elsewhere.
  size_t memory_bytes() const {
    return block_bytes_ + (directory_.capacity() == 0 ? 0 : allocation_size(directory_.capacity() * sizeof(Slot)));
  }
  size_t block_count() const { return directory_.size(); }
  // Whether a copy has one of the blocks too.
  bool shares() const {
    return std::ranges::any_of(directory_, [](const Slot& slot) { return slot.block->references > 1; });
  }

  class Cursor {
   public:
    explicit operator bool() const { return map_ != nullptr; }
    StreamId id() const { return block().ids[at_]; }
    const T& operator*() const { return block().values[at_]; }
    const T* operator->() const { return &block().values[at_]; }
    void next() {
      if (++at_ < block().ids.size()) return;
      at_ = 0;
      if (++slot_ == map_->directory_.size()) map_ = nullptr;
    }
    void previous() {
      if (at_-- > 0) return;
      if (slot_-- == 0) {
        map_ = nullptr;
      } else {
        at_ = static_cast<uint32_t>(block().ids.size() - 1);
      }
    }

   private:
    friend class StreamIdMap;
    const auto& block() const { return *map_->directory_[slot_].block; }
    const StreamIdMap* map_ = nullptr;
    uint32_t slot_ = 0, at_ = 0;
  };

  Cursor first() const { return cursor(0, 0); }
  Cursor last() const {
    return empty() ? Cursor() : cursor(directory_.size() - 1, directory_.back().block->ids.size() - 1);
  }
  // The first at or behind `id`.
  Cursor lower_bound(StreamId id) const {
    if (empty()) return {};
    const size_t slot = slot_for(id);
    const auto& ids = directory_[slot].block->ids;
    const auto at = static_cast<size_t>(std::lower_bound(ids.begin(), ids.end(), id) - ids.begin());
    return at < ids.size() ? cursor(slot, at) : cursor(slot + 1, 0);
  }
  // The last at or before `id`.
  Cursor last_up_to(StreamId id) const {
    if (empty()) return {};
    const size_t slot = slot_for(id);
    const auto& ids = directory_[slot].block->ids;
    const auto after = static_cast<size_t>(std::upper_bound(ids.begin(), ids.end(), id) - ids.begin());
    if (after > 0) return cursor(slot, after - 1);
    return slot == 0 ? Cursor() : cursor(slot - 1, directory_[slot - 1].block->ids.size() - 1);
  }
  Cursor find(StreamId id) const {
    const Cursor found = lower_bound(id);
    return found && found.id() == id ? found : Cursor();
  }
  bool contains(StreamId id) const { return static_cast<bool>(find(id)); }

  // The value for change.
  T& edit(const Cursor& place) { return writable(place.slot_).values[place.at_]; }

  // False when the ID is there already.
  bool insert(StreamId id, T value) {
    size_t slot = empty() ? 0 : slot_for(id);
    if (empty() || (slot + 1 == directory_.size() && directory_[slot].block->ids.size() >= kBlockEntries &&
                    directory_[slot].block->ids.back() < id)) {
      slot = directory_.size();
      auto* block = new Block;
      block_bytes_ += block->memory_bytes();
      directory_.push_back({id, block});
    }
    const auto& ids = directory_[slot].block->ids;
    auto at = static_cast<size_t>(std::lower_bound(ids.begin(), ids.end(), id) - ids.begin());
    if (at < ids.size() && ids[at] == id) return false;
    if (ids.size() >= kBlockEntries) {
      split(slot);
      if (const size_t half = directory_[slot].block->ids.size(); at > half) {
        at -= half;
        ++slot;
      }
    }
    Block& block = writable(slot);
    change(block, [&] {
      block.make_room();
      block.ids.insert(block.ids.begin() + static_cast<ptrdiff_t>(at), id);
      block.values.insert(block.values.begin() + static_cast<ptrdiff_t>(at), std::move(value));
    });
    directory_[slot].first = std::min(directory_[slot].first, id);
    ++size_;
    return true;
  }

  void erase(const Cursor& place) {
    const size_t slot = place.slot_;
    --size_;
    if (directory_[slot].block->ids.size() == 1) return remove_block(slot);
    Block& block = writable(slot);
    change(block, [&] {
      block.ids.erase(block.ids.begin() + place.at_);
      block.values.erase(block.values.begin() + place.at_);
    });
    merge_around(slot);
  }
  bool erase(StreamId id) {
    const Cursor found = find(id);
    if (found) erase(found);
    return static_cast<bool>(found);
  }

  void clear() {
    for (const Slot& slot : directory_) release(slot.block);
    directory_.clear();
    size_ = block_bytes_ = 0;
  }

  // Moves blocks that should leave their slabs, from that of `from` on (0-0: the directory first); shared ones stay.
  // Hands each value of the others to `move_value`, for what it owns elsewhere. Returns where to go on when the step has
  // done its work, nothing after the last.
  template <class MoveValue>
  std::optional<StreamId> compact(StreamId from, Compaction& work, MoveValue&& move_value) {
    if (from == StreamId()) compact_vector(directory_, work);
    if (empty()) return std::nullopt;
    for (size_t slot = slot_for(from); slot < directory_.size(); ++slot) {
      if (slot > 0 && work.enough()) return directory_[slot].block->ids.front();
      if (directory_[slot].block->references > 1) {
        work.spend(1);
        continue;
      }
      Block& block = compact_block(slot, work);
      const auto& ids = block.ids;
      auto at = static_cast<size_t>(std::lower_bound(ids.begin(), ids.end(), from) - ids.begin());
      for (; at < ids.size(); ++at) {
        move_value(block.values[at]);
        if (at + 1 < ids.size() && work.enough()) return ids[at + 1];
      }
    }
    return std::nullopt;
  }

 private:
  struct Block {
    uint32_t references = 1;
    MovableVector<StreamId> ids;
    MovableVector<T> values;

    size_t memory_bytes() const {
      const auto bytes = [](size_t n) { return n == 0 ? 0 : allocation_size(n); };
      return allocation_size(sizeof(Block)) + bytes(ids.capacity() * sizeof(StreamId)) +
             bytes(values.capacity() * sizeof(T));
    }
    void make_room() {
      if (ids.size() < ids.capacity()) return;
      const size_t larger = std::min(kBlockEntries, std::max<size_t>(2, ids.size() * 2));
      ids.reserve(larger);
      values.reserve(larger);
    }
  };
  struct Slot {
    StreamId first;
    Block* block;
  };

  Cursor cursor(size_t slot, size_t at) const {
    Cursor place;
    if (slot >= directory_.size()) return place;
    place.map_ = this;
    place.slot_ = static_cast<uint32_t>(slot);
    place.at_ = static_cast<uint32_t>(at);
    return place;
  }

  // The block in which `id` is, if it is anywhere; the first one for what comes before all. The map is not empty.
  size_t slot_for(StreamId id) const {
    if (directory_.back().first <= id) return directory_.size() - 1;
    const auto after = std::upper_bound(directory_.begin(), directory_.end(), id,
                                        [](StreamId wanted, const Slot& slot) { return wanted < slot.first; });
    return after == directory_.begin() ? 0 : static_cast<size_t>(after - directory_.begin()) - 1;
  }

  Block& writable(size_t slot) {
    Block*& block = directory_[slot].block;
    if (block->references == 1) return *block;
    auto* copy = new Block{.references = 1, .ids = block->ids, .values = block->values};
    block_bytes_ = block_bytes_ - block->memory_bytes() + copy->memory_bytes();
    --block->references;
    block = copy;
    return *copy;
  }

  template <class Change>
  void change(Block& block, Change&& change) {
    block_bytes_ -= block.memory_bytes();
    change();
    block_bytes_ += block.memory_bytes();
  }

  void split(size_t slot) {
    Block& low = writable(slot);
    auto* high = new Block;
    const auto half = static_cast<ptrdiff_t>(low.ids.size() / 2);
    change(low, [&] {
      high->ids.assign(low.ids.begin() + half, low.ids.end());
      high->values.assign(low.values.begin() + half, low.values.end());
      low.ids.erase(low.ids.begin() + half, low.ids.end());
      low.values.erase(low.values.begin() + half, low.values.end());
    });
    block_bytes_ += high->memory_bytes();
    directory_.insert(directory_.begin() + static_cast<ptrdiff_t>(slot) + 1, Slot{high->ids.front(), high});
  }

  // Joins two neighbours that have become small.
  void merge_around(size_t slot) {
    if (directory_[slot].block->ids.size() > kBlockEntries / 8) return;
    const size_t low = slot > 0 ? slot - 1 : slot;
    if (low + 1 >= directory_.size()) return;
    const Block& behind = *directory_[low + 1].block;
    if (directory_[low].block->ids.size() + behind.ids.size() > kBlockEntries / 2) return;
    Block& target = writable(low);
    change(target, [&] {
      target.ids.insert(target.ids.end(), behind.ids.begin(), behind.ids.end());
      target.values.insert(target.values.end(), behind.values.begin(), behind.values.end());
    });
    remove_block(low + 1);
  }

  void remove_block(size_t slot) {
    Block* block = directory_[slot].block;
    block_bytes_ -= block->memory_bytes();
    directory_.erase(directory_.begin() + static_cast<ptrdiff_t>(slot));
    release(block);
    if (directory_.empty()) directory_.shrink_to_fit();
  }

  Block& compact_block(size_t slot, Compaction& work) {
    Block*& block = directory_[slot].block;
    if (Block* fresh = work.relocated(*block); fresh != nullptr) block = fresh;
    compact_vector(block->ids, work);
    compact_vector(block->values, work);
    return *block;
  }

  static void release(Block* block) {
    if (--block->references == 0) delete block;
  }

  MovableVector<Slot> directory_;
  size_t size_ = 0;
  size_t block_bytes_ = 0;
};

}  // namespace holdfast::node
