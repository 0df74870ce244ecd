#include "tests/support/disk_shim/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/disk_shim/journal.h"

namespace disk_shim {

namespace {

constexpr size_t kRules = 16;
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

char rules_path[PATH_MAX];
Shared* shared = nullptr;

int error_of(const char* name) {
  static const struct {
    const char* name;
    int number;
  } known[] = {{"EIO", EIO},       {"ENOSPC", ENOSPC}, {"EACCES", EACCES}, {"EROFS", EROFS}, {"EPERM", EPERM},
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
  struct stat status {};
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

const char* name_of(Operation operation) {
  size_t i = 0;
  while ((1U << i) != operation) ++i;
  return kOperationNames[i];
}

}  // namespace

void begin_rules(const char* path) {
  snprintf(rules_path, sizeof rules_path, "%s", path);
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) give_up("no memory");
  shared = static_cast<Shared*>(memory);
  shared->main_process = static_cast<pid_t>(syscall(SYS_getpid));
}

bool active() { return shared != nullptr; }

uint64_t next_sync_number() { return __atomic_add_fetch(&shared->next_sync, 1, __ATOMIC_RELAXED); }

// Its holder may take it to the grave: after a while it is taken by force.
Locked::Locked() {
  for (int i = 0; i < 20000 && __atomic_exchange_n(&shared->lock, 1, __ATOMIC_ACQUIRE) != 0; ++i) sched_yield();
}

Locked::~Locked() { __atomic_store_n(&shared->lock, 0, __ATOMIC_RELEASE); }

[[noreturn]] void die() {
  syscall(SYS_kill, shared->main_process, SIGKILL);
  syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
  while (true) pause();
}

Verdict judge(Operation operation, const char* path, int64_t bytes) {
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

}  // namespace disk_shim
