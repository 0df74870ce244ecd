#include "node/persistence/aof_value_commands.h"

#include <algorithm>

#include "common/base/text.h"
#include "node/collections/hash_object.h"
#include "node/collections/list_object.h"
#include "node/collections/set_object.h"
#include "node/collections/stream_object.h"
#include "node/collections/zset_object.h"

namespace holdfast::node {

void CommandOutput::put(std::span<const std::string_view> argv) {
  writer_.command(argv);
  end();
}

void CommandOutput::put_raw(std::string_view bytes) {
  block_ += bytes;
  end();
}

Result<> CommandOutput::flush() {
  if (status_ && !block_.empty()) {
    status_ = sink_.write(block_);
    flushed_ += block_.size();
  }
  block_.clear();
  return status_;
}

namespace {

SlicedWrite put_list(CommandOutput& out, std::string_view key, const ListObject& list) {
  CommandBatch batch(out, "RPUSH", key, list.size());
  Listpack::Scratch scratch;
  for (auto at = list.at(0); at; at.next()) {
    batch.add<1>({(*at).view(scratch)});
    co_await std::suspend_always();
  }
}

void put_set(CommandOutput& out, std::string_view key, const SetObject& set) {
  CommandBatch batch(out, "SADD", key, set.size());
  set.for_each([&](std::string_view member) { batch.add<1>({member}); });
}

void put_zset(CommandOutput& out, std::string_view key, const ZsetObject& zset) {
  CommandBatch batch(out, "ZADD", key, zset.size());
  zset.for_each([&](std::string_view member, double score) {
    char text[kDoubleChars];
    const char* end = write_double(text, score);
    batch.add<2>({std::string_view(text, static_cast<size_t>(end - text)), member});
  });
}

void put_hash(CommandOutput& out, std::string_view key, const HashObject& hash) {
  CommandBatch batch(out, "HMSET", key, hash.size());
  hash.for_each([&](std::string_view field, std::string_view value, int64_t) { batch.add<2>({field, value}); });
  if (hash.next_expiry_ms() == Object::kNoElementExpiry) return;
  hash.for_each([&](std::string_view field, std::string_view, int64_t expires_ms) {
    if (expires_ms == HashObject::kNoExpiry) return;
    const std::string time = std::to_string(expires_ms);
    out.put(std::array<std::string_view, 6>{"HPEXPIREAT", key, time, "FIELDS", "1", field});
  });
}

SlicedWrite put_entries(CommandOutput& out, std::string_view key, const StreamObject& stream) {
  constexpr StreamId kLeast{0, 1};
  if (stream.size() == 0) {  // made by an entry that goes at once
    const StreamId::Text id = std::max(stream.last_id(), kLeast).text();
    out.put(std::array<std::string_view, 7>{"XADD", key, "MAXLEN", "0", id, "x", "y"});
    co_return;
  }
  for (StreamRange range(stream, kFirstStreamId, kLastStreamId); range.next();) {
    out.begin(3 + 2 * range.field_count());
    out.word("XADD");
    out.word(key);
    out.word(range.id().text());
    range.for_each_field([&](const Listpack::Element& field, const Listpack::Element& value) {
      Listpack::Scratch scratch;
      out.word(field.view(scratch));
      out.word(value.view(scratch));
    });
    out.end();
    co_await std::suspend_always();
  }
}

SlicedWrite put_group(CommandOutput& out, std::string_view key, std::string_view name, const StreamGroup& group) {
  const std::string entries_read = std::to_string(group.entries_read);
  out.put(std::array<std::string_view, 7>{"XGROUP", "CREATE", key, name, group.last_id.text(), "ENTRIESREAD", entries_read});
  for (const auto& [consumer_name, consumer] : group.consumers()) {
    out.put(std::array<std::string_view, 5>{"XGROUP", "CREATECONSUMER", key, name, consumer_name});
    for (auto at = consumer->pending.first(); at; at.next()) {
      const PendingEntry& entry = *group.pending().find(at.id());
      const std::string time = std::to_string(entry.delivered_ms);
      const std::string deliveries = std::to_string(entry.deliveries);
      out.put(std::array<std::string_view, 12>{"XCLAIM", key, name, consumer_name, "0", at.id().text(), "TIME", time,
                                               "RETRYCOUNT", deliveries, "JUSTID", "FORCE"});
      co_await std::suspend_always();
    }
  }
}

SlicedWrite put_stream(CommandOutput& out, std::string_view key, const StreamObject& stream) {
  SlicedWrite entries = put_entries(out, key, stream);
  while (entries.resume()) co_await std::suspend_always();
  const std::string added = std::to_string(stream.entries_added());
  // Deleted entries may be behind the last ID after an XSETID back, but not in one command.
  const StreamId deleted = stream.max_deleted_id(), last = stream.last_id();
  out.put(std::array<std::string_view, 7>{"XSETID", key, std::max(deleted, last).text(), "ENTRIESADDED", added,
                                          "MAXDELETEDID", deleted.text()});
  if (last < deleted) out.put(std::array<std::string_view, 3>{"XSETID", key, last.text()});
  for (const auto& [name, group] : stream.groups()) {
    SlicedWrite writing = put_group(out, key, name, *group);
    while (writing.resume()) co_await std::suspend_always();
  }
}

}  // namespace

SlicedWrite put_sequence_commands(CommandOutput& out, std::string_view key, const Object& object) {
  if (object.type() == ValueType::list) return put_list(out, key, static_cast<const ListObject&>(object));
  return put_stream(out, key, static_cast<const StreamObject&>(object));
}

void put_value_commands(CommandOutput& out, std::string_view key, const Value& value) {
  switch (value.type()) {
    case ValueType::string: {
      Value::Scratch scratch;
      return out.put(std::array<std::string_view, 3>{"SET", key, value.bytes(scratch)});
    }
    case ValueType::list:
    case ValueType::stream:
      return put_sequence_commands(out, key, value.object()).run();
    case ValueType::set:
      return put_set(out, key, static_cast<const SetObject&>(value.object()));
    case ValueType::zset:
      return put_zset(out, key, static_cast<const ZsetObject&>(value.object()));
    case ValueType::hash:
      return put_hash(out, key, static_cast<const HashObject&>(value.object()));
  }
}

}  // namespace holdfast::node
