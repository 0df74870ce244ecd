// What the node asks of jemalloc beyond malloc and free. Where another allocator is linked (the sanitizers' builds) all
// of it does nothing.
#pragma once

#include "node/types/block_mover.h"

namespace holdfast::node {

// Gives what the calling thread keeps for its next allocations back to the common pool. Any thread.
void flush_thread_cache();

// Returns those freed pages to the kernel whose time has come (dirty_decay_ms). Any thread.
void purge_decayed_pages();

// True when make-up of the heap can be asked for and blocks be moved.
bool can_compact();

// Finds and leaves slabs with an eighth of their blocks free or more. New blocks come from the oldest slab that is not
// full, past the thread's cache: what leaves a younger one fills an older one, so that a walk ends with full slabs.
class JemallocMover final : public BlockMover {
 public:
  void find_sparse(std::span<const void* const> blocks, std::span<size_t> slab_bytes) override;
  void* better_place(const void* block, size_t slab_bytes, size_t bytes, size_t alignment, BlockKind kind) override;
  void release(void* block, BlockKind kind) override;
};

}  // namespace holdfast::node
