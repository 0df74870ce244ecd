// Files in memory that fail and crash as a disk does, for tests of what must survive.
//
// crash() is a power cut: what was appended and not synced is gone (or a random part of it stays), and so are files
// created, renamed or removed whose folder was not synced since (or a random first part of those changes stays). Open
// files are dead afterwards (EIO). A sync covers what was appended before it began. A failed one loses its bytes for good,
// even if a later sync reports success, as Linux does: code that retries a failed fsync is caught; every other handle of
// the file that is open reports it once as well. Folders exist when something is in them or were made.
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/fs/file_system.h"

namespace holdfast::test {

class FaultyFileSystem final : public FileSystem {
 public:
  enum class Operation { open, read, append, sync, truncate, rename, remove, make_directory, sync_directory, list };

  // Fails the `count` operations that follow the next `after` ones, with this errno. A path that is not empty limits it
  // to paths that contain it.
  void fail_operation(Operation operation, int code, int after = 0, int count = 1, std::string path = {});
  void clear_failures();
  // Appends beyond so many bytes in all files together write what fits and fail with ENOSPC.
  void set_capacity(uint64_t bytes);
  // Called before each sync of a file, on the calling thread and without a lock: a slow disk.
  void set_sync_hook(std::function<void(const std::string& path)> hook);
  uint64_t sync_count() const;

  // After so many more changes of any kind (appends, syncs, creations, renames ...) everything fails with EIO, until
  // crash() or restart(): for tests that crash at each step in turn.
  void die_after(uint64_t changes);
  bool dead() const;

  // The process was killed, the power stayed on: nothing is lost, and nothing more is durable than before.
  void restart();
  // A power cut. Without `random` everything unsynced is lost.
  void crash(RandomSource* random = nullptr);

  std::string content(const std::string& path) const;      // as a process sees it; "" when missing
  void put(const std::string& path, std::string content);  // a durable file, whole
  std::vector<std::string> paths() const;

  Result<std::unique_ptr<File>> open(const std::string& path, Mode mode) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> remove(const std::string& path) override;
  Result<> make_directory(const std::string& path) override;
  Result<> sync_directory(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  bool exists(const std::string& path) override;
  Result<Space> space(const std::string& path) override;

 private:
  class OpenFile;
  struct Node {
    std::string data;
    std::string durable;
    bool poisoned = false;  // a sync failed: nothing more of it becomes durable
    uint64_t failed_syncs = 0;
  };
  using Entries = std::map<std::string, std::shared_ptr<Node>>;
  struct Change {  // of one folder, not yet synced
    std::string path;
    std::shared_ptr<Node> node;  // null: removed
  };
  struct Failure {
    Operation operation;
    int code;
    int after;
    int count;
    std::string path;
  };

  // The errno to fail with, or 0. Call with the lock held.
  int injected(Operation operation, const std::string& path);
  void change(const std::string& path, std::shared_ptr<Node> node);
  uint64_t used() const;

  mutable std::mutex mutex_;
  Entries entries_;
  Entries durable_entries_;
  std::map<std::string, std::vector<Change>> pending_;  // by folder
  std::map<std::string, bool> folders_;                 // made; true: durable
  std::vector<Failure> failures_;
  uint64_t capacity_ = UINT64_MAX;
  uint64_t generation_ = 0;  // of open files
  uint64_t syncs_ = 0;
  uint64_t changes_left_ = UINT64_MAX;
  std::function<void(const std::string&)> sync_hook_;
};

}  // namespace holdfast::test
