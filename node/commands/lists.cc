// Lists: everything that does not wait. What waits is in lists_blocking.cc.
#include "node/commands/lists.h"

#include <algorithm>

#include "common/command/command_replies.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"

namespace holdfast::node {

std::optional<ListEnd> read_list_end(std::string_view word) {
  if (iequals(word, "LEFT")) return ListEnd::head;
  if (iequals(word, "RIGHT")) return ListEnd::tail;
  return std::nullopt;
}

std::string_view push_event(ListEnd end) { return end == ListEnd::head ? "lpush" : "rpush"; }
std::string_view pop_event(ListEnd end) { return end == ListEnd::head ? "lpop" : "rpop"; }

ListObject::Limits list_limits(const Call& call) {
  return {call.node.config().encodings.list_node, call.node.debug().packed_threshold};
}

ListRange cut_range(int64_t start, int64_t stop, size_t length) {
  const auto size = static_cast<int64_t>(length);
  if (start < 0) start = std::max<int64_t>(start + size, 0);
  if (stop < 0) stop += size;
  stop = std::min(stop, size - 1);
  if (start > stop || start >= size) return {};
  return {static_cast<size_t>(start), static_cast<size_t>(stop - start + 1)};
}

namespace {

void reply_stretch(resp::Writer& reply, const ListObject::Stretch& stretch) {
  constexpr size_t kInteger = 24;
  const size_t text_bytes = stretch.pack->size_bytes() - stretch.from;  // at most
  reply.write(text_bytes + stretch.count * (resp::Writer::kBulkOverhead + kInteger), [&](char* to) {
    Listpack::Scratch scratch;
    stretch.pack->walk(stretch.from, stretch.count, [&](const ListObject::Element& element) {
      to = resp::Writer::put_bulk(to, element.integer ? element.view(scratch) : element.text);
    });
    return to;
  });
}

}  // namespace

void reply_elements(resp::Writer& reply, const ListObject& list, ListRange range, bool backwards) {
  constexpr size_t kFew = 8;  // not worth a large reservation
  if (!backwards && range.count > kFew) {
    list.for_stretches(range.start, range.count, [&](const ListObject::Stretch& stretch) {
      stretch.pack == nullptr ? reply.bulk(stretch.plain) : reply_stretch(reply, stretch);
    });
    return;
  }
  Listpack::Scratch scratch;
  auto cursor = list.at(static_cast<int64_t>(backwards ? range.start + range.count - 1 : range.start));
  for (size_t i = 0; i < range.count; ++i) {
    reply.bulk((*cursor).view(scratch));
    backwards ? cursor.previous() : cursor.next();
  }
}

namespace {

// Takes `count` elements off, which must be there, and replies them.
void take(resp::Writer& reply, ListObject& list, ListEnd end, size_t count, const ListObject::Limits& limits) {
  const size_t start = end == ListEnd::head ? 0 : list.size() - count;
  reply_elements(reply, list, {start, count}, end == ListEnd::tail);
  list.erase_range(start, count, limits);
}

}  // namespace

void pop_elements(Call& call, std::string_view key, ListEnd end, size_t most) {
  const ListObject::Limits limits = list_limits(call);
  const Edited popped = edit_object<ListObject>(call, key, IfAbsent::leave, [&](ListObject& list) {
    const size_t count = std::min(most, list.size());
    take(call.reply, list, end, count, limits);
    return count;
  });
  notify_edit(call, popped, kNotifyList, pop_event(end), key);
}

bool move_element(Call& call, std::string_view source, std::string_view target, ListEnd from, ListEnd to) {
  if (find_object<ListObject>(call, target).wrong) return false;
  std::string value;
  const ListObject::Limits limits = list_limits(call);
  const Edited popped = edit_object<ListObject>(call, source, IfAbsent::leave, [&](ListObject& list) {
    value = list.pop(from);
    if (source == target) list.push(to, value, limits);
    return size_t{1};
  });
  if (source != target) {
    edit_object<ListObject>(call, target, IfAbsent::create, [&](ListObject& list) {
      list.push(to, value, limits);
      return size_t{1};
    });
  }
  call.notify(kNotifyList, push_event(to), target);
  notify_edit(call, popped, kNotifyList, pop_event(from), source);
  call.reply.bulk(value);
  return true;
}

namespace handlers {
namespace {

void push(Call& call, ListEnd end, IfAbsent absent) {
  const std::string_view key = call.args[1];
  const ListObject::Limits limits = list_limits(call);
  size_t size = 0;
  const Edited pushed = edit_object<ListObject>(call, key, absent, [&](ListObject& list) {
    for (const std::string_view value : call.args.subspan(2)) list.push(end, value, limits);
    size = list.size();
    return call.argc() - 2;
  });
  if (pushed.wrong) return;
  call.reply.integer(static_cast<int64_t>(size));
  notify_edit(call, pushed, kNotifyList, push_event(end), key);
}

void pop(Call& call, ListEnd end) {
  const std::string_view key = call.args[1];
  std::optional<int64_t> count;
  if (call.argc() > 3) return call.reply.error(command::wrong_arity_error(call.command.name));
  if (call.argc() == 3) {
    count = read_integer_in(call, call.args[2], 0, INT64_MAX, "ERR value is out of range, must be positive");
    if (!count) return;
  }
  const ListObject::Limits limits = list_limits(call);
  bool present = false;
  const Edited popped = edit_object<ListObject>(call, key, IfAbsent::leave, [&](ListObject& list) {
    present = true;
    const size_t most = count ? std::min(static_cast<size_t>(*count), list.size()) : 1;
    if (count) call.reply.array(most);
    if (most == 1) {
      list.pop(end, [&](std::string_view value) { call.reply.bulk(value); });
    } else {
      take(call.reply, list, end, most, limits);
    }
    return most;
  });
  if (popped.wrong) return;
  if (!present) return count ? call.reply.null_array() : call.reply.null();
  notify_edit(call, popped, kNotifyList, pop_event(end), key);
}

struct PositionQuery {
  int64_t rank = 1, count = -1, most = 0;  // count -1: one answer, no array
};

bool read_position_query(Call& call, PositionQuery& query) {
  for (size_t i = 3; i < call.argc(); i += 2) {
    const std::string_view word = call.args[i];
    if (i + 1 == call.argc()) return call.reply.error(kSyntaxError), false;
    const std::string_view number = call.args[i + 1];
    if (iequals(word, "RANK")) {
      const auto rank = read_integer(call, number);
      if (!rank) return false;
      if (*rank == 0) {
        call.reply.error(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to "
            "start "
            "from the end of the list");
        return false;
      }
      query.rank = *rank;
    } else if (iequals(word, "COUNT")) {
      const auto count = read_integer_in(call, number, 0, INT64_MAX, "ERR COUNT can't be negative");
      if (!count) return false;
      query.count = *count;
    } else if (iequals(word, "MAXLEN")) {
      const auto most = read_integer_in(call, number, 0, INT64_MAX, "ERR MAXLEN can't be negative");
      if (!most) return false;
      query.most = *most;
    } else {
      return call.reply.error(kSyntaxError), false;
    }
  }
  return true;
}

std::vector<int64_t> find_positions(const ListObject& list, std::string_view value, const PositionQuery& query) {
  std::vector<int64_t> positions;
  const bool backwards = query.rank < 0;
  const auto size = static_cast<int64_t>(list.size());
  int64_t index = backwards ? size - 1 : 0, skip = query.rank == INT64_MIN ? 0 : std::abs(query.rank) - 1, looked = 0;
  for (auto cursor = list.at(backwards ? -1 : 0); cursor; backwards ? cursor.previous() : cursor.next()) {
    if (query.most > 0 && looked++ == query.most) break;
    if ((*cursor).equals(value) && skip-- <= 0) {
      positions.push_back(index);
      if (query.count != 0 && static_cast<int64_t>(positions.size()) >= std::max<int64_t>(query.count, 1)) break;
    }
    index += backwards ? -1 : 1;
  }
  return positions;
}

}  // namespace

void lpush(Call& call) { push(call, ListEnd::head, IfAbsent::create); }
void rpush(Call& call) { push(call, ListEnd::tail, IfAbsent::create); }
void lpushx(Call& call) { push(call, ListEnd::head, IfAbsent::leave); }
void rpushx(Call& call) { push(call, ListEnd::tail, IfAbsent::leave); }
void lpop(Call& call) { pop(call, ListEnd::head); }
void rpop(Call& call) { pop(call, ListEnd::tail); }

void llen(Call& call) {
  const auto found = read_object<ListObject>(call, call.args[1]);
  if (!found.wrong) call.reply.integer(found.object == nullptr ? 0 : static_cast<int64_t>(found.object->size()));
}

void lindex(Call& call) {
  const auto found = read_object<ListObject>(call, call.args[1]);
  if (found.wrong) return;
  if (found.object == nullptr) return call.reply.null();
  const auto index = read_integer(call, call.args[2]);
  if (!index) return;
  const auto cursor = found.object->at(*index);
  Listpack::Scratch scratch;
  cursor ? call.reply.bulk((*cursor).view(scratch)) : call.reply.null();
}

void lset(Call& call) {
  const std::string_view key = call.args[1];
  const auto found = find_object<ListObject>(call, key);
  if (found.wrong) return;
  if (found.object == nullptr) return call.reply.error(kNoSuchKey);
  const auto index = read_integer(call, call.args[2]);
  if (!index) return;
  if (!found.object->at(*index)) return call.reply.error(kIndexOutOfRange);
  edit_object<ListObject>(call, key, IfAbsent::leave, [&](ListObject& list) {
    list.replace(list.at(*index), call.args[3], list_limits(call));
    return size_t{1};
  });
  call.notify(kNotifyList, "lset", key);
  call.reply.ok();
}

void linsert(Call& call) {
  const std::string_view key = call.args[1];
  const bool after = iequals(call.args[2], "AFTER");
  if (!after && !iequals(call.args[2], "BEFORE")) return call.reply.error(kSyntaxError);
  int64_t size = 0;
  const Edited inserted = edit_object<ListObject>(call, key, IfAbsent::leave, [&](ListObject& list) {
    size = -1;
    for (auto cursor = list.at(0); cursor; cursor.next()) {
      if (!(*cursor).equals(call.args[3])) continue;
      list.insert(cursor, after, call.args[4], list_limits(call));
      size = static_cast<int64_t>(list.size());
      return size_t{1};
    }
    return size_t{0};
  });
  if (inserted.wrong) return;
  notify_edit(call, inserted, kNotifyList, "linsert", key);
  call.reply.integer(size);
}

void lrange(Call& call) {
  const auto start = read_integer(call, call.args[2]);
  if (!start) return;
  const auto stop = read_integer(call, call.args[3]);
  if (!stop) return;
  const auto found = read_object<ListObject>(call, call.args[1]);
  if (found.wrong) return;
  if (found.object == nullptr) return call.reply.array(0);
  const ListRange range = cut_range(*start, *stop, found.object->size());
  call.reply.array(range.count);
  if (range.count > 0) reply_elements(call.reply, *found.object, range);
}

void ltrim(Call& call) {
  const std::string_view key = call.args[1];
  const auto start = read_integer(call, call.args[2]);
  if (!start) return;
  const auto stop = read_integer(call, call.args[3]);
  if (!stop) return;
  const ListObject::Limits limits = list_limits(call);
  size_t removed = 0;
  const Edited trimmed = edit_object<ListObject>(call, key, IfAbsent::leave, [&](ListObject& list) {
    const size_t before = list.size();
    const ListRange kept = cut_range(*start, *stop, before);
    list.erase_range(kept.start + kept.count, before - kept.start - kept.count, limits);
    list.erase_range(0, kept.start, limits);
    removed = before - list.size();
    return std::max<size_t>(removed, 1);
  });
  if (trimmed.wrong) return;
  // As in Redis a trim that takes nothing touches the key all the same, but counts as no change.
  if (trimmed.changes > 0 && removed == 0) call.keys.add_dirty(-1);
  notify_edit(call, trimmed, kNotifyList, "ltrim", key);
  call.reply.ok();
}

void lrem(Call& call) {
  const std::string_view key = call.args[1];
  const auto count = read_integer(call, call.args[2]);
  if (!count) return;
  const bool backwards = *count < 0;
  const size_t most = *count == 0 || *count == INT64_MIN ? SIZE_MAX : static_cast<size_t>(std::abs(*count));
  const Edited removed = edit_object<ListObject>(call, key, IfAbsent::leave, [&](ListObject& list) {
    size_t gone = 0;
    for (auto cursor = list.at(backwards ? -1 : 0); cursor && gone < most;) {
      if ((*cursor).equals(call.args[3])) {
        list.erase(cursor, backwards, list_limits(call));
        ++gone;
      } else {
        backwards ? cursor.previous() : cursor.next();
      }
    }
    return gone;
  });
  if (removed.wrong) return;
  notify_edit(call, removed, kNotifyList, "lrem", key);
  call.reply.integer(static_cast<int64_t>(removed.changes));
}

void lpos(Call& call) {
  PositionQuery query;
  if (!read_position_query(call, query)) return;
  const auto found = read_object<ListObject>(call, call.args[1]);
  if (found.wrong) return;
  std::vector<int64_t> positions;
  if (found.object != nullptr) positions = find_positions(*found.object, call.args[2], query);
  if (query.count < 0) return positions.empty() ? call.reply.null() : call.reply.integer(positions[0]);
  call.reply.array(positions.size());
  for (const int64_t position : positions) call.reply.integer(position);
}

void lmove(Call& call) {
  const bool named = call.argc() == 5;  // LMOVE; RPOPLPUSH says nothing of ends
  const auto from = named ? read_list_end(call.args[3]) : ListEnd::tail;
  const auto to = named ? read_list_end(call.args[4]) : ListEnd::head;
  if (!from || !to) return call.reply.error(kSyntaxError);
  const auto found = find_object<ListObject>(call, call.args[1]);
  if (found.wrong) return;
  if (found.object == nullptr) return call.reply.null();
  move_element(call, call.args[1], call.args[2], *from, *to);
}

void rpoplpush(Call& call) { lmove(call); }

void lmpop(Call& call) {
  ListPopQuery query;
  if (!read_list_pop(call, 1, query)) return;
  if (!pop_first(call, query)) call.reply.null_array();
}

}  // namespace handlers
}  // namespace holdfast::node
