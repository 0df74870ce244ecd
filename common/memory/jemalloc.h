// jemalloc's control interface where it is linked; the sanitizer builds and the unit tests use another allocator.
#pragma once

#include <cstddef>

extern "C" __attribute__((weak)) int mallctl(const char* name, void* old_value, size_t* old_size, void* new_value,
                                             size_t new_size);
extern "C" __attribute__((weak)) void malloc_stats_print(void (*write)(void* context, const char* text), void* context,
                                                         const char* options);

namespace holdfast::memory {

inline bool has_jemalloc() { return &mallctl != nullptr; }

// The value of a control of this type, or T{} when there is none.
template <class T>
T read_control(const char* name) {
  T value{};
  size_t size = sizeof value;
  return has_jemalloc() && mallctl(name, &value, &size, nullptr, 0) == 0 ? value : T{};
}

}  // namespace holdfast::memory
