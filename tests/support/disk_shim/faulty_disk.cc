// A file system layer for real processes, to be preloaded: it journals what a process does to the files of one folder, so
// that power_cut.py can turn the folder into a state that a power cut could have left, and it injects faults.
//
// FAULTY_DISK_ROOT     the folder, as a real path without a slash at its end; files elsewhere are not touched
// FAULTY_DISK_JOURNAL  the journal, outside of the folder; an empty one begins with a copy of what the folder holds
// FAULTY_DISK_RULES    the rules, a file that may be replaced (by a rename) at any time; counters begin again then
//
// A rule is a line `<operations> <action> <pattern> [key=value...]`. Waits of several rules add up; of the other actions
// the first counts whose rule fits and is due.
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
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

namespace {

constexpr uint64_t kMagic = 0x4b7a11f05ca1ab1e;
constexpr int kJournalDescriptor = 700;  // high: whoever closes everything does not get this number for a new file
constexpr size_t kDescriptors = 65536;
constexpr size_t kPaths = 16384;
constexpr size_t kRules = 16;

enum class Kind : uint16_t {
  start = 0,
  file = 1,    // was there at the start: path, inode, data
  folder = 2,  // the same
  create = 3,
  make_folder = 4,
  unlink = 5,
  rename = 6,  // data is the new path
  write = 7,   // value is the offset
  truncate = 8,
  sync_begin = 9,
  sync_end = 10,
  sync_failed = 11,
  fault = 12,  // data is `<operation> <action>`
};

struct Header {
  uint64_t magic;
  uint32_t length;  // of the record
  uint16_t kind;
  uint16_t path_length;
  uint64_t inode;
  uint64_t value;
  uint64_t nanoseconds;  // monotonic clock
};

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
constexpr const char* kOperationNames[] = {"open",     "read",   "write",  "sync", "syncdir",
                                           "truncate", "rename", "unlink", "mkdir"};

enum class Action { delay, fail, kill, kill_after };

struct Rule {
  unsigned operations;
  Action action;
  int error;
  int64_t after;
  int64_t times;  // -1: for ever
  int64_t bytes;  // -1: no matter
  int64_t microseconds;
  char action_name[16];
  char pattern[256];
  int64_t matched;  // atomic, as are the next two
  int64_t hit;
  int64_t written;
};

struct Shared {
  int lock;
  pid_t main_process;
  uint64_t next_sync;
  ino_t rules_inode;
  int64_t rules_changed;
  size_t rule_count;
  Rule rules[kRules];
};

struct Opened {
  dev_t device;
  ino_t inode;
  const char* path;  // within the folder; nullptr: not ours
};

char root[PATH_MAX];
size_t root_length = 0;
char journal_path[PATH_MAX];  // copies: a process may write its title over its environment
char rules_path[PATH_MAX];
Shared* shared = nullptr;
Opened descriptors[kDescriptors];
char* path_arena = nullptr;
size_t path_arena_used = 0;
constexpr size_t kPathArena = 4 * 1024 * 1024;

[[noreturn]] void give_up(const char* what) {
  char text[256];
  const int length = snprintf(text, sizeof text, "faulty_disk: %s: %s\n", what, strerror(errno));
  (void)!syscall(SYS_write, STDERR_FILENO, text, length);
  abort();
}

bool active() { return shared != nullptr; }

// A lock that its holder may take to the grave: after a while it is taken by force.
class Locked {
 public:
  Locked() {
    for (int i = 0; i < 20000 && __atomic_exchange_n(&shared->lock, 1, __ATOMIC_ACQUIRE) != 0; ++i) sched_yield();
  }
  ~Locked() { __atomic_store_n(&shared->lock, 0, __ATOMIC_RELEASE); }
};

// --- The journal ---

void open_journal() {
  const long fd = syscall(SYS_openat, AT_FDCWD, journal_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) give_up("cannot open the journal");
  if (syscall(SYS_dup3, fd, kJournalDescriptor, O_CLOEXEC) < 0) give_up("cannot keep the journal");
  syscall(SYS_close, fd);
}

void record(Kind kind, const char* path, uint64_t inode, uint64_t value, const void* data = nullptr, size_t size = 0) {
  const int saved = errno;
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  Header header{kMagic, 0, static_cast<uint16_t>(kind), static_cast<uint16_t>(strlen(path)), inode, value,
                static_cast<uint64_t>(now.tv_sec) * 1000000000 + static_cast<uint64_t>(now.tv_nsec)};
  header.length = static_cast<uint32_t>(sizeof header + header.path_length + size);
  const iovec parts[] = {{&header, sizeof header},
                         {const_cast<char*>(path), header.path_length},
                         {const_cast<void*>(data), size}};
  long done = syscall(SYS_writev, kJournalDescriptor, parts, 3);
  if (done < 0 && errno == EBADF) {  // a forked child has closed all that it did not know
    open_journal();
    done = syscall(SYS_writev, kJournalDescriptor, parts, 3);
  }
  if (done != header.length) give_up("cannot write the journal");
  errno = saved;
}

// --- Paths ---

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

// --- Rules ---

int error_of(const char* name) {
  static const struct {
    const char* name;
    int number;
  } known[] = {{"EIO", EIO},     {"ENOSPC", ENOSPC}, {"EACCES", EACCES}, {"EROFS", EROFS}, {"EPERM", EPERM},
               {"EDQUOT", EDQUOT}, {"EMFILE", EMFILE}, {"EBUSY", EBUSY},   {"EXDEV", EXDEV}};
  for (const auto& error : known) {
    if (strcmp(error.name, name) == 0) return error.number;
  }
  return 0;
}

unsigned operations_of(char* list) {
  unsigned operations = 0;
  char* state = nullptr;
  for (char* name = strtok_r(list, ",", &state); name != nullptr; name = strtok_r(nullptr, ",", &state)) {
    if (strcmp(name, "any") == 0) operations |= kAny;
    for (size_t i = 0; i < sizeof kOperationNames / sizeof kOperationNames[0]; ++i) {
      if (strcmp(name, kOperationNames[i]) == 0) operations |= 1U << i;
    }
  }
  return operations;
}

void parse_rule(char* line, Rule& rule) {
  memset(&rule, 0, sizeof rule);
  rule.times = rule.bytes = -1;
  char* state = nullptr;
  char* operations = strtok_r(line, " ", &state);
  char* action = strtok_r(nullptr, " ", &state);
  char* pattern = strtok_r(nullptr, " ", &state);
  errno = EINVAL;
  if (operations == nullptr || action == nullptr || pattern == nullptr) give_up("a rule is not complete");
  rule.operations = operations_of(operations);
  rule.error = error_of(action);
  if (rule.error != 0) {
    rule.action = Action::fail;
  } else if (strcmp(action, "kill") == 0) {
    rule.action = Action::kill;
  } else if (strcmp(action, "kill-after") == 0) {
    rule.action = Action::kill_after;
  } else if (strcmp(action, "delay") != 0) {
    give_up("an action is not known");
  }
  if (rule.operations == 0) give_up("an operation is not known");
  snprintf(rule.action_name, sizeof rule.action_name, "%s", action);
  snprintf(rule.pattern, sizeof rule.pattern, "%s", pattern);
  for (char* option = strtok_r(nullptr, " ", &state); option != nullptr; option = strtok_r(nullptr, " ", &state)) {
    char* equals = strchr(option, '=');
    if (equals == nullptr) give_up("an option has no value");
    const int64_t value = strtoll(equals + 1, nullptr, 10);
    *equals = '\0';
    if (strcmp(option, "after") == 0) rule.after = value;
    if (strcmp(option, "times") == 0) rule.times = value;
    if (strcmp(option, "bytes") == 0) rule.bytes = value;
    if (strcmp(option, "us") == 0) rule.microseconds = value;
  }
}

void refresh_rules() {
  struct stat status{};
  if (syscall(SYS_newfstatat, AT_FDCWD, rules_path, &status, 0) != 0) return;
  const int64_t changed = status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
  if (status.st_ino == shared->rules_inode && changed == shared->rules_changed) return;
  const Locked locked;
  if (status.st_ino == shared->rules_inode && changed == shared->rules_changed) return;
  char text[8192];
  const long fd = syscall(SYS_openat, AT_FDCWD, rules_path, O_RDONLY | O_CLOEXEC, 0);
  const long size = fd < 0 ? -1 : syscall(SYS_read, fd, text, sizeof text - 1);
  if (size < 0) give_up("cannot read the rules");
  syscall(SYS_close, fd);
  text[size] = '\0';
  size_t count = 0;
  char* state = nullptr;
  for (char* line = strtok_r(text, "\n", &state); line != nullptr && count < kRules;
       line = strtok_r(nullptr, "\n", &state)) {
    parse_rule(line, shared->rules[count++]);
  }
  shared->rule_count = count;
  shared->rules_inode = status.st_ino;
  shared->rules_changed = changed;
}

[[noreturn]] void die() {
  syscall(SYS_kill, shared->main_process, SIGKILL);
  syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
  while (true) pause();
}

struct Verdict {
  int error = 0;            // fail with it
  int64_t allowed = -1;     // of a write: only so many bytes
  bool kill_after = false;  // once the call is done
};

const char* name_of(Operation operation) {
  size_t i = 0;
  while ((1U << i) != operation) ++i;
  return kOperationNames[i];
}

// What is to happen to a call. Waits, or dies, at once.
Verdict judge(Operation operation, const char* path, int64_t bytes = 0) {
  const int saved = errno;
  Verdict verdict;
  refresh_rules();
  for (size_t i = 0; i < shared->rule_count; ++i) {
    Rule& rule = shared->rules[i];
    if ((rule.operations & operation) == 0 || fnmatch(rule.pattern, path, 0) != 0) continue;
    if (__atomic_fetch_add(&rule.matched, 1, __ATOMIC_RELAXED) < rule.after) continue;
    if (rule.microseconds > 0) {
      const timespec wait{rule.microseconds / 1000000, rule.microseconds % 1000000 * 1000};
      nanosleep(&wait, nullptr);
    }
    if (rule.action == Action::delay) continue;
    if (rule.bytes >= 0 && operation == kWrite) {
      const int64_t before = __atomic_fetch_add(&rule.written, bytes, __ATOMIC_RELAXED);
      if (before + bytes <= rule.bytes) continue;
      if (before < rule.bytes) {
        __atomic_store_n(&rule.written, rule.bytes, __ATOMIC_RELAXED);
        verdict.allowed = rule.bytes - before;
        break;
      }
    }
    if (rule.times >= 0 && __atomic_fetch_add(&rule.hit, 1, __ATOMIC_RELAXED) >= rule.times) continue;
    char text[64];
    const int length = snprintf(text, sizeof text, "%s %s", name_of(operation), rule.action_name);
    record(Kind::fault, path, 0, 0, text, static_cast<size_t>(length));
    if (rule.action == Action::kill) die();
    verdict.error = rule.error;
    verdict.kill_after = rule.action == Action::kill_after;
    break;
  }
  errno = saved;
  return verdict;
}

int refuse(int error) {
  errno = error;
  return -1;
}

// --- The calls ---

int do_open(int folder, const char* path, int flags, mode_t mode) {
  char buffer[PATH_MAX];
  const char* name = active() ? within(folder, path, buffer) : nullptr;
  if (name == nullptr) return static_cast<int>(syscall(SYS_openat, folder, path, flags, mode));
  const bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
  Verdict verdict;
  if (writes) verdict = judge(kOpen, name);
  if (verdict.error != 0) return refuse(verdict.error);
  struct stat status{};
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
    verdict = judge(kWrite, file->path, static_cast<int64_t>(size));
    if (verdict.error != 0) return refuse(verdict.error);
    if (verdict.allowed >= 0) size = static_cast<size_t>(verdict.allowed);
  }
  const ssize_t done = offset < 0 ? syscall(SYS_write, fd, bytes, size) : syscall(SYS_pwrite64, fd, bytes, size, offset);
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
  struct stat status{};
  const bool folder = syscall(SYS_fstat, fd, &status) == 0 && S_ISDIR(status.st_mode);
  const uint64_t number = __atomic_add_fetch(&shared->next_sync, 1, __ATOMIC_RELAXED);
  record(Kind::sync_begin, file->path, file->inode, number);
  const Verdict verdict = judge(folder ? kSyncFolder : kSync, file->path);
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
  const Verdict verdict = judge(kTruncate, file->path);
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
  if (new_name != nullptr) verdict = judge(kRename, new_name);
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
  if (name != nullptr) verdict = judge(kUnlink, name);
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
  if (name != nullptr) verdict = judge(kMakeFolder, name);
  if (verdict.error != 0) return refuse(verdict.error);
  const int done = static_cast<int>(syscall(SYS_mkdirat, folder, path, mode));
  if (done == 0 && name != nullptr) record(Kind::make_folder, name, 0, 0);
  if (verdict.kill_after) die();
  return done;
}

