// How blocks of the data set come out of sparsely used memory: the allocator's part of compaction, and one step of it.
//
// An allocator cuts pages ("slabs") into blocks of one size; a page goes back only when all its blocks are free. After
// many deletes every slab may hold a few blocks. Compaction walks the data set, asks which blocks lie in such slabs and
// moves them into fuller ones. Whoever owns a block copies what is in it to the new place, releases the old one and tells
// all that point to it. Executor thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace holdfast::node {

// How a block was allocated, and will be freed: the same to jemalloc, but memory checkers tell them apart.
enum class BlockKind : uint8_t { plain, object, array };  // malloc(), new, new[]

class BlockMover {
 public:
  virtual ~BlockMover() = default;
  // For each block, of which any byte may be named: the bytes of the slab it lies in when it should leave it, 0 when it
  // should stay.
  virtual void find_sparse(std::span<const void* const> blocks, std::span<size_t> slab_bytes) = 0;
  // A block of `bytes` for what lies in `block`; null when the allocator offers no better slab than that one.
  virtual void* better_place(const void* block, size_t slab_bytes, size_t bytes, size_t alignment, BlockKind kind) = 0;
  // Frees a block that was left.
  virtual void release(void* block, BlockKind kind) = 0;
};

// What compaction has done.
struct CompactionCount {
  size_t moved_blocks = 0;
  size_t kept_blocks = 0;
  size_t moved_keys = 0;  // with at least one block moved
  size_t kept_keys = 0;
};

// Where the walk over the blocks of one value goes on; all zero: at its begin. What the numbers mean is the value's own
// affair, but any are valid for any value: it may have changed, or another may have taken its place.
struct CompactionCursor {
  uint64_t at = 0, beside = 0;
  uint32_t part = 0, sub = 0;
};

// A step: moves blocks with a mover, counts them, and knows when some ten microseconds of work are done.
class Compaction {
 public:
  Compaction(BlockMover& mover, CompactionCount& count) : count(count), mover_(mover) {}

  // A step should end here: a walk notes where it is, after at least one block.
  bool enough() const { return spent_ >= kStep; }
  void spend(size_t work) { spent_ += work; }

  size_t slab_to_leave(const void* block) {
    size_t slab = 0;
    mover_.find_sparse({&block, 1}, {&slab, 1});
    return slab;
  }
  void find_sparse(std::span<const void* const> blocks, std::span<size_t> slab_bytes) {
    mover_.find_sparse(blocks, slab_bytes);
  }
  // The place to which a block of `bytes`, in a slab that find_sparse told, is to be moved; null: it stays. The old block
  // must be released then.
  void* place_for(const void* block, size_t slab_bytes, size_t bytes, BlockKind kind,
                  size_t alignment = alignof(std::max_align_t));
  void* place_for(const void* block, size_t bytes, BlockKind kind) {
    return place_for(block, slab_to_leave(block), bytes, kind);
  }
  void release(void* block, BlockKind kind) { mover_.release(block, kind); }

  // Moves an object that was made with `new`; null: it stays.
  template <class Type>
  Type* relocated(Type& object, size_t slab_bytes) {
    void* place = place_for(&object, slab_bytes, sizeof(Type), BlockKind::object);
    if (place == nullptr) return nullptr;
    auto* fresh = new (place) Type(std::move(object));
    object.~Type();
    release(&object, BlockKind::object);
    return fresh;
  }
  template <class Type>
  Type* relocated(Type& object) {
    return relocated(object, slab_to_leave(&object));
  }
  template <class Type>
  void relocate(std::unique_ptr<Type>& owner) {
    Type* fresh = relocated(*owner);
    if (fresh == nullptr) return;
    (void)owner.release();
    owner.reset(fresh);
  }

  CompactionCount& count;

 private:
  static constexpr size_t kStep = 64;           // blocks looked at, or moved
  static constexpr size_t kBytesAsBlock = 512;  // to copy so many takes as long as that

  BlockMover& mover_;
  size_t spent_ = 0;
};

inline void* Compaction::place_for(const void* block, size_t slab_bytes, size_t bytes, BlockKind kind, size_t alignment) {
  // What is smaller has a class of 8 bytes, to which it will be freed.
  if (bytes <= sizeof(void*)) alignment = alignof(void*);
  void* place = slab_bytes == 0 ? nullptr : mover_.better_place(block, slab_bytes, bytes, alignment, kind);
  spent_ += 1;
  if (place == nullptr) {
    ++count.kept_blocks;
  } else {
    ++count.moved_blocks;
    spent_ += bytes / kBytesAsBlock;
  }
  return place;
}

}  // namespace holdfast::node
