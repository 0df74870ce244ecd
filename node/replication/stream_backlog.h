// A byte stream in shared chunks: appended at one end, read at any held position, forgotten at the other end.
//
// Positions count the bytes of the whole history: position p is the gap before byte p + 1, so end() equals Redis's
// master_repl_offset and a replica that asks PSYNC for offset n continues at position n - 1. Every replica reads the same
// chunks; none has a copy of its own. A chunk goes when it is wholly older than the wanted history and no hold needs it.
//
// With a store (and a limit for it), memory is kept by the wanted history and a small ring behind it. Older chunks, which
// some hold still needs, are written to the store as they leave the ring and come back, a few ahead of a reader, when one
// reads them:
//
//     begin()  on disk (some: a copy in memory)  disk_end()  being written  |  ring, history  end()
//
// After a failed write nothing more is written until retry_spill(): what does not fit the ring stays in memory, and
// counted() says how much of that a reader is to answer for, as long as there is such. At the limit of the store it is the same. After a failed read
// everything up to the end of that chunk is lost: see lost_below().
//
// Pure: the store is told what to do and reports later. Executor thread only. Spans from at() and read() are valid until
// the next call of anything that is not const; appending moves nothing. Invariants: begin() <= every hold <= end(); all
// chunks but the last are full; only full chunks are written, each after the one before.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>

#include "node/replication/spill_store.h"

namespace holdfast::node {

class StreamBacklog {
 public:
  using HoldId = uint64_t;

  static constexpr uint64_t kRing = 16 * 1024 * 1024;      // kept in memory behind the history
  static constexpr uint64_t kReadAhead = 1024 * 1024;      // of each reader that reads from the store

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
  size_t memory_bytes() const { return (resident_ + (spare_ ? 1 : 0)) * chunk_bytes_; }
  bool covers(int64_t position) const { return position >= begin_ && position <= end_; }

  void append(std::string_view bytes);
  // The longest contiguous run from `position` (covered) that is in memory; empty at end(), and where it is on disk.
  std::span<const char> at(int64_t position) const;
  // The same at a hold, for one who goes on reading: what is on disk is fetched, and the store's owner tells when it came.
  std::span<const char> read(HoldId id);

  HoldId hold(int64_t position);  // covered
  void move_hold(HoldId id, int64_t position);
  void release(HoldId id);
  int64_t oldest_hold() const;  // end() when there is none
  void trim();                  // append, move_hold and release do it themselves when a chunk is full

  // --- The store. It outlives this or is taken away (null); then what it held is lost.
  void set_store(SpillStore* store, uint64_t ring_bytes = kRing);
  void set_spill_limit(uint64_t bytes);  // of the store at most; 0: nothing more is written
  // The store's answers. A read that failed has no bytes.
  void written(uint64_t round, uint64_t chunk, bool ok);
  void read_done(uint64_t chunk, std::shared_ptr<char[]> bytes);
  void retry_spill();  // each second

  uint64_t spilled_bytes() const { return (written_ - front_) * chunk_bytes_; }
  bool spill_failed() const { return spill_failed_; }  // the last write
  bool can_spill() const { return store_ && !stuck_ && spilled_bytes() + 2 * chunk_bytes_ < spill_limit_; }
  int64_t disk_end() const { return position_of(written_); }
  int64_t lost_below() const { return lost_below_; }  // holds below this can read no more: release them
  // What a reader at `position` is behind and makes this keep in memory: without a store that works all of it; else, of
  // what is beyond history and ring, what the store has not written a second or two after it got it, or does not get.
  uint64_t counted(int64_t position) const;
  uint64_t unwritten() const;  // in memory beyond history and ring

 private:
  static constexpr size_t kSmallestChunk = 16 * 1024;
  static constexpr size_t kLargestChunk = 256 * 1024;

  struct Chunk {
    std::shared_ptr<char[]> bytes;  // null: on disk only
    bool in_flight = false;         // the store may be reading `bytes`, or is about to bring them
  };
  struct Hold {
    int64_t position = 0;
    bool reads_store = false;
  };

  uint64_t number_at(int64_t position) const { return front_ + static_cast<uint64_t>(position - first_) / chunk_bytes_; }
  int64_t position_of(uint64_t number) const { return first_ + static_cast<int64_t>((number - front_) * chunk_bytes_); }
  Chunk& chunk(uint64_t number) { return chunks_[static_cast<size_t>(number - front_)]; }
  uint64_t read_ahead() const { return kReadAhead / chunk_bytes_; }
  int64_t wanted_history() const;
  int64_t ring_begin() const { return end_ - wanted_history() - static_cast<int64_t>(ring_bytes_); }
  bool wanted(uint64_t number) const;
  void fetch(const Hold& hold);
  void let_go(uint64_t from, uint64_t to);
  void spill();
  void drop_bytes(Chunk& chunk);

  uint64_t history_bytes_;
  const size_t wanted_chunk_bytes_;
  size_t chunk_bytes_ = kSmallestChunk;
  std::deque<Chunk> chunks_;
  std::shared_ptr<char[]> spare_;  // the last buffer dropped: a steady stream allocates nothing
  size_t resident_ = 0;            // chunks with bytes
  int64_t first_ = 0;              // position of the first byte of chunks_.front()
  int64_t begin_ = 0;
  int64_t end_ = 0;
  std::unordered_map<HoldId, Hold> holds_;
  HoldId next_hold_ = 1;

  SpillStore* store_ = nullptr;
  uint64_t ring_bytes_ = kRing;
  uint64_t spill_limit_ = 0;
  uint64_t front_ = 0;       // number of chunks_.front()
  uint64_t written_ = 0;     // chunks below are on disk
  uint64_t next_spill_ = 0;  // chunks below are on disk or being written
  uint64_t given_before_ = 0;  // next_spill_ at the last retry_spill() ...
  uint64_t overdue_ = 0;       // ... and at the one before
  uint64_t round_ = 0;
  bool spill_failed_ = false;  // the last write
  bool stuck_ = false;         // and what it was about is still to be written
  bool spill_rests_ = false;  // until retry_spill()
  int64_t lost_below_ = INT64_MIN;
};

}  // namespace holdfast::node
