// Which keys have changed since the offset that is released at the reply gate: a read of others need not wait.
//
// Not the keys are kept but, in a table of fixed size by their hash, the offset of the log after the last change: two
// keys may share a place, which costs a wait and never an answer too early. What has changed in this turn has no offset
// yet; for it, end_turn() fills in the one that covers all of the turn. Nothing needs to be cleared: an offset that is
// released asks for nothing.
//
// Off (the default) it costs a comparison for each change. Executor thread only. See docs/internals/reply-gate.md.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace holdfast::node {

class UnsyncedKeys {
 public:
  static constexpr uint64_t kThisTurn = UINT64_MAX;

  bool on() const { return offsets_ != nullptr; }
  // What has changed so far counts as changed in this turn, every key of it.
  void switch_on();
  void switch_off();

  // A key with this hash is about to change.
  void changed(uint64_t hash) {
    if (offsets_ != nullptr) mark(hash);
  }
  // Any number of keys are.
  void changed_all() {
    if (offsets_ != nullptr) all_ = kThisTurn;
  }
  // All that has changed lies before this offset of the log.
  void end_turn(uint64_t offset);

  // What is read of the key is safe when this offset is; kThisTurn: when all that is logged by now is.
  uint64_t needed(uint64_t hash) const { return std::max(all_, offsets_[place(hash)]); }

 private:
  // 128 KB: with a hundred changed keys in flight one read of 160 waits for nothing.
  static constexpr unsigned kBits = 14;
  static size_t place(uint64_t hash) { return hash * 0x9e37'79b9'7f4a'7c15 >> (64 - kBits); }
  void mark(uint64_t hash) {
    uint64_t& offset = offsets_[place(hash)];
    if (offset == kThisTurn) return;
    offset = kThisTurn;
    marked_.push_back(static_cast<uint32_t>(place(hash)));
  }

  std::unique_ptr<uint64_t[]> offsets_;
  std::vector<uint32_t> marked_;  // places that hold kThisTurn
  uint64_t all_ = 0;
};

}  // namespace holdfast::node
