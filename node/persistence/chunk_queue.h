// Chunks on their way to a snapshot's writer, and back to be filled again.
//
// The writer may lose its processor at any moment, for long. So neither side holds a lock while it is here: the
// executor would wait for the writer to get time. What is not for one side only is called by the executor, but wake().
#pragma once

#include <semaphore.h>

#include <atomic>
#include <boost/lockfree/spsc_queue.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <semaphore>

#include "common/time/clock.h"
#include "node/persistence/record_stream.h"

namespace holdfast::node {

class ChunkQueue {
 public:
  static constexpr size_t kMost = 64;  // chunks in it
  using Handed = std::shared_ptr<Chunk>;

  ChunkQueue();
  ~ChunkQueue();

  bool has_room() const { return queue_.write_available() > 0; }
  void push(Chunk chunk);  // there must be room
  void end();              // everything was pushed
  // Chunks, with the one in the writer's hand.
  size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }
  std::optional<Chunk> used();
  // Waits until a chunk has been worked off, if any waits to be.
  void wait(Nanos most);

  // Any thread: pop() returns once without a chunk.
  void wake() { tokens_.release(); }

  // --- The writer's ---
  // Waits for a chunk, the end or wake().
  Handed pop();
  bool at_end() const { return ended_.load(std::memory_order_acquire) && queue_.read_available() == 0; }
  // Back to the executor, which made it and frees it: freeing the other's memory takes the allocator's locks.
  void worked_off(Handed chunk);

 private:
  template <size_t N>
  using Ring = boost::lockfree::spsc_queue<Handed, boost::lockfree::capacity<N>>;

  Ring<kMost> queue_;
  Ring<2 * kMost> used_;
  std::counting_semaphore<> tokens_{0};  // one for each chunk in queue_, for the end, and for each wake()
  ::sem_t worked_off_;  // posted for an executor that waits; the standard's would yield the processor before it sleeps
  std::atomic<bool> executor_waits_{false};
  std::atomic<bool> ended_{false};
  std::atomic<size_t> waiting_{0};
};

}  // namespace holdfast::node
