#include "node/collections/stream_group.h"

#include <algorithm>

#include "common/base/assert.h"

namespace holdfast::node {

namespace {

constexpr size_t kMapNodeBytes = 64;

size_t consumer_bytes(const StreamConsumer& consumer) {
  const size_t capacity = consumer.name.capacity();
  const size_t name = capacity < sizeof(std::string) / 2 ? 0 : allocation_size(capacity + 1);
  return allocation_size(sizeof(StreamConsumer)) + kMapNodeBytes + name + consumer.pending.memory_bytes();
}

}  // namespace

StreamGroup::StreamGroup(const StreamGroup& other)
    : last_id(other.last_id),
      entries_read(other.entries_read),
      by_number_(other.by_number_.size()),
      pending_(other.pending_) {
  for (const auto& [name, consumer] : other.consumers_) {
    auto copy = std::make_unique<StreamConsumer>(*consumer);
    by_number_[copy->number] = copy.get();
    consumer_bytes_ += consumer_bytes(*copy);
    const std::string_view key = copy->name;
    consumers_.emplace(key, std::move(copy));
  }
}

size_t StreamGroup::memory_bytes() const {
  const size_t numbers = by_number_.capacity() * sizeof(StreamConsumer*);
  return allocation_size(sizeof(StreamGroup)) + pending_.memory_bytes() + consumer_bytes_ +
         (numbers == 0 ? 0 : allocation_size(numbers));
}

const StreamConsumer* StreamGroup::find_consumer(std::string_view name) const {
  const auto found = consumers_.find(name);
  return found == consumers_.end() ? nullptr : found->second.get();
}

StreamConsumer* StreamGroup::find_consumer(std::string_view name) {
  const auto found = consumers_.find(name);
  return found == consumers_.end() ? nullptr : found->second.get();
}

StreamConsumer& StreamGroup::create_consumer(std::string_view name, int64_t now_ms) {
  auto made = std::make_unique<StreamConsumer>();
  made->name = name;
  made->seen_ms = now_ms;
  size_t number = 0;
  if (consumers_.size() == by_number_.size()) {
    number = by_number_.size();
    by_number_.push_back(nullptr);
  } else {
    while (by_number_[number] != nullptr) ++number;
  }
  made->number = static_cast<uint32_t>(number);
  by_number_[number] = made.get();
  consumer_bytes_ += consumer_bytes(*made);
  StreamConsumer& consumer = *made;
  const bool fresh = consumers_.emplace(std::string_view(consumer.name), std::move(made)).second;
  HOLDFAST_ASSERT(fresh);
  return consumer;
}

size_t StreamGroup::delete_consumer(StreamConsumer& consumer) {
  const size_t had = consumer.pending.size();
  for (auto at = consumer.pending.first(); at; at.next()) pending_.erase(at.id());
  consumer_bytes_ -= consumer_bytes(consumer);
  by_number_[consumer.number] = nullptr;
  consumers_.erase(consumers_.find(consumer.name));
  return had;
}

template <class Change>
void StreamGroup::change_list(StreamConsumer& consumer, Change&& change) {
  consumer_bytes_ -= consumer.pending.memory_bytes();
  change();
  consumer_bytes_ += consumer.pending.memory_bytes();
}

void StreamGroup::assign(StreamId id, StreamConsumer& consumer, int64_t delivered_ms, uint64_t deliveries) {
  const PendingEntry fresh{.delivered_ms = delivered_ms,
                           .deliveries = std::min(deliveries, PendingEntry::kMostDeliveries),
                           .consumer = consumer.number};
  if (!pending_.insert(id, fresh)) {
    PendingEntry& known = pending_.edit(pending_.find(id));
    StreamConsumer& owner = *by_number_[known.consumer];
    known = fresh;
    if (&owner == &consumer) return;
    change_list(owner, [&] { owner.pending.erase(id); });
  }
  change_list(consumer, [&] { consumer.pending.insert(id, {}); });
}

void StreamGroup::redeliver(StreamId id, int64_t delivered_ms, uint64_t deliveries) {
  PendingEntry& known = pending_.edit(pending_.find(id));
  known.delivered_ms = delivered_ms;
  known.deliveries = std::min(deliveries, PendingEntry::kMostDeliveries);
}

bool StreamGroup::acknowledge(StreamId id) {
  const auto found = pending_.find(id);
  if (!found) return false;
  StreamConsumer& owner = *by_number_[found->consumer];
  pending_.erase(found);
  change_list(owner, [&] { owner.pending.erase(id); });
  return true;
}

}  // namespace holdfast::node
