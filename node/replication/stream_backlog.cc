#include "node/replication/stream_backlog.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/assert.h"

namespace holdfast::node {

void StreamBacklog::start(int64_t position) {
  HOLDFAST_ASSERT(holds_.empty());
  // Numbers go on: what the store still says of the old ones is not about new ones.
  front_ = written_ = next_spill_ = front_ + chunks_.size();
  ++round_;
  chunks_.clear();
  if (store_) store_->forget_below(front_);
  spare_.reset();
  resident_ = 0;
  spill_failed_ = stuck_ = spill_rests_ = false;
  lost_below_ = INT64_MIN;
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
      chunks_.push_back({spare_ ? std::exchange(spare_, nullptr) : make_chunk(chunk_bytes_)});
      ++resident_;
      trim();
      continue;
    }
    const size_t offset = used % chunk_bytes_;
    const size_t count = std::min(bytes.size(), chunk_bytes_ - offset);
    std::memcpy(chunks_.back().bytes.get() + offset, bytes.data(), count);
    end_ += static_cast<int64_t>(count);
    bytes.remove_prefix(count);
  }
}

std::span<const char> StreamBacklog::at(int64_t position) const {
  HOLDFAST_ASSERT(covers(position));
  if (position == end_) return {};
  const size_t distance = static_cast<size_t>(position - first_);
  const char* bytes = chunks_[distance / chunk_bytes_].bytes.get();
  if (!bytes) return {};
  const size_t offset = distance % chunk_bytes_;
  return {bytes + offset, std::min(chunk_bytes_ - offset, static_cast<size_t>(end_ - position))};
}

std::span<const char> StreamBacklog::read(HoldId id) {
  const auto it = holds_.find(id);
  HOLDFAST_ASSERT(it != holds_.end());
  Hold& hold = it->second;
  const auto run = at(hold.position);
  if (run.empty() && hold.position != end_) {
    hold.reads_store = true;
    fetch(hold);
  }
  return run;
}

StreamBacklog::HoldId StreamBacklog::hold(int64_t position) {
  HOLDFAST_ASSERT(covers(position));
  holds_.emplace(next_hold_, Hold{position});
  return next_hold_++;
}

void StreamBacklog::move_hold(HoldId id, int64_t position) {
  const auto it = holds_.find(id);
  HOLDFAST_ASSERT(it != holds_.end() && position >= it->second.position && position <= end_);
  Hold& hold = it->second;
  const uint64_t from = number_at(hold.position), to = number_at(position);
  hold.position = position;
  if (from == to) return;
  if (hold.reads_store) {
    let_go(from, to);
    fetch(hold);
  }
  trim();
}

void StreamBacklog::release(HoldId id) {
  const auto it = holds_.find(id);
  HOLDFAST_ASSERT(it != holds_.end());
  const Hold hold = it->second;
  holds_.erase(it);
  if (hold.reads_store) {
    const uint64_t number = number_at(hold.position);
    let_go(number, number + read_ahead() + 1);
  }
  trim();
}

int64_t StreamBacklog::oldest_hold() const {
  int64_t oldest = end_;
  for (const auto& [id, hold] : holds_) oldest = std::min(oldest, hold.position);
  return oldest;
}

int64_t StreamBacklog::wanted_history() const {
  // The product of a huge configured size and a small stream must not wrap below zero.
  return static_cast<int64_t>(std::min<uint64_t>(history_bytes_, INT64_MAX / 4));
}

void StreamBacklog::trim() {
  if (chunks_.size() < 2) return;
  const int64_t size = static_cast<int64_t>(chunk_bytes_);
  const int64_t keep_from = std::min(oldest_hold(), std::max(end_ - wanted_history(), lost_below_));
  bool stored = false;
  while (chunks_.size() > 1 && first_ + size <= keep_from) {
    stored |= front_ < next_spill_;
    drop_bytes(chunks_.front());
    chunks_.pop_front();
    ++front_;
    first_ += size;
    begin_ = first_;
  }
  written_ = std::max(written_, front_);
  next_spill_ = std::max(next_spill_, front_);
  if (stored && store_) store_->forget_below(front_);
  spill();
}

void StreamBacklog::drop_bytes(Chunk& chunk) {
  if (!chunk.bytes) return;
  --resident_;
  // One that is in flight is the store's to drop.
  if (!spare_ && !chunk.in_flight) spare_ = std::move(chunk.bytes);
  chunk.bytes.reset();
}

