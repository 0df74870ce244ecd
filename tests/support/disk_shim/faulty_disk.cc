// A file system layer for real processes, to be preloaded: it journals what a process does to the files of one folder,
// so that power_cut.py can turn the folder into a state that a power cut could have left, and it injects faults.
//
// FAULTY_DISK_ROOT     the folder, as a real path without a slash at its end; files elsewhere are not touched
// FAULTY_DISK_JOURNAL  the journal, outside of the folder; an empty one begins with a copy of what the folder holds
// FAULTY_DISK_RULES    the rules, a file that may be replaced (by a rename) at any time; counters begin again then
//
// A rule is a line `<operations> <action> <pattern> [key=value...]`. Waits of several rules add up; of the other
// actions the first counts whose rule fits and is due.
//   operations  a list with commas of open (for writing), read, write, sync (of a file), syncdir, truncate, rename,
//               unlink, mkdir; or `any`
//   action      the name of an errno: the call fails; `delay`: only waits; `kill`, `kill-after`: the process that the
//               layer was loaded into dies by SIGKILL before or after the call
//   pattern     of the path within the folder, as in fnmatch; * takes slashes too
//   after=N     the first N calls that fit pass        times=N   only N calls are hit
//   bytes=N     of a write: N bytes still fit, the last call is cut short (a full disk)
//   us=N        waits so long first
//
// A sync reaches no disk: durable is what the journal says. A call is journalled after it is done and before the caller
// knows, a sync also before it begins; so a write that happened before a sync stands before it. Calls that are not
// intercepted (stdio, mmap, links) would be missed: power_cut.py compares the folder with the journal for that.
//
// Works across fork: rules and counters are shared memory, the journal is appended to with single writes.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/support/disk_shim/journal.h"
#include "tests/support/disk_shim/rules.h"

namespace {

using disk_shim::active;
using disk_shim::begin_journal;
using disk_shim::begin_rules;
using disk_shim::die;
using disk_shim::give_up;
using disk_shim::judge;
using disk_shim::Kind;
using disk_shim::Locked;
using disk_shim::next_sync_number;
using disk_shim::record;
using disk_shim::Verdict;

constexpr size_t kDescriptors = 65536;
constexpr size_t kPathArena = 4 * 1024 * 1024;

struct Opened {
  dev_t device;
  ino_t inode;
  const char* path;  // within the folder; nullptr: not ours
};

char root[PATH_MAX];
size_t root_length = 0;
Opened shared_descriptors[kDescriptors];
// A thread that has left the process's open files has its own, and so have the threads that it makes then.
thread_local Opened* descriptors = shared_descriptors;
char* path_arena = nullptr;
size_t path_arena_used = 0;

// The path within the folder, or nullptr. `buffer` has PATH_MAX bytes.
const char* within(int folder, const char* path, char* buffer) {
  if (path == nullptr) return nullptr;
  char text[2 * PATH_MAX];
  if (path[0] == '/') {
    snprintf(text, sizeof text, "%s", path);
  } else if (folder == AT_FDCWD) {
    if (syscall(SYS_getcwd, buffer, PATH_MAX) < 0) return nullptr;
    snprintf(text, sizeof text, "%s/%s", buffer, path);
  } else if (folder >= 0 && static_cast<size_t>(folder) < kDescriptors && descriptors[folder].path != nullptr) {
    snprintf(text, sizeof text, "%s/%s/%s", root, descriptors[folder].path, path);
  } else {
    return nullptr;
  }
  char* end = buffer;
  char* state = nullptr;
  for (char* part = strtok_r(text, "/", &state); part != nullptr; part = strtok_r(nullptr, "/", &state)) {
    if (strcmp(part, ".") == 0) continue;
    if (strcmp(part, "..") == 0) {
      while (end > buffer && *--end != '/') {
      }
      continue;
    }
    const size_t length = strlen(part);
    if (end + length + 2 > buffer + PATH_MAX) return nullptr;
    *end++ = '/';
    memcpy(end, part, length);
    end += length;
  }
  *end = '\0';
  if (strncmp(buffer, root, root_length) != 0) return nullptr;
  if (buffer[root_length] == '\0') return ".";
  return buffer[root_length] == '/' ? buffer + root_length + 1 : nullptr;
}

const char* keep_path(const char* path) {
  const Locked locked;
  const size_t length = strlen(path) + 1;
  for (size_t at = 0; at < path_arena_used; at += strlen(path_arena + at) + 1) {
    if (strcmp(path_arena + at, path) == 0) return path_arena + at;
  }
  if (path_arena_used + length > kPathArena) give_up("too many paths");
  char* kept = path_arena + path_arena_used;
  memcpy(kept, path, length);
  path_arena_used += length;
  return kept;
}

// What the descriptor stands for, if it is ours: it may have been closed and given out again behind our back.
const Opened* ours(int fd) {
  if (!active() || fd < 0 || static_cast<size_t>(fd) >= kDescriptors || descriptors[fd].path == nullptr) return nullptr;
  const int saved = errno;
  struct stat status;
  const bool same = syscall(SYS_fstat, fd, &status) == 0 && status.st_ino == descriptors[fd].inode &&
                    status.st_dev == descriptors[fd].device;
  errno = saved;
  if (!same) descriptors[fd].path = nullptr;
  return same ? &descriptors[fd] : nullptr;
}

int refuse(int error) {
  errno = error;
  return -1;
}

// --- The calls ---

// Another descriptor of an open file.
int do_open_again(const char* path, int flags, const Opened& file) {
  const int fd = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, 0));
  if (fd >= 0 && static_cast<size_t>(fd) < kDescriptors) descriptors[fd] = file;
  return fd;
}

