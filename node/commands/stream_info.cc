// XINFO: what is known of a stream, its groups and their consumers.
#include "common/command/command_replies.h"
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"
#include "node/commands/stream_arguments.h"

namespace holdfast::node::handlers {
namespace {

const StreamObject* stream_of(Call& call) {
  const auto found = read_object<StreamObject>(call, call.args[2]);
  if (found.object == nullptr && !found.wrong) call.reply.error(kNoSuchKey);
  return found.object;
}

void field(Call& call, std::string_view name, uint64_t value) {
  call.reply.bulk(name);
  call.reply.integer(static_cast<int64_t>(value));
}

void field(Call& call, std::string_view name, std::optional<uint64_t> value) {
  call.reply.bulk(name);
  value ? call.reply.integer(static_cast<int64_t>(*value)) : call.reply.null();
}

void field(Call& call, std::string_view name, StreamId value) {
  call.reply.bulk(name);
  reply_stream_id(call, value);
}

std::optional<uint64_t> entries_read(const StreamGroup& group) {
  if (group.entries_read == StreamGroup::kUnknown) return std::nullopt;
  return static_cast<uint64_t>(group.entries_read);
}

void reply_header(Call& call, const StreamObject& stream) {
  field(call, "length", uint64_t{stream.size()});
  field(call, "radix-tree-keys", uint64_t{stream.nodes().size()});
  field(call, "radix-tree-nodes", uint64_t{stream.radix_nodes()});
  field(call, "last-generated-id", stream.last_id());
  field(call, "max-deleted-entry-id", stream.max_deleted_id());
  field(call, "entries-added", stream.entries_added());
  field(call, "recorded-first-entry-id", stream.first_id());
}

void reply_edge(Call& call, const StreamObject& stream, StreamRange::Order order) {
  StreamRange entry(stream, kFirstStreamId, kLastStreamId, order);
  if (entry.next()) {
    reply_stream_entry(call, entry);
  } else {
    call.reply.null();
  }
}

size_t up_to(size_t size, uint64_t most) { return most == 0 ? size : std::min<size_t>(size, most); }

void reply_consumer(Call& call, const StreamGroup& group, const StreamConsumer& consumer, uint64_t most) {
  call.reply.map(4);
  call.reply.bulk("name");
  call.reply.bulk(consumer.name);
  field(call, "seen-time", static_cast<uint64_t>(consumer.seen_ms));
  field(call, "pel-count", uint64_t{consumer.pending.size()});
  call.reply.bulk("pending");
  size_t left = up_to(consumer.pending.size(), most);
  call.reply.array(left);
  for (auto at = consumer.pending.first(); left > 0; at.next(), --left) {
    const auto entry = group.pending().find(at.id());
    call.reply.array(3);
    reply_stream_id(call, at.id());
    call.reply.integer(entry->delivered_ms);
    call.reply.integer(static_cast<int64_t>(entry->deliveries));
  }
}

void reply_group(Call& call, const StreamObject& stream, std::string_view name, const StreamGroup& group,
                 uint64_t most) {
  call.reply.map(7);
  call.reply.bulk("name");
  call.reply.bulk(name);
  field(call, "last-delivered-id", group.last_id);
  field(call, "entries-read", entries_read(group));
  field(call, "lag", stream.lag(group));
  field(call, "pel-count", uint64_t{group.pending().size()});
  call.reply.bulk("pending");
  size_t left = up_to(group.pending().size(), most);
  call.reply.array(left);
  for (auto at = group.pending().first(); left > 0; at.next(), --left) {
    call.reply.array(4);
    reply_stream_id(call, at.id());
    call.reply.bulk(group.consumer(at->consumer).name);
    call.reply.integer(at->delivered_ms);
    call.reply.integer(static_cast<int64_t>(at->deliveries));
  }
  call.reply.bulk("consumers");
  call.reply.array(group.consumers().size());
  for (const auto& [consumer_name, consumer] : group.consumers()) reply_consumer(call, group, *consumer, most);
}

void reply_full(Call& call, const StreamObject& stream, uint64_t most) {
  call.reply.map(9);
  reply_header(call, stream);
  call.reply.bulk("entries");
  reply_stream_range(call, StreamRange(stream, kFirstStreamId, kLastStreamId), most);
  call.reply.bulk("groups");
  call.reply.array(stream.groups().size());
  for (const auto& [name, group] : stream.groups()) reply_group(call, stream, name, *group, most);
}

}  // namespace

void xinfo_stream(Call& call) {
  constexpr int64_t kUsualEntries = 10;
  const StreamObject* stream = stream_of(call);
  if (stream == nullptr) return;
  if (call.argc() == 3) {
    call.reply.map(10);
    reply_header(call, *stream);
    field(call, "groups", uint64_t{stream->groups().size()});
    call.reply.bulk("first-entry");
    reply_edge(call, *stream, StreamRange::Order::forward);
    call.reply.bulk("last-entry");
    return reply_edge(call, *stream, StreamRange::Order::backward);
  }
  const bool with_count = call.argc() == 6 && iequals(call.args[4], "COUNT");
  if (!iequals(call.args[3], "FULL") || (call.argc() != 4 && !with_count)) {
    return call.reply.error(command::wrong_subcommand_error("xinfo", call.args[1]));
  }
  int64_t count = kUsualEntries;
  if (with_count) {
    const auto given = read_integer(call, call.args[5]);
    if (!given) return;
    count = *given < 0 ? kUsualEntries : *given;
  }
  reply_full(call, *stream, static_cast<uint64_t>(count));
}

void xinfo_groups(Call& call) {
  const StreamObject* stream = stream_of(call);
  if (stream == nullptr) return;
  call.reply.array(stream->groups().size());
  for (const auto& [name, group] : stream->groups()) {
    call.reply.map(6);
    call.reply.bulk("name");
    call.reply.bulk(name);
    field(call, "consumers", uint64_t{group->consumers().size()});
    field(call, "pending", uint64_t{group->pending().size()});
    field(call, "last-delivered-id", group->last_id);
    field(call, "entries-read", entries_read(*group));
    field(call, "lag", stream->lag(*group));
  }
}

void xinfo_consumers(Call& call) {
  const StreamObject* stream = stream_of(call);
  if (stream == nullptr) return;
  const StreamGroup* group = stream->find_group(call.args[3]);
  if (group == nullptr) {
    return call.reply.error(
        fmt::format("NOGROUP No such consumer group '{}' for key name '{}'", call.args[3], call.args[2]));
  }
  call.reply.array(group->consumers().size());
  for (const auto& [name, consumer] : group->consumers()) {
    call.reply.map(3);
    call.reply.bulk("name");
    call.reply.bulk(name);
    field(call, "pending", uint64_t{consumer->pending.size()});
    field(call, "idle", static_cast<uint64_t>(elapsed_ms(call.now_ms(), consumer->seen_ms)));
  }
}

void xinfo_help(Call& call) {
  static constexpr std::string_view kLines[] = {
      "CONSUMERS <key> <groupname>",
      "    Show consumers of <groupname>.",
      "GROUPS <key>",
      "    Show the stream consumer groups.",
      "STREAM <key> [FULL [COUNT <count>]",
      "    Show information about the stream.",
  };
  command::reply_help("XINFO", kLines, call.reply);
}

}  // namespace holdfast::node::handlers
