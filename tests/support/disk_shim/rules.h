// The rules: which calls wait, fail, or end the process. They are read again whenever their file is replaced.
#pragma once

#include <stdint.h>

namespace disk_shim {

enum Operation : unsigned {
  kOpen = 1,
  kRead = 2,
  kWrite = 4,
  kSync = 8,
  kSyncFolder = 16,
  kTruncate = 32,
  kRename = 64,
  kUnlink = 128,
  kMakeFolder = 256,
  kAny = 511,
};
struct Verdict {
  int error = 0;            // fail with it
  int64_t allowed = -1;     // of a write: only so many bytes
  bool kill_after = false;  // once the call is done
};

// Shared by this process and those that it forks.
void begin_rules(const char* path);
bool active();  // after begin_rules
// What is to happen to a call. Waits, or dies, at once.
Verdict judge(Operation operation, const char* path, int64_t bytes = 0);
uint64_t next_sync_number();
[[noreturn]] void die();

// A lock over all processes.
class Locked {
 public:
  Locked();
  ~Locked();
};

}  // namespace disk_shim
