// A byte stream in shared chunks: appended at one end, read at any held position, forgotten at the other end.
//
// Positions count the bytes of the whole history: position p is the gap before byte p + 1, so end() equals Redis's
// master_repl_offset and a replica that asks PSYNC for offset n continues at position n - 1. Every replica reads the same
// chunks; none has a copy of its own. A chunk goes when it is wholly older than the wanted history and no hold needs it.
//
// Executor thread only. Spans from at() are valid until the next trim, clear or start; appending moves nothing.
// Invariants: begin() <= every hold <= end(); all chunks but the last are full.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>

namespace holdfast::node {

class StreamBacklog {
 public:
  using HoldId = uint64_t;

  // `history_bytes`: how much is kept behind end() although nobody holds it; 0 keeps only what is held. `chunk_bytes`: of
  // each chunk; 0 chooses by the history.
  explicit StreamBacklog(uint64_t history_bytes, size_t chunk_bytes = 0)
      : history_bytes_(history_bytes), wanted_chunk_bytes_(chunk_bytes) {}

  void start(int64_t position);  // empty, with begin() == end() == position; there must be no holds
  void set_history(uint64_t history_bytes);
  uint64_t history() const { return history_bytes_; }

  int64_t begin() const { return begin_; }
  int64_t end() const { return end_; }
  uint64_t size() const { return static_cast<uint64_t>(end_ - begin_); }
  size_t memory_bytes() const { return (chunks_.size() + (spare_ ? 1 : 0)) * chunk_bytes_; }
  bool covers(int64_t position) const { return position >= begin_ && position <= end_; }

  void append(std::string_view bytes);
  // The longest contiguous run from `position` (covered); empty only at end().
  std::span<const char> at(int64_t position) const;

  HoldId hold(int64_t position);  // covered
  void move_hold(HoldId id, int64_t position);
  void release(HoldId id);
  int64_t oldest_hold() const;  // end() when there is none
  void trim();                  // append, move_hold and release do it themselves when a chunk is full

 private:
  static constexpr size_t kSmallestChunk = 16 * 1024;
  static constexpr size_t kLargestChunk = 256 * 1024;

  uint64_t history_bytes_;
  const size_t wanted_chunk_bytes_;
  size_t chunk_bytes_ = kSmallestChunk;
  std::deque<std::unique_ptr<char[]>> chunks_;
  std::unique_ptr<char[]> spare_;  // the last chunk dropped: a steady stream allocates nothing
  int64_t first_ = 0;              // position of the first byte of chunks_.front()
  int64_t begin_ = 0;
  int64_t end_ = 0;
  std::unordered_map<HoldId, int64_t> holds_;
  HoldId next_hold_ = 1;
};

}  // namespace holdfast::node
