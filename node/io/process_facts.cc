#include "node/io/process_facts.h"

#include <malloc.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "common/memory/jemalloc.h"
#include "common/memory/usage.h"

namespace holdfast::node {

namespace {

using memory::has_jemalloc;
using memory::read_control;

double seconds(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; }

}  // namespace

MemoryFacts allocator_facts() {
  MemoryFacts facts;
  if (has_jemalloc()) {
    uint64_t epoch = 1;
    size_t size = sizeof epoch;
    (void)mallctl("epoch", &epoch, &size, &epoch, size);  // refreshes the counters
    facts.allocated_bytes = read_control<size_t>("stats.allocated");
    facts.active_bytes = read_control<size_t>("stats.active");
    facts.resident_bytes = read_control<size_t>("stats.resident");
  } else {
    const struct mallinfo2 info = ::mallinfo2();
    facts.allocated_bytes = memory::used_bytes();
    facts.active_bytes = facts.resident_bytes = info.arena + info.hblkhd;
  }
  return facts;
}

std::string allocator_name() {
  if (!has_jemalloc()) return "libc";
  const auto* version = read_control<const char*>("version");
  if (version == nullptr) return "jemalloc";
  const std::string text(version);
  return "jemalloc-" + text.substr(0, text.find('-'));
}

void release_free_memory() {
  if (has_jemalloc()) {
    (void)mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);  // 4096: all arenas
  } else {
    (void)::malloc_trim(0);
  }
}

std::optional<int64_t> allocator_control(const std::string& name, std::optional<int64_t> value) {
  if (!has_jemalloc()) return std::nullopt;
  // A number has eight bytes, four, or one; the wrong size is refused without effect.
  for (const size_t width : {sizeof(int64_t), sizeof(int32_t), sizeof(bool)}) {
    int64_t old_value = 0, new_value = value.value_or(0);
    size_t size = width;
    if (mallctl(name.c_str(), &old_value, &size, value ? &new_value : nullptr, value ? width : 0) != 0) continue;
    return width == sizeof(int32_t) ? static_cast<int32_t>(old_value) : old_value;
  }
  return std::nullopt;
}

bool allocator_act(const std::string& name) {
  // Of arenas only what leaves the blocks in them alone.
  const bool harmless = name.starts_with("thread.") || name.ends_with(".purge") || name.ends_with(".decay");
  return harmless && has_jemalloc() && mallctl(name.c_str(), nullptr, nullptr, nullptr, 0) == 0;
}

std::string allocator_statistics() {
  if (!has_jemalloc() || &malloc_stats_print == nullptr) return "Stats not supported for the current allocator";
  std::string text;
  malloc_stats_print([](void* out, const char* part) { *static_cast<std::string*>(out) += part; }, &text, nullptr);
  return text;
}

uint64_t resident_set_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  unsigned long long total = 0, resident = 0;
  const int fields = std::fscanf(file, "%llu %llu", &total, &resident);
  std::fclose(file);
  return fields == 2 ? resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

uint64_t system_memory_bytes() {
  return static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::string system_name() {
  utsname name{};
  if (::uname(&name) != 0) return "";
  return std::string(name.sysname) + " " + name.release + " " + name.machine;
}

std::string executable_path() {
  char path[4096];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, static_cast<size_t>(length)) : "";
}

CpuFacts cpu_facts() {
  CpuFacts facts;
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) facts.system_s = seconds(usage.ru_stime), facts.user_s = seconds(usage.ru_utime);
  if (::getrusage(RUSAGE_CHILDREN, &usage) == 0) {
    facts.children_system_s = seconds(usage.ru_stime), facts.children_user_s = seconds(usage.ru_utime);
  }
  if (::getrusage(RUSAGE_THREAD, &usage) == 0) {
    facts.thread_system_s = seconds(usage.ru_stime), facts.thread_user_s = seconds(usage.ru_utime);
  }
  return facts;
}

}  // namespace holdfast::node
