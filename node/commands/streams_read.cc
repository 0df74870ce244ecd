// XREAD and XREADGROUP: new entries of several streams, waited for if need be.
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"
#include "node/commands/stream_arguments.h"

namespace holdfast::node::handlers {
namespace {

struct ReadRequest {
  bool of_group = false;
  std::string_view group, consumer;
  bool no_ack = false;
  std::optional<Millis> block;
  uint64_t count = 0;     // 0: all
  size_t first_key = 0;   // argument
  size_t streams = 0;
  std::string_view key(const Call& call, size_t i) const { return call.args[first_key + i]; }
  std::string_view position(const Call& call, size_t i) const { return call.args[first_key + streams + i]; }
};

// From where a stream is read.
struct Position {
  StreamId after;
  bool new_entries = false;  // ">", or the last ID there can be
};

std::optional<Millis> read_block_time(Call& call, std::string_view text) {
  const auto milliseconds = read_integer(call, text, "ERR timeout is not an integer or out of range");
  if (!milliseconds) return std::nullopt;
  if (*milliseconds < 0) {
    call.reply.error("ERR timeout is negative");
    return std::nullopt;
  }
  if (*milliseconds > std::numeric_limits<int64_t>::max() - call.now_ms()) {
    call.reply.error("ERR timeout is out of range");
    return std::nullopt;
  }
  return Millis(*milliseconds);
}

std::optional<ReadRequest> read_request(Call& call, bool of_group) {
  const auto refuse = [&](std::string_view error) {
    call.reply.error(error);
    return std::nullopt;
  };
  ReadRequest request{.of_group = of_group};
  bool group_given = false;
  for (size_t i = 1; i < call.argc() && request.first_key == 0; ++i) {
    const std::string_view word = call.args[i];
    const size_t left = call.argc() - i - 1;
    if (iequals(word, "BLOCK") && left > 0) {
      request.block = read_block_time(call, call.args[++i]);
      if (!request.block) return std::nullopt;
    } else if (iequals(word, "COUNT") && left > 0) {
      const auto count = read_integer(call, call.args[++i]);
      if (!count) return std::nullopt;
      request.count = static_cast<uint64_t>(std::max<int64_t>(*count, 0));
    } else if (iequals(word, "STREAMS") && left > 0) {
      if (left % 2 != 0) {
        return refuse("ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.");
      }
      request.first_key = i + 1;
      request.streams = left / 2;
    } else if (iequals(word, "GROUP") && left >= 2) {
      if (!of_group) return refuse("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
      request.group = call.args[++i];
      request.consumer = call.args[++i];
      group_given = true;
    } else if (iequals(word, "NOACK")) {
      if (!of_group) return refuse("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
      request.no_ack = true;
    } else {
      return refuse(kSyntaxError);
    }
  }
  if (request.first_key == 0) return refuse(kSyntaxError);
  if (of_group && !group_given) return refuse("ERR Missing GROUP option for XREADGROUP");
  return request;
}

// Where stream number `i` is to be read from.
std::optional<Position> read_position(Call& call, const ReadRequest& request, size_t i) {
  const std::string_view key = request.key(call, i);
  const auto found = typed<StreamObject>(call, call.keys.read(call.db(), key));
  if (found.wrong) return std::nullopt;
  if (request.of_group && (found.object == nullptr || found.object->find_group(request.group) == nullptr)) {
    reply_no_group(call, key, request.group, " in XREADGROUP with GROUP option");
    return std::nullopt;
  }
  const std::string_view text = request.position(call, i);
  if (text == "$") {
    if (request.of_group) {
      call.reply.error(
          "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by "
          "specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.");
      return std::nullopt;
    }
    return Position{found.object == nullptr ? StreamId() : found.object->last_id()};
  }
  if (text == ">") {
    if (!request.of_group) {
      call.reply.error(
          "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.");
      return std::nullopt;
    }
    return Position{.new_entries = true};
  }
  const auto id = read_stream_id(call, text);
  if (!id) return std::nullopt;
  return Position{.after = *id, .new_entries = request.of_group && *id == kLastStreamId};
}

// The streams' part of the reply: a map of keys, in RESP2 an array of pairs. Nothing is written without any.
class StreamsReply {
 public:
  explicit StreamsReply(Call& call) : call_(call), mark_(call.reply.begin_deferred()) {}
  void begin(std::string_view key) {
    if (call_.reply.protocol() != 3) call_.reply.array(2);
    call_.reply.bulk(key);
    ++count_;
  }
  // False when there was none.
  bool end() {
    if (count_ == 0) return false;
    if (call_.reply.protocol() == 3) {
      call_.reply.end_deferred_map(mark_, count_);
    } else {
      call_.reply.end_deferred_array(mark_, count_);
    }
    return true;
  }
  bool empty() const { return count_ == 0; }

 private:
  Call& call_;
  size_t mark_;
  size_t count_ = 0;
};

// Entries that the consumer has not acknowledged: they count as delivered once more.
void reply_history(Call& call, const ReadRequest& request, const StreamObject& stream, StreamGroup& group,
                   StreamConsumer& consumer, StreamId after) {
  const size_t mark = call.reply.begin_deferred();
  size_t count = 0;
  const auto start = after.next();
  if (start) {
    for (auto at = consumer.pending.lower_bound(*start); at && (request.count == 0 || count < request.count); at.next()) {
      ++count;
      StreamRange entry(stream, at.id(), at.id());
      if (entry.next()) {
        reply_stream_entry(call, entry);
        PendingEntry known = *group.pending().find(at.id());
        group.redeliver(at.id(), call.now_ms(), known.deliveries + 1);
      } else {
        call.reply.array(2);
        reply_stream_id(call, at.id());
        call.reply.null_array();
      }
    }
  }
  call.reply.end_deferred_array(mark, count);
}

// Moves the group on to `id`, which is the next entry of its stream.
void advance(const StreamObject& stream, StreamGroup& group, StreamId id) {
  const bool countable = group.entries_read != StreamGroup::kUnknown && group.entries_read < INT64_MAX;
  if (countable && !stream.gaps_after(id)) {
    ++group.entries_read;
  } else if (stream.entries_added() > 0) {
    const auto read = stream.entries_up_to(id);
    group.entries_read = read ? StreamGroup::known_count(*read) : StreamGroup::kUnknown;
  }
  group.last_id = id;
}

void deliver(Call& call, const ReadRequest& request, std::string_view key, const StreamObject& stream,
             StreamGroup& group, StreamConsumer& consumer) {
  const size_t mark = call.reply.begin_deferred();
  const int64_t now_ms = call.now_ms();
  size_t count = 0;
  StreamRange range(stream, *group.last_id.next(), kLastStreamId);
  while ((request.count == 0 || count < request.count) && range.next()) {
    ++count;
    reply_stream_entry(call, range);
    advance(stream, group, range.id());
    if (request.no_ack) continue;
    group.assign(range.id(), consumer, now_ms, 1);
    tell_claim(call, key, request.group, group, consumer.name, range.id(), {.delivered_ms = now_ms, .deliveries = 1});
  }
  call.reply.end_deferred_array(mark, count);
  if (request.no_ack && count > 0) tell_group_id(call, key, request.group, group);
}

// Serves stream number `i` of XREADGROUP, if there is anything to say of it. False: an error has been answered.
bool read_group_stream(Call& call, const ReadRequest& request, size_t i, const Position& position, StreamsReply& reply) {
  const std::string_view key = request.key(call, i);
  const Dict::Place place = call.keys.find_place(call.db(), key);
  const bool is_stream = place.entry != nullptr && place.entry->type() == ValueType::stream;
  if (!is_stream) {
    // It was one when the client began to wait.
    call.reply.error("UNBLOCKED the stream key no longer exists");
    return false;
  }
  const auto& known = static_cast<const StreamObject&>(*place.entry->object());
  const StreamGroup* found = known.find_group(request.group);
  if (found == nullptr) {
    call.reply.error("NOGROUP the consumer group this client was blocked on no longer exists");
    return false;
  }
  if (position.new_entries && (known.size() == 0 || known.last_live_id() <= found->last_id)) return true;
  edit_groups(call, place, [&](StreamObject& stream) {
    const auto group = stream.edit_group(request.group);
    StreamConsumer* consumer = group->find_consumer(request.consumer);
    const bool fresh = consumer == nullptr;
    if (fresh) {
      consumer = &create_consumer(call, key, *group, request.consumer);
      // Deliveries that are to be acknowledged tell of the consumer as well; there is one, if new entries are asked for.
      if (request.no_ack || !position.new_entries) tell_consumer(call, key, request.group, request.consumer);
    }
    consumer->seen_ms = call.now_ms();
    reply.begin(key);
    if (position.new_entries) {
      deliver(call, request, key, stream, *group, *consumer);
    } else {
      reply_history(call, request, stream, *group, *consumer, position.after);
    }
    return size_t{1} + (fresh ? 1 : 0);
  });
  return true;
}

void read_stream(Call& call, const ReadRequest& request, size_t i, const Position& position, StreamsReply& reply) {
  const Entry* entry = call.keys.find(call.db(), request.key(call, i));
  if (entry == nullptr || entry->type() != ValueType::stream) return;
  const auto& stream = static_cast<const StreamObject&>(*entry->object());
  if (stream.size() == 0 || stream.last_live_id() <= position.after) return;
  reply.begin(request.key(call, i));
  reply_stream_range(call, StreamRange(stream, *position.after.next(), kLastStreamId), request.count);
}

void wait_for_entries(Call& call, const ReadRequest& request, const std::vector<Position>& positions) {
  const auto keys = call.args.subspan(request.first_key, request.streams);
  // What "$" is now.
  std::vector<std::string> words;
  if (!request.of_group) {
    words.assign(call.args.begin(), call.args.end());
    for (size_t i = 0; i < request.streams; ++i) {
      words[request.first_key + request.streams + i] = std::string_view(positions[i].after.text());
    }
  }
  call.node.block(call, keys, *request.block, BlockedReply::null_array,
                  {.when_gone = request.of_group, .run_as = words});
}

void read_streams(Call& call, bool of_group) {
  const auto request = read_request(call, of_group);
  if (!request) return;
  if (of_group) call.no_propagation();
  std::vector<Position> positions;
  for (size_t i = 0; i < request->streams; ++i) {
    if (call.woken) {  // all has been checked, and what has changed since is no error of these arguments
      const auto id = parse_stream_id(request->position(call, i), 0);
      positions.push_back({.after = id ? id->id : StreamId(), .new_entries = of_group});
      continue;
    }
    const auto position = read_position(call, *request, i);
    if (!position) return;
    positions.push_back(*position);
  }
  StreamsReply reply(call);
  for (size_t i = 0; i < request->streams; ++i) {
    // Who waits is told of one stream: the one with news.
    if (call.woken && (!reply.empty() || request->key(call, i) != call.woken_by)) continue;
    if (!of_group) {
      read_stream(call, *request, i, positions[i], reply);
    } else if (!read_group_stream(call, *request, i, positions[i], reply)) {
      return;
    }
  }
  if (reply.end()) return;
  if (!request->block) return call.reply.null_array();
  wait_for_entries(call, *request, positions);
}

}  // namespace

void xread(Call& call) { read_streams(call, false); }

void xreadgroup(Call& call) { read_streams(call, true); }

}  // namespace holdfast::node::handlers
