// Where a StreamBacklog puts the chunks that it does not keep in memory: files, or a fake in tests.
//
// Every call only leaves a job: jobs are carried out later, in the order in which they were given, and what becomes of one
// is told to StreamBacklog::written() or read_done(), never from inside of a call. Chunk numbers only grow; a number
// stands for the same bytes for ever. Executor thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace holdfast::node {

// The bytes of a chunk. The count of its owners lies elsewhere: beside them it would push the allocation into the next
// size class, a quarter more.
inline std::shared_ptr<char[]> make_chunk(size_t bytes) { return std::shared_ptr<char[]>(new char[bytes]); }

class SpillStore {
 public:
  virtual ~SpillStore() = default;

  // The bytes do not change until written() is told. `round` grows with each failure: writes of the rounds before it need
  // not be made any more.
  virtual void write(uint64_t round, uint64_t chunk, std::shared_ptr<const char[]> bytes, size_t size) = 0;
  // One that was written.
  virtual void read(uint64_t chunk, size_t size) = 0;
  // Those below are not asked for again: their space can be given back.
  virtual void forget_below(uint64_t chunk) = 0;
};

}  // namespace holdfast::node
