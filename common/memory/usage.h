// How much memory the process has allocated: exact at every moment and cheap enough to ask before every request.
//
// jemalloc counts for each thread what it has allocated and freed, in its size classes. The sum over all threads is what
// the program holds; nothing is refreshed or walked. So every thread of the process must be registered while it lives:
// the main thread registers itself before main(), others open a ThreadAccount first thing. A thread that ends leaves
// its balance behind. Memory may be freed by another thread than the one that allocated it.
//
// Without jemalloc (sanitizer builds, unit tests) the run-time's own account is asked, which is slower.
// used_bytes() may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace holdfast::memory {

uint64_t used_bytes();

class ThreadAccount {
 public:
  ThreadAccount();
  ~ThreadAccount();
  ThreadAccount(const ThreadAccount&) = delete;
  ThreadAccount& operator=(const ThreadAccount&) = delete;

 private:
  size_t slot_;
};

}  // namespace holdfast::memory
