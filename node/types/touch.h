// Brings a cache line nearer by reading a byte of it whose value nobody waits for. The processor goes on meanwhile, as after
// a prefetch, but a prefetch may be given up where the address has no translation at hand, which is the rule in large data
// sets. The address must be readable.
#pragma once

namespace holdfast::node {

inline void touch(const void* address) { asm volatile("" ::"r"(*static_cast<const volatile char*>(address))); }

}  // namespace holdfast::node