int do_open(int folder, const char* path, int flags, mode_t mode) {
  constexpr char kDescriptorPath[] = "/proc/self/fd/";
  if (path != nullptr && strncmp(path, kDescriptorPath, sizeof kDescriptorPath - 1) == 0) {
    const Opened* file = ours(atoi(path + sizeof kDescriptorPath - 1));
    if (file != nullptr) return do_open_again(path, flags, *file);
  }
  char buffer[PATH_MAX];
  const char* name = active() ? within(folder, path, buffer) : nullptr;
  if (name == nullptr) return static_cast<int>(syscall(SYS_openat, folder, path, flags, mode));
  const bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
  Verdict verdict;
  if (writes) verdict = judge(disk_shim::kOpen, name);
  if (verdict.error != 0) return refuse(verdict.error);
  struct stat status {};
  const bool was_there = syscall(SYS_newfstatat, folder, path, &status, 0) == 0;
  const int fd = static_cast<int>(syscall(SYS_openat, folder, path, flags, mode));
  if (fd >= 0 && static_cast<size_t>(fd) < kDescriptors && syscall(SYS_fstat, fd, &status) == 0 &&
      (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))) {
    descriptors[fd] = {status.st_dev, status.st_ino, keep_path(name)};
    if (!was_there) record(Kind::create, name, status.st_ino, 0);
    if (was_there && writes && (flags & O_TRUNC) != 0) record(Kind::truncate, name, status.st_ino, 0);
  }
  if (verdict.kill_after) die();
  return fd;
}

// Writes at `offset`, or where the descriptor stands when that is negative.
ssize_t do_write(int fd, const void* bytes, size_t size, off_t offset) {
  const Opened* file = ours(fd);
  Verdict verdict;
  if (file != nullptr) {
    verdict = judge(disk_shim::kWrite, file->path, static_cast<int64_t>(size));
    if (verdict.error != 0) return refuse(verdict.error);
    if (verdict.allowed >= 0) size = static_cast<size_t>(verdict.allowed);
  }
  const ssize_t done =
      offset < 0 ? syscall(SYS_write, fd, bytes, size) : syscall(SYS_pwrite64, fd, bytes, size, offset);
  if (file != nullptr && done > 0) {
    const int saved = errno;
    const int64_t begin = offset >= 0 ? offset : syscall(SYS_lseek, fd, 0, SEEK_CUR) - done;
    errno = saved;
    record(Kind::write, file->path, file->inode, static_cast<uint64_t>(begin), bytes, static_cast<size_t>(done));
  }
  if (verdict.kill_after) die();
  return done;
}

