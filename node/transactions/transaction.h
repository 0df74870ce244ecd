// One client's transaction: what MULTI has queued, and which keys WATCH observes.
//
// Executor thread only. Commands are queued by value, since the input buffer they point into goes on. The watch list is
// filled and emptied by the WatchTable, which must outlive it or be told (WatchTable::unwatch) before it goes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::node {

// The arguments of one command, owned.
class OwnedCommand {
 public:
  explicit OwnedCommand(std::span<const std::string_view> argv) {
    size_t total = 0;
    for (const auto word : argv) total += word.size();
    bytes_.reserve(total);
    lengths_.reserve(argv.size());
    for (const auto word : argv) {
      bytes_ += word;
      lengths_.push_back(word.size());
    }
  }
  size_t memory_bytes() const { return sizeof *this + bytes_.capacity() + lengths_.capacity() * sizeof(size_t); }
  // Views into this command, valid while it stays where it is.
  void views(std::vector<std::string_view>& out) const {
    out.clear();
    const char* at = bytes_.data();
    for (const size_t length : lengths_) {
      out.emplace_back(at, length);
      at += length;
    }
  }

 private:
  std::string bytes_;
  std::vector<size_t> lengths_;
};

class Transaction {
 public:
  Transaction() = default;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  bool open() const { return open_; }
  // MULTI. False when one is open already.
  bool begin() {
    if (open_) return false;
    open_ = true;
    return true;
  }
  void queue(std::span<const std::string_view> argv, uint64_t command_flags) {
    queued_bytes_ += queued_.emplace_back(argv).memory_bytes();
    flags_ |= command_flags;
    common_flags_ &= command_flags;
  }
  // A command was refused while queueing: EXEC will answer EXECABORT.
  void refuse() {
    if (open_) refused_ = true;
  }
  bool refused() const { return refused_; }
  size_t size() const { return queued_.size(); }
  size_t queued_bytes() const { return queued_bytes_; }
  size_t watched_bytes() const { return watched_bytes_; }
  // The flags of all queued commands together.
  uint64_t flags() const { return flags_; }
  // Those that every one of them has; all, where none is queued.
  uint64_t common_flags() const { return common_flags_; }
  // A watched key has changed: EXEC will answer nil.
  bool stale() const { return stale_; }
  bool watching() const { return !watched_.empty(); }

  // Takes the queue for execution and closes the transaction; the watched keys are left to WatchTable::unwatch.
  std::vector<OwnedCommand> take() {
    std::vector<OwnedCommand> queued = std::move(queued_);
    discard();
    return queued;
  }
  void discard() {
    queued_.clear();
    queued_bytes_ = 0;
    open_ = refused_ = false;
    flags_ = 0;
    common_flags_ = UINT64_MAX;
  }

 private:
  friend class WatchTable;
  struct Watched {
    int db;
    std::string key;
    bool expired;  // it was past its expiry already when WATCH saw it
  };

  std::vector<OwnedCommand> queued_;
  size_t queued_bytes_ = 0;
  std::vector<Watched> watched_;
  size_t watched_bytes_ = 0;  // with the places in the WatchTable
  uint64_t flags_ = 0;
  uint64_t common_flags_ = UINT64_MAX;
  bool open_ = false;
  bool refused_ = false;
  bool stale_ = false;
};

}  // namespace holdfast::node
