// XADD, XLEN, XRANGE, XREVRANGE, XDEL, XTRIM, XSETID: the entries of streams.
#include "common/command/command_replies.h"
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"
#include "node/commands/stream_arguments.h"
#include "node/commands/stream_trim.h"

namespace holdfast::node::handlers {
namespace {

constexpr std::string_view kSmallerId =
    "ERR The ID specified in XADD is equal or smaller than the target stream top item";

StreamObject::Limits limits(const Call& call) {
  const EncodingLimits& encoding = call.node.config().encodings;
  return {.node_bytes = encoding.stream_node_bytes, .node_entries = encoding.stream_node_entries};
}

// The ID of an entry behind `last`: as `wanted` says, or by the clock. Nothing: there is none, and that has been answered.
std::optional<StreamId> choose_id(Call& call, const std::optional<StreamIdText>& wanted, StreamId last) {
  if (last == kLastStreamId) {
    call.reply.error("ERR The stream has exhausted the last possible ID, unable to add more items");
    return std::nullopt;
  }
  std::optional<StreamId> id;
  if (!wanted) {
    const auto now = static_cast<uint64_t>(call.now_ms());
    return now > last.ms ? StreamId{now, 0} : last.next();
  }
  id = wanted->id;
  if (wanted->any_seq && id->ms == last.ms) {
    id = last.seq == kLastStreamId.seq ? std::nullopt : last.next();
  }
  if (id && *id > last) return id;
  call.reply.error(kSmallerId);
  return std::nullopt;
}

void tell_addition(Call& call, const StreamAddOptions& options, const StreamObject& stream, StreamId id) {
  const bool id_was_given = options.id && !options.id->any_seq;
  if ((id_was_given && !options.approximate) || !call.node.effects().wanted()) return;
  std::vector<std::string> words(call.args.begin(), call.args.end());
  if (!id_was_given) words[options.id_argument] = std::string_view(id.text());
  make_trim_exact(options, stream, words);
  call.rewrite(std::move(words));
}

void range(Call& call, StreamRange::Order order) {
  const bool forward = order == StreamRange::Order::forward;
  const auto interval = read_stream_interval(call, call.args[forward ? 2 : 3], call.args[forward ? 3 : 2]);
  if (!interval) return;
  std::optional<int64_t> count;
  for (size_t i = 4; i < call.argc(); ++i) {
    if (!iequals(call.args[i], "COUNT") || i + 1 >= call.argc()) return call.reply.error(kSyntaxError);
    count = read_integer(call, call.args[++i]);
    if (!count) return;
    count = std::max<int64_t>(*count, 0);
  }
  const auto found = read_object<StreamObject>(call, call.args[1]);
  if (found.wrong) return;
  if (found.object == nullptr) return call.reply.array(0);
  if (count == 0) return call.reply.null_array();
  reply_stream_range(call, StreamRange(*found.object, interval->first, interval->last, order),
                     static_cast<uint64_t>(count.value_or(0)));
}

// The IDs from argument `first` on; false when one is none, which has been answered.
bool read_ids(Call& call, size_t first, std::vector<StreamId>& ids) {
  for (size_t i = first; i < call.argc(); ++i) {
    const auto id = read_stream_id(call, call.args[i]);
    if (!id) return false;
    ids.push_back(*id);
  }
  return true;
}

}  // namespace

void xadd(Call& call) {
  const auto options = read_stream_options(call, StreamOptionsOf::xadd);
  if (!options) return;
  const size_t words = options->id_argument == 0 ? 0 : call.argc() - options->id_argument - 1;
  if (words < 2 || words % 2 != 0) return call.reply.error(command::wrong_arity_error(call.command.name));
  if (options->id && !options->id->any_seq && options->id->id.is_zero()) {
    return call.reply.error("ERR The ID specified in XADD must be greater than 0-0");
  }
  const StreamObject::Fields fields = call.args.subspan(options->id_argument + 1);
  const std::string_view key = call.args[1];
  std::optional<StreamId> id;
  size_t trimmed = 0;
  bool answered = false;
  const auto add = [&](StreamObject& stream) -> size_t {
    answered = true;
    id = choose_id(call, options->id, stream.last_id());
    if (!id) return 0;
    if (!StreamNode::storable(fields)) {
      call.reply.error("ERR Elements are too large to be stored");
      return 0;
    }
    stream.append(*id, fields, limits(call));
    if (options->trimming != StreamAddOptions::Trimming::none) trimmed = stream.trim(options->trim);
    call.reply.bulk(id->text());
    tell_addition(call, *options, stream, *id);
    return 1;
  };
  const Edited edited =
      edit_object<StreamObject>(call, key, options->no_create ? IfAbsent::leave : IfAbsent::create, add);
  if (edited.wrong) return;
  if (!answered) return call.reply.null();
  if (edited.changes == 0) return;
  call.notify(kNotifyStream, "xadd", key);
  if (trimmed > 0) call.notify(kNotifyStream, "xtrim", key);
}

void xlen(Call& call) {
  const auto found = read_object<StreamObject>(call, call.args[1]);
  if (found.wrong) return;
  call.reply.integer(found.object == nullptr ? 0 : static_cast<int64_t>(found.object->size()));
}

void xrange(Call& call) { range(call, StreamRange::Order::forward); }

void xrevrange(Call& call) { range(call, StreamRange::Order::backward); }

void xdel(Call& call) {
  const auto found = find_object<StreamObject>(call, call.args[1]);
  if (found.wrong) return;
  if (found.object == nullptr) return call.reply.integer(0);
  std::vector<StreamId> ids;
  if (!read_ids(call, 2, ids)) return;
  const Edited edited = edit_object<StreamObject>(call, call.args[1], IfAbsent::leave, [&](StreamObject& stream) {
    size_t gone = 0;
    for (const StreamId id : ids) gone += stream.erase(id) ? 1 : 0;
    return gone;
  });
  call.reply.integer(static_cast<int64_t>(edited.changes));
  notify_edit(call, edited, kNotifyStream, "xdel", call.args[1]);
}

void xtrim(Call& call) {
  const auto options = read_stream_options(call, StreamOptionsOf::xtrim);
  if (!options) return;
  const Edited edited = edit_object<StreamObject>(call, call.args[1], IfAbsent::leave, [&](StreamObject& stream) {
    const size_t gone = stream.trim(options->trim);
    if (gone > 0 && options->approximate && call.node.effects().wanted()) {
      std::vector<std::string> words(call.args.begin(), call.args.end());
      make_trim_exact(*options, stream, words);
      call.rewrite(std::move(words));
    }
    return gone;
  });
  if (edited.wrong) return;
  call.reply.integer(static_cast<int64_t>(edited.changes));
  notify_edit(call, edited, kNotifyStream, "xtrim", call.args[1]);
}

void xsetid(Call& call) {
  const auto id = read_stream_id(call, call.args[2]);
  if (!id) return;
  std::optional<int64_t> entries_added;
  std::optional<StreamId> max_deleted;
  for (size_t i = 3; i < call.argc(); i += 2) {
    const bool more = i + 1 < call.argc();
    if (more && iequals(call.args[i], "ENTRIESADDED")) {
      entries_added = read_integer(call, call.args[i + 1]);
      if (!entries_added) return;
      if (*entries_added < 0) return call.reply.error("ERR entries_added must be positive");
    } else if (more && iequals(call.args[i], "MAXDELETEDID")) {
      max_deleted = read_stream_id(call, call.args[i + 1]);
      if (!max_deleted) return;
      if (*id < *max_deleted) {
        return call.reply.error("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
      }
    } else {
      return call.reply.error(kSyntaxError);
    }
  }
  const Dict::Place place = call.keys.find_place(call.db(), call.args[1]);
  if (place.entry == nullptr) return call.reply.error(kNoSuchKey);
  const auto found = typed<StreamObject>(call, place.entry);
  if (found.wrong) return;
  const StreamObject& stream = *found.object;
  if (stream.size() > 0) {
    if (*id < stream.last_live_id()) {
      return call.reply.error("ERR The ID specified in XSETID is smaller than the target stream top item");
    }
    if (entries_added && stream.size() > static_cast<uint64_t>(*entries_added)) {
      return call.reply.error("ERR The entries_added specified in XSETID is smaller than the target stream length");
    }
  }
  edit_groups(call, place, [&](StreamObject& changed) {
    changed.set_last_id(*id);
    if (entries_added) changed.set_entries_added(static_cast<uint64_t>(*entries_added));
    if (max_deleted && !max_deleted->is_zero()) changed.set_max_deleted_id(*max_deleted);
    return 1;
  });
  call.reply.ok();
  call.notify(kNotifyStream, "xsetid", call.args[1]);
}

}  // namespace holdfast::node::handlers