// --- The store.

void StreamBacklog::set_store(SpillStore* store, uint64_t ring_bytes) {
  store_ = store;
  ring_bytes_ = ring_bytes;
  if (!store && written_ > front_) lost_below_ = std::max(lost_below_, disk_end());
  spill();
}

void StreamBacklog::set_spill_limit(uint64_t bytes) {
  spill_limit_ = bytes;
  spill();
}

void StreamBacklog::retry_spill() {
  spill_rests_ = false;
  overdue_ = given_before_;
  given_before_ = next_spill_;
  spill();
}

// What has left the ring is needed by somebody: else it would have been trimmed.
void StreamBacklog::spill() {
  if (!store_ || spill_limit_ == 0 || chunks_.empty()) return;
  const uint64_t last = front_ + chunks_.size() - 1;
  if (written_ >= last || position_of(written_ + 1) > ring_begin()) stuck_ = spill_rests_ = false;
  if (spill_rests_) return;
  while (next_spill_ < last && position_of(next_spill_ + 1) <= ring_begin() &&
         (next_spill_ + 1 - front_) * chunk_bytes_ <= spill_limit_) {
    Chunk& next = chunk(next_spill_);
    next.in_flight = true;
    store_->write(round_, next_spill_, next.bytes, chunk_bytes_);
    ++next_spill_;
  }
}

void StreamBacklog::written(uint64_t round, uint64_t number, bool ok) {
  if (round != round_) return;
  if (!ok) {
    ++round_;
    spill_failed_ = stuck_ = spill_rests_ = true;
    next_spill_ = written_;
    return;
  }
  spill_failed_ = stuck_ = false;
  for (; written_ <= number; ++written_) {
    Chunk& done = chunk(written_);
    done.in_flight = false;
    if (!wanted(written_)) drop_bytes(done);
  }
}

bool StreamBacklog::wanted(uint64_t number) const {
  return std::ranges::any_of(holds_, [&](const auto& item) {
    if (!item.second.reads_store) return false;
    const uint64_t at = number_at(item.second.position);
    return number >= at && number <= at + read_ahead();
  });
}

void StreamBacklog::fetch(const Hold& hold) {
  if (!store_) return;
  const uint64_t at = number_at(hold.position);
  for (uint64_t number = at; number <= at + read_ahead() && number < written_; ++number) {
    Chunk& wanted = chunk(number);
    if (wanted.bytes || wanted.in_flight) continue;
    wanted.in_flight = true;
    store_->read(number, chunk_bytes_);
  }
}

// Copies of what is on disk, where nobody reads any more.
void StreamBacklog::let_go(uint64_t from, uint64_t to) {
  for (uint64_t number = from; number < to && number < written_; ++number) {
    if (chunk(number).bytes && !wanted(number)) drop_bytes(chunk(number));
  }
}

void StreamBacklog::read_done(uint64_t number, std::shared_ptr<char[]> bytes) {
  if (number < front_) return;
  Chunk& arrived = chunk(number);
  arrived.in_flight = false;
  if (!bytes) {
    lost_below_ = std::max(lost_below_, position_of(number + 1));
  } else if (wanted(number)) {
    arrived.bytes = std::move(bytes);
    ++resident_;
  }
}

uint64_t StreamBacklog::unwritten() const {
  // A chunk that is half out of the ring is not written yet.
  return static_cast<uint64_t>(std::max<int64_t>(0, ring_begin() - static_cast<int64_t>(chunk_bytes_) - disk_end()));
}

uint64_t StreamBacklog::counted(int64_t position) const {
  const int64_t from = std::max(position, disk_end());
  if (!store_ || spill_limit_ == 0 || stuck_) return static_cast<uint64_t>(end_ - from);
  // What the store has had for long, and what it does not get.
  const int64_t given = position_of(std::max(next_spill_, front_));
  const int64_t late = position_of(std::clamp(overdue_, written_, next_spill_)) - from;
  const int64_t refused = ring_begin() - static_cast<int64_t>(chunk_bytes_) - std::max(from, given);
  return static_cast<uint64_t>(std::max<int64_t>(0, late) + std::max<int64_t>(0, refused));
}

}  // namespace holdfast::node