int do_sync(int fd, long call) {
  const Opened* file = ours(fd);
  if (file == nullptr) return static_cast<int>(syscall(call, fd));
  struct stat status {};
  const bool folder = syscall(SYS_fstat, fd, &status) == 0 && S_ISDIR(status.st_mode);
  const uint64_t number = next_sync_number();
  record(Kind::sync_begin, file->path, file->inode, number);
  const Verdict verdict = judge(folder ? disk_shim::kSyncFolder : disk_shim::kSync, file->path);
  if (verdict.error != 0) {
    record(Kind::sync_failed, file->path, file->inode, number);
    return refuse(verdict.error);
  }
  record(Kind::sync_end, file->path, file->inode, number);
  if (verdict.kill_after) die();
  return 0;
}

int do_truncate(int fd, off_t size) {
  const Opened* file = ours(fd);
  if (file == nullptr) return static_cast<int>(syscall(SYS_ftruncate, fd, size));
  const Verdict verdict = judge(disk_shim::kTruncate, file->path);
  if (verdict.error != 0) return refuse(verdict.error);
  const int done = static_cast<int>(syscall(SYS_ftruncate, fd, size));
  if (done == 0) record(Kind::truncate, file->path, file->inode, static_cast<uint64_t>(size));
  if (verdict.kill_after) die();
  return done;
}

int do_rename(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  char from_buffer[PATH_MAX];
  char to_buffer[PATH_MAX];
  const char* old_name = active() ? within(from_folder, from, from_buffer) : nullptr;
  const char* new_name = active() ? within(to_folder, to, to_buffer) : nullptr;
  Verdict verdict;
  if (new_name != nullptr) verdict = judge(disk_shim::kRename, new_name);
  if (verdict.error != 0) return refuse(verdict.error);
  const int done = static_cast<int>(syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
  if (done == 0 && old_name != nullptr && new_name != nullptr) {
    record(Kind::rename, old_name, 0, 0, new_name, strlen(new_name));
  } else if (done == 0 && (old_name != nullptr) != (new_name != nullptr)) {
    give_up("a file moved into or out of the folder");
  }
  if (verdict.kill_after) die();
  return done;
}

int do_unlink(int folder, const char* path, int flags) {
  char buffer[PATH_MAX];
  const char* name = active() ? within(folder, path, buffer) : nullptr;
  Verdict verdict;
  if (name != nullptr) verdict = judge(disk_shim::kUnlink, name);
  if (verdict.error != 0) return refuse(verdict.error);
  const int done = static_cast<int>(syscall(SYS_unlinkat, folder, path, flags));
  if (done == 0 && name != nullptr) record(Kind::unlink, name, 0, 0);
  if (verdict.kill_after) die();
  return done;
}

int do_mkdir(int folder, const char* path, mode_t mode) {
  char buffer[PATH_MAX];
  const char* name = active() ? within(folder, path, buffer) : nullptr;
  Verdict verdict;
  if (name != nullptr) verdict = judge(disk_shim::kMakeFolder, name);
  if (verdict.error != 0) return refuse(verdict.error);
  const int done = static_cast<int>(syscall(SYS_mkdirat, folder, path, mode));
  if (done == 0 && name != nullptr) record(Kind::make_folder, name, 0, 0);
  if (verdict.kill_after) die();
  return done;
}

ssize_t do_read(int fd, void* bytes, size_t size, off_t offset) {
  if (const Opened* file = ours(fd)) {
    const Verdict verdict = judge(disk_shim::kRead, file->path);
    if (verdict.error != 0) return refuse(verdict.error);
  }
  return offset < 0 ? syscall(SYS_read, fd, bytes, size) : syscall(SYS_pread64, fd, bytes, size, offset);
}

__attribute__((constructor)) void begin() {
  const char* folder = getenv("FAULTY_DISK_ROOT");
  const char* journal = getenv("FAULTY_DISK_JOURNAL");
  const char* rules = getenv("FAULTY_DISK_RULES");
  if (folder == nullptr || journal == nullptr || rules == nullptr) return;
  root_length = static_cast<size_t>(snprintf(root, sizeof root, "%s", folder));
  void* memory = mmap(nullptr, kPathArena, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) give_up("no memory");
  path_arena = static_cast<char*>(memory);
  begin_journal(journal, root);
  begin_rules(rules);
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return do_open(AT_FDCWD, path, flags, mode);
}
int open64(const char* path, int flags, ...) __attribute__((alias("open")));

int openat(int folder, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return do_open(folder, path, flags, mode);
}
int openat64(int folder, const char* path, int flags, ...) __attribute__((alias("openat")));

int creat(const char* path, mode_t mode) { return do_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int close(int fd) {
  if (active() && fd >= 0 && static_cast<size_t>(fd) < kDescriptors) descriptors[fd].path = nullptr;
  return static_cast<int>(syscall(SYS_close, fd));
}

int close_range(unsigned first, unsigned last, int flags) {
  const int done = static_cast<int>(syscall(SYS_close_range, first, last, flags));
  if (!active() || done != 0) return done;
  if ((flags & CLOSE_RANGE_UNSHARE) != 0) {
    constexpr size_t kBytes = sizeof shared_descriptors;
    void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) give_up("no memory");
    descriptors = static_cast<Opened*>(memcpy(memory, descriptors, kBytes));
  }
  for (size_t fd = first; fd < kDescriptors && fd <= last; ++fd) descriptors[fd].path = nullptr;
  return done;
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*body)(void*), void* argument) {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto create = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  struct Begin {
    void* (*body)(void*);
    void* argument;
    Opened* descriptors;
  };
  auto* begin = static_cast<Begin*>(malloc(sizeof(Begin)));
  if (begin == nullptr) return EAGAIN;
  *begin = {body, argument, descriptors};
  const int failed = create(
      thread, attributes,
      [](void* given) {
        const Begin mine = *static_cast<Begin*>(given);
        free(given);
        descriptors = mine.descriptors;
        return mine.body(mine.argument);
      },
      begin);
  if (failed != 0) free(begin);
  return failed;
}

