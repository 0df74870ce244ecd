// Files as an interface, so that tests can lose unsynced bytes, fill the disk or fail an fsync.
//
// Paths are ordinary path texts. Every failure is a Result whose `code` is the errno; nothing here throws. An object is
// used by one thread at a time, but sync() may run beside calls of another thread; different files may be used by
// different threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace holdfast {

class File {
 public:
  virtual ~File() = default;  // closes; errors of close are of no use after sync()
  // Reads up to buffer.size() bytes at `offset`; 0 at the end of the file.
  virtual Result<size_t> read_at(uint64_t offset, std::span<char> buffer) = 0;
  // Writes all of `bytes` at the end. After an error an unknown part may have been written: see size() and truncate().
  virtual Result<> append(std::string_view bytes) = 0;
  // fdatasync: what was appended survives a power cut. After a failure the file's content is unknown: never retry it.
  virtual Result<> sync() = 0;
  // A hint: from now on what is appended need not pass through the page cache. It does where the machine has no other
  // way, which is also so for bytes that are not whole blocks of kDirectAlignment, in memory aligned to that, behind such
  // blocks alone.
  virtual void bypass_cache(bool on) { (void)on; }
  static constexpr size_t kDirectAlignment = 4096;
  virtual Result<> truncate(uint64_t size) = 0;
  virtual Result<uint64_t> size() = 0;
  // Another handle of the same file, so that two syncs can overlap: a failed write-back is reported to each handle once,
  // so each learns of it. Nothing where the machine has no way to it.
  virtual std::unique_ptr<File> open_again() = 0;
};

class FileSystem {
 public:
  enum class Mode { read, append /* created if missing */, create /* emptied if present */ };

  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, Mode mode) = 0;
  virtual Result<> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<> remove(const std::string& path) = 0;  // a missing file is an error (ENOENT)
  virtual Result<> make_directory(const std::string& path) = 0;  // an existing one is fine
  virtual Result<> sync_directory(const std::string& path) = 0;  // makes renames and creations in it durable
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;  // names in it, sorted, without . and ..
  virtual bool exists(const std::string& path) = 0;

  struct Space {
    uint64_t available = 0;  // bytes, to this process
    uint64_t total = 0;
  };
  virtual Result<Space> space(const std::string& path) = 0;  // of the file system that `path` is on
};

Result<std::string> read_whole_file(FileSystem& fs, const std::string& path);

// Replaces `path` by a file with this content such that a crash leaves the old or the new one, whole: temporary file in
// the same folder, sync, rename, sync of the folder. The temporary is removed on failure. Where `path` is a mount point
// of its own (a bind-mounted file: rename answers EBUSY or EXDEV) the content is written in place and synced.
Result<> atomic_replace(FileSystem& fs, const std::string& path, std::string_view content);

std::string directory_of(const std::string& path);  // "." where the path has no folder
std::string join_path(const std::string& directory, std::string_view name);

// The machine's files.
class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, Mode mode) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> remove(const std::string& path) override;
  Result<> make_directory(const std::string& path) override;
  Result<> sync_directory(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  bool exists(const std::string& path) override;
  Result<Space> space(const std::string& path) override;
};

}  // namespace holdfast
