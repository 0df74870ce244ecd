#include "node/eviction/pool.h"

#include <algorithm>
#include <utility>

namespace holdfast::node {

namespace {

// A huge key's name is not kept longer than it is needed.
constexpr size_t kKeepCapacity = 255;

}  // namespace

void EvictionPool::remove(size_t index) {
  std::rotate(candidates_.begin() + index, candidates_.begin() + index + 1, candidates_.begin() + size_);
  std::string& free = candidates_[--size_].key;
  if (free.capacity() > kKeepCapacity) std::string().swap(free);
}

void EvictionPool::offer(uint64_t score, int db, std::string_view key) {
  for (size_t i = 0; i < size_; ++i) {
    if (candidates_[i].db != db || candidates_[i].key != key) continue;
    if (candidates_[i].score == score) return;
    remove(i);
    break;
  }
  if (size_ == kMost) {
    if (score <= candidates_[0].score) return;
    remove(0);
  }
  Candidate& fresh = candidates_[size_];
  fresh.score = score;
  fresh.db = db;
  fresh.key = key;
  const auto end = candidates_.begin() + size_;
  const auto at = std::ranges::find_if(candidates_.begin(), end, [&](const Candidate& c) { return c.score > score; });
  std::rotate(at, end, end + 1);
  ++size_;
}

std::optional<EvictionPool::Candidate> EvictionPool::take() {
  if (size_ == 0) return std::nullopt;
  --size_;
  Candidate best = candidates_[size_];
  if (candidates_[size_].key.capacity() > kKeepCapacity) std::string().swap(candidates_[size_].key);
  return best;
}

}  // namespace holdfast::node