ssize_t read(int fd, void* bytes, size_t size) { return do_read(fd, bytes, size, -1); }
ssize_t pread(int fd, void* bytes, size_t size, off_t offset) { return do_read(fd, bytes, size, offset); }
ssize_t pread64(int fd, void* bytes, size_t size, off_t offset) __attribute__((alias("pread")));

ssize_t write(int fd, const void* bytes, size_t size) { return do_write(fd, bytes, size, -1); }
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) { return do_write(fd, bytes, size, offset); }
ssize_t pwrite64(int fd, const void* bytes, size_t size, off_t offset) __attribute__((alias("pwrite")));

ssize_t writev(int fd, const iovec* parts, int count) {
  if (ours(fd) == nullptr) return syscall(SYS_writev, fd, parts, count);
  ssize_t sum = 0;
  for (int i = 0; i < count; ++i) {
    const ssize_t done = do_write(fd, parts[i].iov_base, parts[i].iov_len, -1);
    if (done < 0) return sum > 0 ? sum : -1;
    sum += done;
    if (static_cast<size_t>(done) < parts[i].iov_len) break;
  }
  return sum;
}

int fsync(int fd) { return do_sync(fd, SYS_fsync); }
int fdatasync(int fd) { return do_sync(fd, SYS_fdatasync); }

int ftruncate(int fd, off_t size) { return do_truncate(fd, size); }
int ftruncate64(int fd, off_t size) __attribute__((alias("ftruncate")));

int rename(const char* from, const char* to) { return do_rename(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  return do_rename(from_folder, from, to_folder, to, 0);
}
int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  return do_rename(from_folder, from, to_folder, to, flags);
}

int unlink(const char* path) { return do_unlink(AT_FDCWD, path, 0); }
int unlinkat(int folder, const char* path, int flags) { return do_unlink(folder, path, flags); }
int rmdir(const char* path) { return do_unlink(AT_FDCWD, path, AT_REMOVEDIR); }
int mkdir(const char* path, mode_t mode) { return do_mkdir(AT_FDCWD, path, mode); }
int mkdirat(int folder, const char* path, mode_t mode) { return do_mkdir(folder, path, mode); }

}  // extern "C"
