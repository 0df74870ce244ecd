// Allocators' parts for tests of compaction, which run without jemalloc.
#pragma once

#include <cstdlib>
#include <new>

#include "common/base/random.h"
#include "node/types/block_mover.h"

namespace holdfast::node::testing {

// Moves so many percent of what it is asked about, chosen by the dice.
class DiceMover final : public BlockMover {
 public:
  DiceMover(RandomSource& dice, uint64_t percent) : dice_(dice), percent_(percent) {}
  void find_sparse(std::span<const void* const> blocks, std::span<size_t> slab_bytes) override {
    for (size_t i = 0; i < blocks.size(); ++i) slab_bytes[i] = dice_.below(100) < percent_ ? 4096 : 0;
  }
  void* better_place(const void*, size_t, size_t bytes, size_t alignment, BlockKind kind) override {
    if (dice_.below(20) == 0) return nullptr;
    ++moved;
    if (kind == BlockKind::object) return ::operator new(bytes);
    if (kind == BlockKind::array) return ::operator new[](bytes);
    return std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  }
  void release(void* block, BlockKind kind) override {
    if (kind == BlockKind::object) return ::operator delete(block);
    if (kind == BlockKind::array) return ::operator delete[](block);
    std::free(block);
  }

  size_t moved = 0;

 private:
  RandomSource& dice_;
  const uint64_t percent_;
};

}  // namespace holdfast::node::testing
