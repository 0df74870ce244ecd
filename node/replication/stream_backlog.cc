#include "node/replication/stream_backlog.h"

#include <algorithm>
#include <cstring>

#include "common/base/assert.h"

namespace holdfast::node {

void StreamBacklog::start(int64_t position) {
  HOLDFAST_ASSERT(holds_.empty());
  chunks_.clear();
  spare_.reset();
  // A sixteenth of the history, so that what is kept beyond it stays small against it.
  chunk_bytes_ = wanted_chunk_bytes_ ? wanted_chunk_bytes_
                                     : std::clamp<size_t>(history_bytes_ / 16 / 4096 * 4096, kSmallestChunk, kLargestChunk);
  first_ = begin_ = end_ = position;
}

void StreamBacklog::set_history(uint64_t history_bytes) {
  history_bytes_ = history_bytes;
  trim();
}

void StreamBacklog::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t used = static_cast<size_t>(end_ - first_);
    if (used == chunks_.size() * chunk_bytes_) {
      chunks_.push_back(spare_ ? std::move(spare_) : std::make_unique_for_overwrite<char[]>(chunk_bytes_));
      trim();
      continue;
    }
    const size_t offset = used % chunk_bytes_;
    const size_t count = std::min(bytes.size(), chunk_bytes_ - offset);
    std::memcpy(chunks_.back().get() + offset, bytes.data(), count);
    end_ += static_cast<int64_t>(count);
    bytes.remove_prefix(count);
  }
}

std::span<const char> StreamBacklog::at(int64_t position) const {
  HOLDFAST_ASSERT(covers(position));
  if (position == end_) return {};
  const size_t distance = static_cast<size_t>(position - first_);
  const size_t offset = distance % chunk_bytes_;
  const size_t count = std::min(chunk_bytes_ - offset, static_cast<size_t>(end_ - position));
  return {chunks_[distance / chunk_bytes_].get() + offset, count};
}

StreamBacklog::HoldId StreamBacklog::hold(int64_t position) {
  HOLDFAST_ASSERT(covers(position));
  holds_.emplace(next_hold_, position);
  return next_hold_++;
}

void StreamBacklog::move_hold(HoldId id, int64_t position) {
  const auto it = holds_.find(id);
  HOLDFAST_ASSERT(it != holds_.end() && position >= it->second && position <= end_);
  const bool crossed = (position - first_) / static_cast<int64_t>(chunk_bytes_) !=
                       (it->second - first_) / static_cast<int64_t>(chunk_bytes_);
  it->second = position;
  if (crossed) trim();
}

void StreamBacklog::release(HoldId id) {
  HOLDFAST_ASSERT(holds_.erase(id) == 1);
  trim();
}

int64_t StreamBacklog::oldest_hold() const {
  int64_t oldest = end_;
  for (const auto& [id, position] : holds_) oldest = std::min(oldest, position);
  return oldest;
}

void StreamBacklog::trim() {
  if (chunks_.size() < 2) return;
  const int64_t chunk = static_cast<int64_t>(chunk_bytes_);
  // The product of a huge configured size and a small stream must not wrap below zero.
  const int64_t history = static_cast<int64_t>(std::min<uint64_t>(history_bytes_, INT64_MAX / 2));
  const int64_t keep_from = std::min(end_ - history, oldest_hold());
  while (chunks_.size() > 1 && first_ + chunk <= keep_from) {
    spare_ = std::move(chunks_.front());
    chunks_.pop_front();
    first_ += chunk;
    begin_ = first_;
  }
}

}  // namespace holdfast::node
