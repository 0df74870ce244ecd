// Streams. Version 10 writes type 19; type 15 is without the line of the format below that is marked so, and type 21
// (Redis 7.2) has one more time for each consumer.
//
//   count of blocks | per block: its ID as a string of 16 bytes (big endian), its listpack as a string
//   number of entries | last ID
//   first ID | greatest deleted ID | entries ever added                                   since 19
//   count of groups | per group:
//     name | last delivered ID | entries read (since 19; 2^64 - 1: not known)
//     count of pending entries | per entry: ID (16 bytes), delivery time (8 bytes, ms), deliveries
//     count of consumers | per consumer:
//       name | seen time (8 bytes, ms) | active time (8 bytes, ms; since 21)
//       count of pending entries | IDs (16 bytes)
//
// IDs are two lengths, and counts are lengths, where nothing else is said.
#include <utility>

#include "node/collections/stream_object.h"
#include "node/persistence/rdb_format.h"
#include "node/persistence/rdb_value.h"

namespace holdfast::node {

namespace {

bool read_id(RdbDecoder& in, StreamId& id) { return in.read_length(id.ms) && in.read_length(id.seq); }

bool read_raw_id(RdbDecoder& in, StreamId& id) {
  char bytes[StreamId::kBytes];
  if (!in.read_bytes(bytes, sizeof bytes)) return false;
  id = StreamId::from_key(bytes);
  return true;
}

bool read_time(RdbDecoder& in, int64_t& ms) {
  uint64_t bits = 0;
  if (!in.read_little_endian(bits, 8)) return false;
  ms = static_cast<int64_t>(bits);
  return true;
}

class StreamReader {
 public:
  StreamReader(RdbDecoder& in, uint8_t type) : in_(in), type_(type) {}

  bool run(std::optional<Value>& value) {
    if (!read_blocks() || !read_header() || !read_groups()) return false;
    value = Value::object(std::move(stream_));
    return true;
  }

 private:
  bool read_blocks();
  bool read_header();
  bool read_groups();
  bool read_group();
  bool read_pending(StreamGroup::Pending& pending);
  bool read_consumer(StreamGroup& group, const StreamGroup::Pending& pending);

