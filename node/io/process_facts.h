// Facts about this process for INFO: memory by the allocator's and the kernel's account, CPU time, the system.
//
// Executor thread only. Everything is read when asked for; nothing here fails: what cannot be read is 0 or empty.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace holdfast::node {

struct MemoryFacts {
  uint64_t allocated_bytes = 0;  // in use by the program
  uint64_t active_bytes = 0;     // in pages that hold some of it
  uint64_t resident_bytes = 0;   // held by the allocator
};
MemoryFacts allocator_facts();
std::string allocator_name();  // "jemalloc-5.3.0", "libc"
uint64_t resident_set_bytes();
uint64_t system_memory_bytes();
std::string system_name();      // "Linux 6.1.0-18-amd64 x86_64"
std::string executable_path();  // of this process
std::string allocator_statistics();  // for people: jemalloc's report
// Reads, and writes if there is a value, a control of jemalloc that is a number; nothing: there is none of this name.
std::optional<int64_t> allocator_control(const std::string& name, std::optional<int64_t> value);
// Does what a control without a value does; false: there is none of this name.
bool allocator_act(const std::string& name);
// The allocator hands back what it can (MEMORY PURGE, after a flush).
void release_free_memory();

struct CpuFacts {
  double system_s = 0, user_s = 0;
  double children_system_s = 0, children_user_s = 0;
  double thread_system_s = 0, thread_user_s = 0;  // of the calling thread
};
CpuFacts cpu_facts();

}  // namespace holdfast::node