ssize_t do_read(int fd, void* bytes, size_t size, off_t offset) {
  if (const Opened* file = ours(fd)) {
    const Verdict verdict = judge(kRead, file->path);
    if (verdict.error != 0) return refuse(verdict.error);
  }
  return offset < 0 ? syscall(SYS_read, fd, bytes, size) : syscall(SYS_pread64, fd, bytes, size, offset);
}

// --- The start ---

void journal_file(const char* full, const char* name, const struct stat& status) {
  char* bytes = static_cast<char*>(
      mmap(nullptr, static_cast<size_t>(status.st_size) + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  const long fd = syscall(SYS_openat, AT_FDCWD, full, O_RDONLY | O_CLOEXEC, 0);
  if (bytes == MAP_FAILED || fd < 0) give_up("cannot read a file of the folder");
  long size = 0;
  for (long count = 1; count > 0; size += count) {
    count = syscall(SYS_pread64, fd, bytes + size, status.st_size - size, size);
    if (count < 0) give_up("cannot read a file of the folder");
  }
  syscall(SYS_close, fd);
  record(Kind::file, name, status.st_ino, 0, bytes, static_cast<size_t>(size));
  munmap(bytes, static_cast<size_t>(status.st_size) + 1);
}

void journal_folder(const char* name) {
  char full[3 * PATH_MAX];
  snprintf(full, sizeof full, "%s/%s", root, name);
  DIR* folder = opendir(full);
  if (folder == nullptr) give_up("cannot list the folder");
  while (const dirent* entry = readdir(folder)) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    char path[PATH_MAX + 256];
    char inner[3 * PATH_MAX];
    snprintf(path, sizeof path, "%s%s%s", name, *name != '\0' ? "/" : "", entry->d_name);
    snprintf(inner, sizeof inner, "%s/%s", root, path);
    struct stat status{};
    if (syscall(SYS_newfstatat, AT_FDCWD, inner, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISDIR(status.st_mode)) {
      record(Kind::folder, path, status.st_ino, 0);
      journal_folder(path);
    } else if (S_ISREG(status.st_mode)) {
      journal_file(inner, path, status);
    }
  }
  closedir(folder);
}

__attribute__((constructor)) void begin() {
  const char* folder = getenv("FAULTY_DISK_ROOT");
  const char* journal = getenv("FAULTY_DISK_JOURNAL");
  const char* rules = getenv("FAULTY_DISK_RULES");
  if (folder == nullptr || journal == nullptr || rules == nullptr) return;
  snprintf(journal_path, sizeof journal_path, "%s", journal);
  snprintf(rules_path, sizeof rules_path, "%s", rules);
  root_length = static_cast<size_t>(snprintf(root, sizeof root, "%s", folder));
  path_arena = static_cast<char*>(mmap(nullptr, kPathArena, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (path_arena == MAP_FAILED || memory == MAP_FAILED) give_up("no memory");
  open_journal();
  struct stat status{};
  if (syscall(SYS_fstat, kJournalDescriptor, &status) != 0) give_up("cannot look at the journal");
  if (status.st_size == 0) journal_folder("");
  record(Kind::start, "", 0, static_cast<uint64_t>(syscall(SYS_getpid)));
  shared = static_cast<Shared*>(memory);
  shared->main_process = static_cast<pid_t>(syscall(SYS_getpid));
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