  RdbDecoder& in_;
  const uint8_t type_;
  std::unique_ptr<StreamObject> stream_ = std::make_unique<StreamObject>();
};

bool StreamReader::read_blocks() {
  uint64_t count = 0;
  if (!in_.read_length(count)) return false;
  for (; count > 0; --count) {
    std::string_view text;
    if (!in_.read_text(text)) return false;
    if (text.size() != StreamId::kBytes) return in_.corrupt("Stream node key entry is not the size of a stream ID");
    const StreamId id = StreamId::from_key(text.data());
    if (!in_.read_text(text)) return false;
    if (!Listpack::validate(text)) return in_.corrupt("Stream listpack integrity check failed.");
    if (auto loaded = stream_->load_node(id, Listpack::copy_of(text)); !loaded) {
      return in_.corrupt(fmt::format("Stream listpack integrity check failed: {}", loaded.error().text));
    }
  }
  return true;
}

bool StreamReader::read_header() {
  StreamObject::Header header;
  if (!in_.read_length(header.length) || !read_id(in_, header.last_id)) return false;
  if (type_ >= rdb::kTypeStream2) {
    uint64_t added = 0;
    StreamId first, deleted;  // the first follows from the blocks
    if (!read_id(in_, first) || !read_id(in_, deleted) || !in_.read_length(added)) return false;
    header.max_deleted_id = deleted;
    header.entries_added = added;
  }
  if (auto loaded = stream_->load_end(header); !loaded) {
    return in_.corrupt(fmt::format("Stream length inconsistent with rax entries: {}", loaded.error().text));
  }
  return true;
}

bool StreamReader::read_groups() {
  uint64_t count = 0;
  if (!in_.read_length(count)) return false;
  for (; count > 0; --count) {
    if (!read_group()) return false;
  }
  return true;
}

bool StreamReader::read_group() {
  std::string name;
  StreamId last_id;
  uint64_t entries_read = 0;
  if (!in_.read_string(name) || !read_id(in_, last_id)) return false;
  if (type_ >= rdb::kTypeStream2) {
    if (!in_.read_length(entries_read)) return false;
  } else {
    const auto known = stream_->entries_up_to(last_id);
    entries_read = known ? *known : static_cast<uint64_t>(StreamGroup::kUnknown);
  }
  if (!stream_->create_group(name, last_id, StreamGroup::known_count(entries_read))) {
    return in_.corrupt(fmt::format("Duplicated consumer group name {}", name));
  }
  const auto group = stream_->edit_group(name);
  StreamGroup::Pending pending;
  uint64_t consumers = 0;
  if (!read_pending(pending) || !in_.read_length(consumers)) return false;
  for (; consumers > 0; --consumers) {
    if (!read_consumer(*group, pending)) return false;
  }
  return group->pending().size() == pending.size() || in_.corrupt("NACK entry without consumer");
}

bool StreamReader::read_pending(StreamGroup::Pending& pending) {
  uint64_t count = 0;
  if (!in_.read_length(count)) return false;
  for (; count > 0; --count) {
    StreamId id;
    PendingEntry entry;
    if (!read_raw_id(in_, id) || !read_time(in_, entry.delivered_ms) || !in_.read_length(entry.deliveries)) return false;
    if (!pending.insert(id, entry)) return in_.corrupt("Duplicated global PEL entry loading stream consumer group");
  }
  return true;
}

bool StreamReader::read_consumer(StreamGroup& group, const StreamGroup::Pending& pending) {
  std::string name;
  int64_t seen_ms = 0, active_ms = 0;
  uint64_t count = 0;
  if (!in_.read_string(name) || !read_time(in_, seen_ms)) return false;
  if (type_ >= rdb::kTypeStream3 && !read_time(in_, active_ms)) return false;
  if (!in_.read_length(count)) return false;
  if (group.find_consumer(name) != nullptr) return in_.corrupt("Duplicate stream consumer detected");
  StreamConsumer& consumer = group.create_consumer(name, seen_ms);
  for (; count > 0; --count) {
    StreamId id;
    if (!read_raw_id(in_, id)) return false;
    const auto entry = pending.find(id);
    if (!entry) return in_.corrupt("Consumer entry not found in group global PEL");
    if (group.pending().contains(id)) {
      return in_.corrupt("Duplicated consumer PEL entry loading a stream consumer group");
    }
    group.assign(id, consumer, entry->delivered_ms, entry->deliveries);
  }
  return true;
}

void put_id(RdbOutput& out, StreamId id) {
  out.put_length(id.ms);
  out.put_length(id.seq);
}

void put_raw_id(RdbOutput& out, StreamId id) {
  const auto key = id.key();
  out.put_bytes({key.data(), key.size()});
}

SlicedWrite put_group(RdbOutput& out, std::string_view name, const StreamGroup& group) {
  out.put_string(name);
  put_id(out, group.last_id);
  out.put_length(static_cast<uint64_t>(group.entries_read));
  out.put_length(group.pending().size());
  for (auto at = group.pending().first(); at; at.next()) {
    put_raw_id(out, at.id());
    out.put_little_endian(static_cast<uint64_t>(at->delivered_ms), 8);
    out.put_length(at->deliveries);
    co_await std::suspend_always();
  }
  out.put_length(group.consumers().size());
  for (const auto& [consumer_name, consumer] : group.consumers()) {
    out.put_string(consumer_name);
    out.put_little_endian(static_cast<uint64_t>(consumer->seen_ms), 8);
    out.put_length(consumer->pending.size());
    for (auto at = consumer->pending.first(); at; at.next()) {
      put_raw_id(out, at.id());
      co_await std::suspend_always();
    }
  }
}

}  // namespace

bool read_rdb_stream(RdbDecoder& in, const EncodingLimits&, std::optional<Value>& value) {
  return StreamReader(in, rdb::kTypeStream).run(value);
}

bool read_rdb_stream_2(RdbDecoder& in, const EncodingLimits&, std::optional<Value>& value) {
  return StreamReader(in, rdb::kTypeStream2).run(value);
}

bool read_rdb_stream_3(RdbDecoder& in, const EncodingLimits&, std::optional<Value>& value) {
  return StreamReader(in, rdb::kTypeStream3).run(value);
}

SlicedWrite write_rdb_stream(RdbOutput& out, const StreamObject& stream) {
  out.put_length(stream.nodes().size());
  for (auto at = stream.nodes().first(); at; at.next()) {
    const auto key = at.id().key();
    out.put_string({key.data(), key.size()});
    out.put_string((*at)->pack().bytes());
    co_await std::suspend_always();
  }
  out.put_length(stream.size());
  put_id(out, stream.last_id());
  put_id(out, stream.first_id());
  put_id(out, stream.max_deleted_id());
  out.put_length(stream.entries_added());
  out.put_length(stream.groups().size());
  for (const auto& [name, group] : stream.groups()) {
    SlicedWrite writing = put_group(out, name, *group);
    while (writing.resume()) co_await std::suspend_always();
  }
}

}  // namespace holdfast::node
