#include "node/persistence/chunk_queue.h"

#include <time.h>

#include <utility>

namespace holdfast::node {

namespace {

// Takes the reference in the ring with it.
template <typename Ring>
ChunkQueue::Handed take(Ring& ring) {
  ChunkQueue::Handed taken;
  ring.consume_one([&taken](ChunkQueue::Handed& chunk) { taken = std::move(chunk); });
  return taken;
}

}  // namespace

ChunkQueue::ChunkQueue() { (void)::sem_init(&worked_off_, 0, 0); }

ChunkQueue::~ChunkQueue() { (void)::sem_destroy(&worked_off_); }

void ChunkQueue::push(Chunk chunk) {
  waiting_.fetch_add(1, std::memory_order_relaxed);
  queue_.push(std::make_shared<Chunk>(std::move(chunk)));
  tokens_.release();
}

void ChunkQueue::end() {
  ended_.store(true, std::memory_order_release);
  tokens_.release();
}

std::optional<Chunk> ChunkQueue::used() {
  const Handed chunk = take(used_);
  if (!chunk) return std::nullopt;
  return std::move(*chunk);
}

// A post that comes too late ends the next wait early, which does no harm.
void ChunkQueue::wait(Nanos most) {
  const size_t before = waiting();
  if (before == 0) return;
  executor_waits_.store(true, std::memory_order_seq_cst);
  if (waiting_.load(std::memory_order_seq_cst) >= before) {
    const Nanos until = (SystemClock().now() + most).time_since_epoch();
    const auto seconds = std::chrono::duration_cast<Seconds>(until);
    const timespec deadline{static_cast<time_t>(seconds.count()), static_cast<long>((until - seconds).count())};
    (void)::sem_clockwait(&worked_off_, CLOCK_MONOTONIC, &deadline);
  }
  executor_waits_.store(false, std::memory_order_relaxed);
}

ChunkQueue::Handed ChunkQueue::pop() {
  tokens_.acquire();
  return take(queue_);
}

void ChunkQueue::worked_off(Handed chunk) {
  if (used_.write_available() > 0) used_.push(std::move(chunk));
  waiting_.fetch_sub(1, std::memory_order_seq_cst);
  if (executor_waits_.exchange(false, std::memory_order_seq_cst)) (void)::sem_post(&worked_off_);
}

}  // namespace holdfast::node
