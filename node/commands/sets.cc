// Sets, member by member: SADD, SREM, SISMEMBER, SMISMEMBER, SCARD, SMEMBERS, SMOVE, SSCAN.
#include "node/collections/set_object.h"
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"
#include "node/commands/objects.h"
#include "node/commands/scan_options.h"

namespace holdfast::node::handlers {

void sadd(Call& call) {
  const std::string_view key = call.args[1];
  const EncodingLimits& limits = call.node.config().encodings;
  const auto edited = edit_object<SetObject>(call, key, IfAbsent::create, [&](SetObject& set) {
    size_t added = 0;
    for (const std::string_view member : call.args.subspan(2)) added += set.add(member, limits);
    return added;
  });
  if (!edited) return;
  notify_edit(call, edited, kNotifySet, "sadd", key);
  call.reply.integer(static_cast<int64_t>(edited.changes));
}

void srem(Call& call) {
  const std::string_view key = call.args[1];
  const auto edited = edit_object<SetObject>(call, key, IfAbsent::leave, [&](SetObject& set) {
    size_t removed = 0;
    for (const std::string_view member : call.args.subspan(2)) removed += set.remove(member);
    return removed;
  });
  if (!edited) return;
  notify_edit(call, edited, kNotifySet, "srem", key);
  call.reply.integer(static_cast<int64_t>(edited.changes));
}

void sismember(Call& call) {
  const auto found = read_object<SetObject>(call, call.args[1]);
  if (found.wrong) return;
  call.reply.integer(found.object != nullptr && found.object->contains(call.args[2]) ? 1 : 0);
}

void smismember(Call& call) {
  const auto found = read_object<SetObject>(call, call.args[1]);
  if (found.wrong) return;
  call.reply.array(call.argc() - 2);
  for (const std::string_view member : call.args.subspan(2)) {
    call.reply.integer(found.object != nullptr && found.object->contains(member) ? 1 : 0);
  }
}

void scard(Call& call) {
  const auto found = read_object<SetObject>(call, call.args[1]);
  if (found.wrong) return;
  call.reply.integer(found.object == nullptr ? 0 : static_cast<int64_t>(found.object->size()));
}

void smembers(Call& call) {
  const auto found = read_object<SetObject>(call, call.args[1]);
  if (found.wrong) return;
  if (found.object == nullptr) return call.reply.set(0);
  call.reply.set(found.object->size());
  found.object->for_each([&](std::string_view member) { call.reply.bulk(member); });
}

void smove(Call& call) {
  const std::string_view source_key = call.args[1], target_key = call.args[2], member = call.args[3];
  const auto source = find_object<SetObject>(call, source_key);
  if (source.wrong) return;
  if (source.object == nullptr) return call.reply.integer(0);
  const bool there = source.object->contains(member);
  const auto target = find_object<SetObject>(call, target_key);
  if (target.wrong) return;
  if (source_key == target_key || !there) return call.reply.integer(there ? 1 : 0);
  const auto removed = edit_object<SetObject>(call, source_key, IfAbsent::leave,
                                              [&](SetObject& set) -> size_t { return set.remove(member); });
  notify_edit(call, removed, kNotifySet, "srem", source_key);
  const auto added = edit_object<SetObject>(call, target_key, IfAbsent::create, [&](SetObject& set) -> size_t {
    return set.add(member, call.node.config().encodings);
  });
  notify_edit(call, added, kNotifySet, "sadd", target_key);
  call.reply.integer(1);
}

void sscan(Call& call) {
  ScanOptions options;
  if (!parse_scan_cursor(call, call.args[2], options)) return;
  const auto found = read_object<SetObject>(call, call.args[1]);
  if (found.wrong) return;
  if (found.object == nullptr) return reply_empty_scan(call);
  if (!parse_scan_options(call, 3, ScanOf::elements, options)) return;
  reply_scan(call, options, false, [&](uint64_t cursor, const VisitElement& visit) {
    return found.object->scan(cursor, [&](std::string_view member) { visit(member, {}); });
  });
}

}  // namespace holdfast::node::handlers
