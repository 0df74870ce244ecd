#include "node/io/allocator_control.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "common/memory/jemalloc.h"

// More of jemalloc's own interface, where it is linked.
extern "C" {
__attribute__((weak)) int mallctlnametomib(const char* name, size_t* mib, size_t* mib_length);
__attribute__((weak)) int mallctlbymib(const size_t* mib, size_t mib_length, void* old_value, size_t* old_size,
                                       void* new_value, size_t new_size);
__attribute__((weak)) void* mallocx(size_t size, int flags);
__attribute__((weak)) void dallocx(void* block, int flags);
}

namespace holdfast::node {

namespace {

using memory::has_jemalloc;

// jemalloc's MALLOCX_TCACHE_NONE and MALLOCX_ALIGN: stable parts of its interface.
constexpr int kNoThreadCache = 1 << 8;
int align_flag(size_t alignment) { return std::countr_zero(alignment); }

// An answer of experimental.utilization.batch_query about the slab that a block lies in.
struct SlabUse {
  size_t free_blocks;
  size_t blocks;
  size_t bytes;
};

// The name's number, looked up once.
struct QueryName {
  std::array<size_t, 4> mib{};
  size_t length = mib.size();
  bool known = false;
  QueryName() {
    known = has_jemalloc() && mallctlnametomib("experimental.utilization.batch_query", mib.data(), &length) == 0;
  }
};

const QueryName& query_name() {
  static const QueryName name;
  return name;
}

constexpr size_t kBatch = 64;

void query(std::span<const void* const> blocks, std::span<SlabUse> uses) {
  size_t size = blocks.size() * sizeof(SlabUse);
  const QueryName& name = query_name();
  if (name.known && mallctlbymib(name.mib.data(), name.length, uses.data(), &size,
                                 const_cast<void**>(const_cast<const void**>(blocks.data())),
                                 blocks.size_bytes()) == 0) {
    return;
  }
  std::ranges::fill(uses, SlabUse{});
}

}  // namespace

void flush_thread_cache() {
  if (has_jemalloc()) (void)mallctl("thread.tcache.flush", nullptr, nullptr, nullptr, 0);
}

void purge_decayed_pages() {
  if (has_jemalloc()) (void)mallctl("arena.4096.decay", nullptr, nullptr, nullptr, 0);  // 4096: all arenas
}

bool can_compact() { return query_name().known; }

void JemallocMover::find_sparse(std::span<const void* const> blocks, std::span<size_t> slab_bytes) {
  std::array<SlabUse, kBatch> uses;
  for (size_t first = 0; first < blocks.size(); first += kBatch) {
    const size_t count = std::min(kBatch, blocks.size() - first);
    query(blocks.subspan(first, count), std::span(uses).first(count));
    for (size_t i = 0; i < count; ++i) {
      const bool sparse = uses[i].blocks > 1 && uses[i].free_blocks * 8 >= uses[i].blocks;
      slab_bytes[first + i] = sparse ? uses[i].bytes : 0;
    }
  }
}

void* JemallocMover::better_place(const void* block, size_t slab_bytes, size_t bytes, size_t alignment, BlockKind) {
  void* place = mallocx(bytes, kNoThreadCache | align_flag(alignment));
  if (place == nullptr) return nullptr;
  // Perhaps the very slab that the block lies in: it is the oldest with room.
  const auto a = reinterpret_cast<uintptr_t>(block), b = reinterpret_cast<uintptr_t>(place);
  if ((a > b ? a - b : b - a) >= slab_bytes) return place;
  dallocx(place, kNoThreadCache);
  return nullptr;
}

void JemallocMover::release(void* block, BlockKind) { dallocx(block, kNoThreadCache); }

}  // namespace holdfast::node
