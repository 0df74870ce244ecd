#include "tests/support/disk_shim/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

namespace disk_shim {

namespace {

constexpr uint64_t kMagic = 0x4b7a11f05ca1ab1e;
constexpr int kJournalDescriptor = 700;  // high: whoever closes everything does not get this number for a new file

struct Header {
  uint64_t magic;
  uint32_t length;  // of the record
  uint16_t kind;
  uint16_t path_length;
  uint64_t inode;
  uint64_t value;
  uint64_t nanoseconds;  // monotonic clock
};

char journal_path[PATH_MAX];  // a copy: a process may write its title over its environment

void open_journal() {
  const long fd = syscall(SYS_openat, AT_FDCWD, journal_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) give_up("cannot open the journal");
  if (syscall(SYS_dup3, fd, kJournalDescriptor, O_CLOEXEC) < 0) give_up("cannot keep the journal");
  syscall(SYS_close, fd);
}

}  // namespace

[[noreturn]] void give_up(const char* what) {
  char text[256];
  const int length = snprintf(text, sizeof text, "faulty_disk: %s: %s\n", what, strerror(errno));
  (void)!syscall(SYS_write, STDERR_FILENO, text, length);
  abort();
}

void record(Kind kind, const char* path, uint64_t inode, uint64_t value, const void* data, size_t size) {
  const int saved = errno;
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  Header header{kMagic,
                0,
                static_cast<uint16_t>(kind),
                static_cast<uint16_t>(strlen(path)),
                inode,
                value,
                static_cast<uint64_t>(now.tv_sec) * 1000000000 + static_cast<uint64_t>(now.tv_nsec)};
  header.length = static_cast<uint32_t>(sizeof header + header.path_length + size);
  const iovec parts[] = {
      {&header, sizeof header}, {const_cast<char*>(path), header.path_length}, {const_cast<void*>(data), size}};
  long done = syscall(SYS_writev, kJournalDescriptor, parts, 3);
  if (done < 0 && errno == EBADF) {  // a forked child has closed all that it did not know
    open_journal();
    done = syscall(SYS_writev, kJournalDescriptor, parts, 3);
  }
  if (done != header.length) give_up("cannot write the journal");
  errno = saved;
}

namespace {

void journal_file(const char* full, const char* name, const struct stat& status) {
  char* bytes = static_cast<char*>(mmap(nullptr, static_cast<size_t>(status.st_size) + 1, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
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

void journal_folder(const char* root, const char* name) {
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
    struct stat status {};
    if (syscall(SYS_newfstatat, AT_FDCWD, inner, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISDIR(status.st_mode)) {
      record(Kind::folder, path, status.st_ino, 0);
      journal_folder(root, path);
    } else if (S_ISREG(status.st_mode)) {
      journal_file(inner, path, status);
    }
  }
  closedir(folder);
}

}  // namespace

void begin_journal(const char* path, const char* root) {
  snprintf(journal_path, sizeof journal_path, "%s", path);
  open_journal();
  struct stat status {};
  if (syscall(SYS_fstat, kJournalDescriptor, &status) != 0) give_up("cannot look at the journal");
  if (status.st_size == 0) journal_folder(root, "");
  record(Kind::start, "", 0, static_cast<uint64_t>(syscall(SYS_getpid)));
}

}  // namespace disk_shim
