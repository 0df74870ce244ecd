// How the table's blocks come out of sparsely used memory: the allocator's part of compaction.
//
// An allocator cuts pages ("slabs") into blocks of one size; a page goes back only when all its blocks are free. After
// many deletes every slab may hold a few blocks. Compaction walks the table, asks which blocks lie in such slabs and
// moves them into fuller ones. Executor thread only.
#pragma once

#include <cstddef>
#include <span>

namespace holdfast::node {

class BlockMover {
 public:
  virtual ~BlockMover() = default;
  // For each block: the bytes of the slab it lies in when it should leave it, 0 when it should stay.
  virtual void find_sparse(std::span<const void* const> blocks, std::span<size_t> slab_bytes) = 0;
  // A block of `bytes` for what lies in `block`; null when the allocator offers no better slab than that one.
  virtual void* better_place(const void* block, size_t slab_bytes, size_t bytes, size_t alignment) = 0;
  // Frees a block that was left.
  virtual void release(void* block) = 0;
};

// What compaction has done.
struct CompactionCount {
  size_t moved_blocks = 0;
  size_t kept_blocks = 0;
  size_t moved_keys = 0;  // with at least one block moved
  size_t kept_keys = 0;
};

}  // namespace holdfast::node
