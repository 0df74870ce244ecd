#include "tests/support/faulty_file_system.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace holdfast::test {

class FaultyFileSystem::OpenFile final : public File {
 public:
  OpenFile(FaultyFileSystem& fs, std::string path, std::shared_ptr<Node> node)
      : fs_(fs), path_(std::move(path)), node_(std::move(node)), generation_(fs.generation_), known_failures_(node_->failed_syncs) {}

  Result<size_t> read_at(uint64_t offset, std::span<char> buffer) override {
    const std::lock_guard lock(fs_.mutex_);
    if (auto usable = check(Operation::read); !usable) return std::unexpected(usable.error());
    if (offset >= node_->data.size()) return size_t{0};
    const size_t count = std::min<size_t>(buffer.size(), node_->data.size() - offset);
    std::memcpy(buffer.data(), node_->data.data() + offset, count);
    return count;
  }

  Result<> append(std::string_view bytes) override {
    const std::lock_guard lock(fs_.mutex_);
    if (auto usable = check(Operation::append); !usable) return usable;
    const uint64_t used = fs_.used();
    const uint64_t room = fs_.capacity_ > used ? fs_.capacity_ - used : 0;
    node_->data.append(bytes.substr(0, room));
    if (room < bytes.size()) return fail_errno(ENOSPC, path_);
    return {};
  }

  Result<> sync() override {
    std::function<void(const std::string&)> hook;
    size_t covered;
    {
      const std::lock_guard lock(fs_.mutex_);
      hook = fs_.sync_hook_;
      covered = node_->data.size();
    }
    if (hook) hook(path_);
    const std::lock_guard lock(fs_.mutex_);
    ++fs_.syncs_;
    if (generation_ != fs_.generation_) return fail_errno(EIO, path_);
    if (auto usable = check(Operation::sync); !usable) {
      node_->poisoned = true;
      known_failures_ = ++node_->failed_syncs;
      return usable;
    }
    if (known_failures_ != node_->failed_syncs) {
      known_failures_ = node_->failed_syncs;
      return fail_errno(EIO, path_);
    }
    // Another sync that began later may have ended before.
    covered = std::max(covered, node_->durable.size());
    if (!node_->poisoned) node_->durable = node_->data.substr(0, covered);
    return {};
  }

  Result<> truncate(uint64_t size) override {
    const std::lock_guard lock(fs_.mutex_);
    if (auto usable = check(Operation::truncate); !usable) return usable;
    node_->data.resize(size);
    return {};
  }

  Result<uint64_t> size() override {
    const std::lock_guard lock(fs_.mutex_);
    if (generation_ != fs_.generation_) return fail_errno(EIO, path_);
    return uint64_t{node_->data.size()};
  }

  std::unique_ptr<File> open_again() override {
    const std::lock_guard lock(fs_.mutex_);
    return std::make_unique<OpenFile>(fs_, path_, node_);
  }

 private:
  Result<> check(Operation operation) {
    if (generation_ != fs_.generation_) return fail_errno(EIO, path_);
    if (const int code = fs_.injected(operation, path_)) return fail_errno(code, path_);
    return {};
  }

  FaultyFileSystem& fs_;
  const std::string path_;
  const std::shared_ptr<Node> node_;
  const uint64_t generation_;
  uint64_t known_failures_;
};

void FaultyFileSystem::fail_operation(Operation operation, int code, int after, int count, std::string path) {
  const std::lock_guard lock(mutex_);
  failures_.push_back({operation, code, after, count, std::move(path)});
}

void FaultyFileSystem::clear_failures() {
  const std::lock_guard lock(mutex_);
  failures_.clear();
}

void FaultyFileSystem::set_capacity(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

void FaultyFileSystem::set_sync_hook(std::function<void(const std::string&)> hook) {
  const std::lock_guard lock(mutex_);
  sync_hook_ = std::move(hook);
}

uint64_t FaultyFileSystem::sync_count() const {
  const std::lock_guard lock(mutex_);
  return syncs_;
}

void FaultyFileSystem::die_after(uint64_t changes) {
  const std::lock_guard lock(mutex_);
  changes_left_ = changes;
}

bool FaultyFileSystem::dead() const {
  const std::lock_guard lock(mutex_);
  return changes_left_ == 0;
}

void FaultyFileSystem::restart() {
  const std::lock_guard lock(mutex_);
  changes_left_ = UINT64_MAX;
  for (auto& [path, node] : entries_) node->poisoned = false;  // the sync did not fail, it was never called
  ++generation_;
}

void FaultyFileSystem::crash(RandomSource* random) {
  const std::lock_guard lock(mutex_);
  if (random != nullptr) {
    for (auto& [folder, changes] : pending_) {
      const uint64_t kept = random->below(changes.size() + 1);
      for (uint64_t i = 0; i < kept; ++i) {
        if (changes[i].node) {
          durable_entries_[changes[i].path] = changes[i].node;
        } else {
          durable_entries_.erase(changes[i].path);
        }
      }
    }
  }
  pending_.clear();
  entries_ = durable_entries_;
  for (auto& [path, node] : entries_) {
    // Appended and not synced: a random first part may have reached the disk.
    if (random != nullptr && !node->poisoned && node->data.size() > node->durable.size() &&
        node->data.starts_with(node->durable)) {
      const uint64_t extra = random->below(node->data.size() - node->durable.size() + 1);
      node->durable = node->data.substr(0, node->durable.size() + extra);
    }
    node->data = node->durable;
    node->poisoned = false;
  }
  std::erase_if(folders_, [](const auto& folder) { return !folder.second; });
  changes_left_ = UINT64_MAX;
  ++generation_;
}

std::string FaultyFileSystem::content(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(path);
  return found == entries_.end() ? std::string() : found->second->data;
}

void FaultyFileSystem::put(const std::string& path, std::string content) {
  const std::lock_guard lock(mutex_);
  auto node = std::make_shared<Node>();
  node->data = node->durable = std::move(content);
  entries_[path] = durable_entries_[path] = std::move(node);
}

std::vector<std::string> FaultyFileSystem::paths() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> paths;
  for (const auto& [path, node] : entries_) paths.push_back(path);
  return paths;
}

