// The allocator's arena of a thread: a helper that makes what another thread will own and free allocates where that one does,
// or the pools of both would be left half empty. Nothing without jemalloc. Any thread, about itself.
#pragma once

namespace holdfast::memory {

unsigned arena_of_thread();
void use_arena(unsigned arena);

}  // namespace holdfast::memory
