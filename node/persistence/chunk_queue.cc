#include "node/persistence/chunk_queue.h"

#include <utility>

namespace holdfast::node {

namespace {

template <typename Ring>
std::optional<Chunk> take(Ring& ring) {
  std::optional<Chunk> taken;
  ring.consume_one([&taken](const std::shared_ptr<Chunk>& chunk) { taken = std::move(*chunk); });
  return taken;
}

}  // namespace

void ChunkQueue::push(Chunk chunk) {
  waiting_.fetch_add(1, std::memory_order_relaxed);
  queue_.push(std::make_shared<Chunk>(std::move(chunk)));
  tokens_.release();
}

void ChunkQueue::end() {
  ended_.store(true, std::memory_order_release);
  tokens_.release();
}

std::optional<Chunk> ChunkQueue::used() { return take(used_); }

// A release that comes too late ends the next wait early, which does no harm.
void ChunkQueue::wait(Nanos most) {
  const size_t before = waiting();
  executor_waits_.store(true, std::memory_order_seq_cst);
  if (waiting_.load(std::memory_order_seq_cst) >= before) (void)worked_off_.try_acquire_for(most);
  executor_waits_.store(false, std::memory_order_relaxed);
}

std::optional<Chunk> ChunkQueue::pop() {
  tokens_.acquire();
  return take(queue_);
}

void ChunkQueue::worked_off(Chunk chunk) {
  if (chunk.capacity == Chunk::kBytes && used_.write_available() > 0)
    used_.push(std::make_shared<Chunk>(std::move(chunk)));
  waiting_.fetch_sub(1, std::memory_order_seq_cst);
  if (executor_waits_.exchange(false, std::memory_order_seq_cst)) worked_off_.release();
}

}  // namespace holdfast::node