int FaultyFileSystem::injected(Operation operation, const std::string& path) {
  if (changes_left_ == 0) return EIO;
  if (operation != Operation::read && operation != Operation::list && changes_left_ != UINT64_MAX) --changes_left_;
  for (Failure& failure : failures_) {
    if (failure.operation != operation || failure.count == 0) continue;
    if (!failure.path.empty() && path.find(failure.path) == std::string::npos) continue;
    if (failure.after > 0) {
      --failure.after;
      continue;
    }
    --failure.count;
    return failure.code;
  }
  return 0;
}

void FaultyFileSystem::change(const std::string& path, std::shared_ptr<Node> node) {
  if (node) {
    entries_[path] = node;
  } else {
    entries_.erase(path);
  }
  pending_[directory_of(path)].push_back({path, std::move(node)});
}

uint64_t FaultyFileSystem::used() const {
  uint64_t bytes = 0;
  for (const auto& [path, node] : entries_) bytes += node->data.size();
  return bytes;
}

Result<std::unique_ptr<File>> FaultyFileSystem::open(const std::string& path, Mode mode) {
  const std::lock_guard lock(mutex_);
  if (const int code = injected(Operation::open, path)) return fail_errno(code, path);
  if (folders_.contains(path)) return fail_errno(EISDIR, path);
  auto found = entries_.find(path);
  if (found == entries_.end()) {
    if (mode == Mode::read) return fail_errno(ENOENT, path);
    change(path, std::make_shared<Node>());
    found = entries_.find(path);
  }
  if (mode == Mode::create) found->second->data.clear();
  return std::make_unique<OpenFile>(*this, path, found->second);
}

Result<> FaultyFileSystem::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  if (const int code = injected(Operation::rename, to)) return fail_errno(code, to);
  const auto found = entries_.find(from);
  if (found == entries_.end()) return fail_errno(ENOENT, to);
  const std::shared_ptr<Node> node = found->second;
  change(to, node);
  change(from, nullptr);
  return {};
}

Result<> FaultyFileSystem::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (const int code = injected(Operation::remove, path)) return fail_errno(code, path);
  if (!entries_.contains(path)) return fail_errno(ENOENT, path);
  change(path, nullptr);
  return {};
}

Result<> FaultyFileSystem::make_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (const int code = injected(Operation::make_directory, path)) return fail_errno(code, path);
  if (entries_.contains(path)) return fail_errno(ENOTDIR, path);
  folders_.emplace(path, false);
  return {};
}

Result<> FaultyFileSystem::sync_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (const int code = injected(Operation::sync_directory, path)) return fail_errno(code, path);
  for (Change& entry : pending_[path]) {
    if (entry.node) {
      durable_entries_[entry.path] = std::move(entry.node);
    } else {
      durable_entries_.erase(entry.path);
    }
  }
  pending_.erase(path);
  for (auto& [folder, durable] : folders_) durable = durable || directory_of(folder) == path;
  return {};
}

Result<std::vector<std::string>> FaultyFileSystem::list(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (const int code = injected(Operation::list, path)) return fail_errno(code, path);
  std::vector<std::string> names;
  const auto add = [&](const std::string& entry) {
    if (directory_of(entry) == path) names.push_back(entry.substr(entry.rfind('/') + 1));
  };
  for (const auto& [entry, node] : entries_) add(entry);
  for (const auto& [folder, durable] : folders_) add(folder);
  if (names.empty() && !folders_.contains(path)) return fail_errno(ENOENT, path);
  std::sort(names.begin(), names.end());
  return names;
}

Result<FileSystem::Space> FaultyFileSystem::space(const std::string&) {
  const std::lock_guard lock(mutex_);
  const uint64_t total = std::min<uint64_t>(capacity_, INT64_MAX), taken = used();
  return Space{total > taken ? total - taken : 0, total};
}

bool FaultyFileSystem::exists(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return entries_.contains(path) || folders_.contains(path) ||
         std::any_of(entries_.begin(), entries_.end(),
                     [&](const auto& entry) { return directory_of(entry.first) == path; });
}

}  // namespace holdfast::test
