#include "common/memory/arena.h"

#include "common/memory/jemalloc.h"

namespace holdfast::memory {

unsigned arena_of_thread() { return read_control<unsigned>("thread.arena"); }

void use_arena(unsigned arena) {
  if (has_jemalloc()) (void)mallctl("thread.arena", nullptr, nullptr, &arena, sizeof arena);
}

}  // namespace holdfast::memory
