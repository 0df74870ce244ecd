#include "node/commands/stream_arguments.h"

#include <algorithm>

#include "node/commands/arguments.h"
#include "node/commands/node.h"

namespace holdfast::node {

namespace {

constexpr uint64_t kMostSeq = std::numeric_limits<uint64_t>::max();

// One end of a range; `exclusive` is set by "(".
std::optional<StreamId> read_end(Call& call, std::string_view text, uint64_t missing_seq, bool& exclusive) {
  exclusive = text.size() > 1 && text[0] == '(';
  if (exclusive) return read_stream_id(call, text.substr(1), missing_seq);
  if (text == "-") return kFirstStreamId;
  if (text == "+") return kLastStreamId;
  return read_stream_id(call, text, missing_seq);
}

void push_effect(Call& call, std::initializer_list<std::string_view> words) {
  if (call.node.effects().wanted()) call.node.effects().push(call.db(), words);
}

}  // namespace

std::optional<StreamId> read_stream_id(Call& call, std::string_view text, uint64_t missing_seq) {
  const auto parsed = parse_stream_id(text, missing_seq);
  if (parsed && !parsed->any_seq) return parsed->id;
  call.reply.error(kInvalidStreamId);
  return std::nullopt;
}

std::optional<StreamId> read_interval_start(Call& call, std::string_view text) {
  bool exclusive = false;
  const auto id = read_end(call, text, 0, exclusive);
  if (!id || !exclusive) return id;
  const auto next = id->next();
  if (!next) call.reply.error("ERR invalid start ID for the interval");
  return next;
}

std::optional<StreamInterval> read_stream_interval(Call& call, std::string_view first, std::string_view last) {
  const auto start = read_interval_start(call, first);
  if (!start) return std::nullopt;
  bool exclusive = false;
  auto end = read_end(call, last, kMostSeq, exclusive);
  if (!end) return std::nullopt;
  if (exclusive && !(end = end->previous())) {
    call.reply.error("ERR invalid end ID for the interval");
    return std::nullopt;
  }
  return StreamInterval{*start, *end};
}

void reply_stream_id(Call& call, StreamId id) { call.reply.bulk(id.text()); }

void reply_stream_entry(Call& call, const StreamRange& entry) {
  call.reply.array(2);
  reply_stream_id(call, entry.id());
  call.reply.array(entry.field_count() * 2);
  entry.for_each_field([&](const Listpack::Element& field, const Listpack::Element& value) {
    Listpack::Scratch scratch;
    call.reply.bulk(field.view(scratch));
    call.reply.bulk(value.view(scratch));
  });
}

void reply_stream_entry(Call& call, const StreamObject& stream, StreamId id) {
  StreamRange entry(stream, id, id);
  entry.next();
  reply_stream_entry(call, entry);
}

size_t reply_stream_range(Call& call, StreamRange range, uint64_t most) {
  const size_t mark = call.reply.begin_deferred();
  size_t count = 0;
  while ((most == 0 || count < most) && range.next()) {
    reply_stream_entry(call, range);
    ++count;
  }
  call.reply.end_deferred_array(mark, count);
  return count;
}

GroupPlace find_group(Call& call, std::string_view key, std::string_view group) {
  GroupPlace found{.place = call.keys.find_place(call.db(), key)};
  const auto stream = typed<StreamObject>(call, found.place.entry);
  found.wrong = stream.wrong;
  if (stream.object == nullptr) return found;
  found.group = stream.object->find_group(group);
  if (found.group != nullptr) found.stream = stream.object;
  return found;
}

void reply_no_group(Call& call, std::string_view key, std::string_view group, std::string_view where) {
  call.reply.error(fmt::format("NOGROUP No such key '{}' or consumer group '{}'{}", key, group, where));
}

int64_t elapsed_ms(int64_t now_ms, int64_t then_ms) {
  const auto difference = static_cast<int64_t>(static_cast<uint64_t>(now_ms) - static_cast<uint64_t>(then_ms));
  return std::max<int64_t>(difference, 0);
}

void tell_claim(Call& call, std::string_view key, std::string_view group_name, const StreamGroup& group,
                std::string_view consumer, StreamId id, const PendingEntry& entry) {
  if (!call.node.effects().wanted()) return;
  push_effect(call, {"XCLAIM", key, group_name, consumer, "0", id.text(), "TIME", fmt::format_int(entry.delivered_ms).c_str(),
                     "RETRYCOUNT", fmt::format_int(entry.deliveries).c_str(), "FORCE", "JUSTID", "LASTID", group.last_id.text()});
}

void tell_group_id(Call& call, std::string_view key, std::string_view group_name, const StreamGroup& group) {
  if (!call.node.effects().wanted()) return;
  push_effect(call, {"XGROUP", "SETID", key, group_name, group.last_id.text(), "ENTRIESREAD",
                     fmt::format_int(group.entries_read).c_str()});
}

void tell_consumer(Call& call, std::string_view key, std::string_view group_name, std::string_view consumer) {
  push_effect(call, {"XGROUP", "CREATECONSUMER", key, group_name, consumer});
}

StreamConsumer& create_consumer(Call& call, std::string_view key, StreamGroup& group, std::string_view name) {
  StreamConsumer& consumer = group.create_consumer(name, call.now_ms());
  call.notify(kNotifyStream, "xgroup-createconsumer", key);
  return consumer;
}

}  // namespace holdfast::node
