#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "common/fs/file_system.h"

namespace holdfast {

namespace {

class PosixFile final : public File {
 public:
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~PosixFile() override { ::close(fd_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  Result<size_t> read_at(uint64_t offset, std::span<char> buffer) override {
    while (true) {
      const ssize_t count = ::pread(fd_, buffer.data(), buffer.size(), static_cast<off_t>(offset));
      if (count >= 0) return static_cast<size_t>(count);
      if (errno != EINTR) return fail_errno(errno, path_);
    }
  }

  Result<> append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = ::write(fd_, bytes.data(), bytes.size());
      if (count >= 0) {
        bytes.remove_prefix(static_cast<size_t>(count));
      } else if (errno == EINVAL && direct_) {
        bypass_cache(false);  // not aligned, or for the file system not aligned enough
      } else if (errno != EINTR) {
        return fail_errno(errno, path_);
      }
    }
    return {};
  }

  Result<> sync() override {
    if (::fdatasync(fd_) != 0) return fail_errno(errno, path_);
    return {};
  }

  void bypass_cache(bool on) override {
    const int flags = ::fcntl(fd_, F_GETFL);
    if (flags < 0) return;
    direct_ = ::fcntl(fd_, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0 && on;
  }

  Result<> truncate(uint64_t size) override {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return fail_errno(errno, path_);
    return {};
  }

  Result<uint64_t> size() override {
    struct stat status{};
    if (::fstat(fd_, &status) != 0) return fail_errno(errno, path_);
    return static_cast<uint64_t>(status.st_size);
  }

  // Not by its name, which may be another file's by now; and not by dup(), which shares the record of errors seen.
  std::unique_ptr<File> open_again() override {
    const int fd = ::open(("/proc/self/fd/" + std::to_string(fd_)).c_str(), O_RDWR | O_APPEND | O_CLOEXEC);
    return fd < 0 ? nullptr : std::make_unique<PosixFile>(fd, path_);
  }

 private:
  const int fd_;
  const std::string path_;
  bool direct_ = false;
};

Result<> check(int result, const std::string& path) {
  if (result != 0) return fail_errno(errno, path);
  return {};
}

}  // namespace

Result<std::unique_ptr<File>> PosixFileSystem::open(const std::string& path, Mode mode) {
  int flags = O_CLOEXEC;
  switch (mode) {
    case Mode::read: flags |= O_RDONLY; break;
    case Mode::append: flags |= O_RDWR | O_CREAT | O_APPEND; break;
    case Mode::create: flags |= O_RDWR | O_CREAT | O_TRUNC | O_APPEND; break;
  }
  const int fd = ::open(path.c_str(), flags, 0644);
  if (fd < 0) return fail_errno(errno, path);
  struct stat status{};
  if (::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
    ::close(fd);
    return fail_errno(EISDIR, path);
  }
  return std::make_unique<PosixFile>(fd, path);
}

Result<> PosixFileSystem::rename(const std::string& from, const std::string& to) {
  return check(::rename(from.c_str(), to.c_str()), to);
}

Result<> PosixFileSystem::remove(const std::string& path) { return check(::unlink(path.c_str()), path); }

Result<> PosixFileSystem::make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return fail_errno(errno, path);
  return {};
}

Result<> PosixFileSystem::sync_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail_errno(errno, path);
  const int result = ::fsync(fd);
  const int code = errno;
  ::close(fd);
  // Some file systems cannot sync a folder (EINVAL); there is nothing more to do there.
  if (result != 0 && code != EINVAL) return fail_errno(code, path);
  return {};
}

Result<std::vector<std::string>> PosixFileSystem::list(const std::string& path) {
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return fail_errno(errno, path);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  ::closedir(directory);
  std::sort(names.begin(), names.end());
  return names;
}

bool PosixFileSystem::exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Result<FileSystem::Space> PosixFileSystem::space(const std::string& path) {
  struct statvfs status{};
  if (::statvfs(path.c_str(), &status) != 0) return fail_errno(errno, path);
  return Space{status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize};
}

}  // namespace holdfast
