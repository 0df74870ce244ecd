// What the stream commands share: readers of IDs and ranges, the shape of an entry in a reply, and how changes of groups
// are told to the log and the replicas.
//
// Readers answer the error themselves and then return nothing.
#pragma once

#include <optional>
#include <string_view>

#include "node/collections/stream_object.h"
#include "node/commands/call.h"
#include "node/commands/objects.h"

namespace holdfast::node {

inline constexpr std::string_view kInvalidStreamId = "ERR Invalid stream ID specified as stream command argument";

// An ID; `missing_seq` where it names a millisecond only.
std::optional<StreamId> read_stream_id(Call& call, std::string_view text, uint64_t missing_seq = 0);

// Both ends of a range: "-", "+", an ID, or with "(" an ID that is not within.
struct StreamInterval {
  StreamId first, last;
};
std::optional<StreamInterval> read_stream_interval(Call& call, std::string_view first, std::string_view last);
std::optional<StreamId> read_interval_start(Call& call, std::string_view text);

void reply_stream_id(Call& call, StreamId id);
// [ID, [field, value ...]]
void reply_stream_entry(Call& call, const StreamRange& entry);
// The entry `id`, which must be there.
void reply_stream_entry(Call& call, const StreamObject& stream, StreamId id);
// Up to `most` (0: all) entries as an array; returns how many.
size_t reply_stream_range(Call& call, StreamRange range, uint64_t most);

// A group's stream as a command that changes groups finds it; such changes are told to nobody who watches the key, as in
// Redis, but they count. `stream` is null where it or the group is missing.
struct GroupPlace {
  Dict::Place place;
  const StreamObject* stream = nullptr;
  const StreamGroup* group = nullptr;
  bool wrong = false;  // WRONGTYPE has been answered
};
GroupPlace find_group(Call& call, std::string_view key, std::string_view group);
// "NOGROUP No such key '%s' or consumer group '%s'" and what follows it.
void reply_no_group(Call& call, std::string_view key, std::string_view group, std::string_view where = {});

// Changes the stream at `place`: `change(StreamObject&)` returns for how many changes it counts.
template <class Change>
size_t edit_groups(Call& call, const Dict::Place& place, Change&& change) {
  size_t changes = 0;
  call.keys.change_object(call.db(), place, [&](Object& object) {
    changes = change(static_cast<StreamObject&>(object));
    return size_t{0};
  });
  call.keys.add_dirty(static_cast<int64_t>(changes));
  return changes;
}

// Milliseconds from `then_ms` to `now_ms` as Redis counts them: none for a time to come, and for one that is so far away
// that the difference wraps.
int64_t elapsed_ms(int64_t now_ms, int64_t then_ms);

// What is told of deliveries instead of the command.
void tell_claim(Call& call, std::string_view key, std::string_view group_name, const StreamGroup& group,
                std::string_view consumer, StreamId id, const PendingEntry& entry);
void tell_group_id(Call& call, std::string_view key, std::string_view group_name, const StreamGroup& group);
void tell_consumer(Call& call, std::string_view key, std::string_view group_name, std::string_view consumer);
// A new consumer, told to those who listen for keyspace events.
StreamConsumer& create_consumer(Call& call, std::string_view key, StreamGroup& group, std::string_view name);

}  // namespace holdfast::node
