// A consumer group of a stream: how far it has read, its consumers, and the entries that have been delivered to one of
// them and not been acknowledged yet (pending).
//
// Pending entries are kept once for the group, by ID, with the consumer's number, and once more by ID for each
// consumer.
// Copies share blocks of pending entries. Executor thread only. Times are wall times in milliseconds.
// Invariant: each pending entry of the group is in exactly one consumer's list, the one it names.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "node/collections/stream_id_map.h"

namespace holdfast::node {

struct StreamConsumer {
  struct Nothing {};
  std::string name;
  uint32_t number = 0;  // within its group
  int64_t seen_ms = 0;  // when it last asked for entries
  StreamIdMap<Nothing> pending;
};

struct PendingEntry {
  static constexpr uint64_t kMostDeliveries = INT64_MAX;  // what commands can say; counting ends there

  int64_t delivered_ms = 0;
  uint64_t deliveries = 0;
  uint32_t consumer = 0;  // number
};

class StreamGroup {
 public:
  using Pending = StreamIdMap<PendingEntry>;
  using OwnedConsumer = std::unique_ptr<StreamConsumer>;
  using Consumers = std::map<std::string_view, OwnedConsumer, std::less<>,
                             MovableAllocator<std::pair<const std::string_view, OwnedConsumer>>>;  // names in byte order
  static constexpr int64_t kUnknown = -1;
  // As entries_read keeps it: a count that no command can say is unknown.
  static constexpr int64_t known_count(uint64_t entries) {
    return entries <= INT64_MAX ? static_cast<int64_t>(entries) : kUnknown;
  }

  StreamGroup() = default;
  StreamGroup(const StreamGroup& other);
  StreamGroup(StreamGroup&& other) noexcept = default;
  StreamGroup& operator=(const StreamGroup&) = delete;

  StreamId last_id;                 // of what has been delivered
  int64_t entries_read = kUnknown;  // entries ever added to the stream up to that

  const Pending& pending() const { return pending_; }
  const Consumers& consumers() const { return consumers_; }
  const StreamConsumer& consumer(uint32_t number) const { return *by_number_[number]; }
  const StreamConsumer* find_consumer(std::string_view name) const;
  StreamConsumer* find_consumer(std::string_view name);
  size_t memory_bytes() const;

  // The name must be new.
  StreamConsumer& create_consumer(std::string_view name, int64_t now_ms);
  // Its pending entries go with it; returns how many there were.
  size_t delete_consumer(StreamConsumer& consumer);

  // The entry is pending for `consumer` from now on, whoever had it.
  void assign(StreamId id, StreamConsumer& consumer, int64_t delivered_ms, uint64_t deliveries);
  // The entry, which must be pending, has been delivered once more to whom it belongs to.
  void redeliver(StreamId id, int64_t delivered_ms, uint64_t deliveries);
  // False when it was not pending.
  bool acknowledge(StreamId id);

  // Object::compact's, for what the group consists of; names that are not kept within their strings stay. Leaves
  // `cursor.part` alone.
  bool compact(CompactionCursor& cursor, Compaction& work);

 private:
  template <class Change>
  void change_list(StreamConsumer& consumer, Change&& change);
  StreamConsumer& relocate(StreamConsumer& consumer, Compaction& work);

  Consumers consumers_;
  MovableVector<StreamConsumer*> by_number_;  // null: a free number
  Pending pending_;
  size_t consumer_bytes_ = 0;
};

}  // namespace holdfast::node
