// touch() brings a cache line nearer by reading a byte of it whose value nobody waits for. The processor goes on meanwhile,
// as after a prefetch, but a prefetch may be given up where the address has no translation at hand, which is the rule in
// large data sets. The address must be readable.
#pragma once

namespace holdfast::node {

inline void touch(const void* address) { asm volatile("" ::"r"(*static_cast<const volatile char*>(address))); }

// Asks for a cache line by a prefetch that no compiler leaves out (__builtin_prefetch in a function without other effects
// is dropped with its call). Any address may be given.
inline void prefetch_line(const void* address) {
#if defined(__x86_64__)
  asm volatile("prefetcht0 %0" ::"m"(*static_cast<const char*>(address)));
#elif defined(__aarch64__)
  asm volatile("prfm pldl1keep, %0" ::"Q"(*static_cast<const char*>(address)));
#else
  __builtin_prefetch(address);
#endif
}

}  // namespace holdfast::node
