// XPENDING, XCLAIM and XAUTOCLAIM: entries that have been delivered and not been acknowledged.
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"
#include "node/commands/stream_arguments.h"

namespace holdfast::node::handlers {
namespace {

void reply_summary(Call& call, const StreamGroup& group) {
  const auto& pending = group.pending();
  call.reply.array(4);
  call.reply.integer(static_cast<int64_t>(pending.size()));
  if (pending.empty()) {
    call.reply.null();
    call.reply.null();
    return call.reply.null_array();
  }
  reply_stream_id(call, pending.first().id());
  reply_stream_id(call, pending.last().id());
  const size_t mark = call.reply.begin_deferred();
  size_t count = 0;
  for (const auto& [name, consumer] : group.consumers()) {
    if (consumer->pending.empty()) continue;
    ++count;
    call.reply.array(2);
    call.reply.bulk(name);
    call.reply.bulk_integer(static_cast<int64_t>(consumer->pending.size()));
  }
  call.reply.end_deferred_array(mark, count);
}

struct PendingRequest {
  int64_t least_idle_ms = 0;
  int64_t count = 0;
  StreamInterval interval{};
  std::optional<std::string_view> consumer;
};

std::optional<PendingRequest> read_pending_request(Call& call) {
  PendingRequest request;
  size_t start = 3;
  if (iequals(call.args[3], "IDLE")) {
    const auto idle = read_integer(call, call.args[4]);
    if (!idle) return std::nullopt;
    if (call.argc() < 8) {
      call.reply.error(kSyntaxError);
      return std::nullopt;
    }
    request.least_idle_ms = *idle;
    start += 2;
  }
  const auto count = read_integer(call, call.args[start + 2]);
  if (!count) return std::nullopt;
  request.count = *count;
  const auto interval = read_stream_interval(call, call.args[start], call.args[start + 1]);
  if (!interval) return std::nullopt;
  request.interval = *interval;
  if (start + 3 < call.argc()) request.consumer = call.args[start + 3];
  return request;
}

void reply_pending(Call& call, const StreamGroup& group, const PendingRequest& request) {
  const StreamConsumer* wanted = nullptr;
  if (request.consumer && (wanted = group.find_consumer(*request.consumer)) == nullptr) return call.reply.array(0);
  const size_t mark = call.reply.begin_deferred();
  int64_t count = 0;
  const int64_t now_ms = call.now_ms();
  const auto reply = [&](StreamId id, const PendingEntry& entry) {
    const int64_t idle = elapsed_ms(now_ms, entry.delivered_ms);
    if (request.least_idle_ms > 0 && idle < request.least_idle_ms) return;
    ++count;
    call.reply.array(4);
    reply_stream_id(call, id);
    call.reply.bulk(group.consumer(entry.consumer).name);
    call.reply.integer(idle);
    call.reply.integer(static_cast<int64_t>(entry.deliveries));
  };
  const auto& [first, last] = request.interval;
  if (wanted != nullptr) {
    for (auto at = wanted->pending.lower_bound(first); at && at.id() <= last && count < request.count; at.next()) {
      reply(at.id(), *group.pending().find(at.id()));
    }
  } else {
    for (auto at = group.pending().lower_bound(first); at && at.id() <= last && count < request.count; at.next()) {
      reply(at.id(), *at);
    }
  }
  call.reply.end_deferred_array(mark, static_cast<size_t>(count));
}

// Entries being claimed for one consumer: what XCLAIM and XAUTOCLAIM have in common.
class Claims {
 public:
  Claims(Call& call, StreamObject& stream, StreamGroup& group) : call_(call), stream_(stream), group_(group) {}

  // Entries that have been deleted are pending no more.
  void forget(StreamId id, const PendingEntry& known) {
    tell_claim(call_, key(), group_name(), group_, group_.consumer(known.consumer).name, id, known);
    group_.acknowledge(id);
    ++changes_;
  }

  void claim(StreamId id, int64_t delivered_ms, uint64_t deliveries, bool just_id) {
    if (consumer_ == nullptr) consumer_ = group_.find_consumer(call_.args[3]);
    if (consumer_ == nullptr) {
      consumer_ = &create_consumer(call_, key(), group_, call_.args[3]);
      ++changes_;
    }
    consumer_->seen_ms = call_.now_ms();
    deliveries = std::min(deliveries, PendingEntry::kMostDeliveries);
    group_.assign(id, *consumer_, delivered_ms, deliveries);
    if (just_id) {
      reply_stream_id(call_, id);
    } else {
      reply_stream_entry(call_, stream_, id);
    }
    tell_claim(call_, key(), group_name(), group_, consumer_->name, id,
               {.delivered_ms = delivered_ms, .deliveries = deliveries});
    ++changes_;
    ++claimed_;
  }

  size_t claimed() const { return claimed_; }
  size_t changes() const { return changes_; }

 private:
  std::string_view key() const { return call_.args[1]; }
  std::string_view group_name() const { return call_.args[2]; }

  Call& call_;
  StreamObject& stream_;
  StreamGroup& group_;
  StreamConsumer* consumer_ = nullptr;
  size_t claimed_ = 0;
  size_t changes_ = 0;
};

struct ClaimRequest {
  int64_t least_idle_ms = 0;
  std::vector<StreamId> ids;
  int64_t delivered_ms = 0;
  std::optional<int64_t> deliveries;
  bool force = false;
  bool just_id = false;
  StreamId last_id;
};

// XCLAIM's words behind the IDs. False when answered.
bool read_claim_options(Call& call, size_t first, ClaimRequest& request) {
  std::optional<int64_t> delivered;
  for (size_t i = first; i < call.argc(); ++i) {
    const std::string_view word = call.args[i];
    const bool more = i + 1 < call.argc();
    const auto number = [&](std::string_view name) {
      return read_integer(call, call.args[++i], fmt::format("ERR Invalid {} option argument for XCLAIM", name));
    };
    if (iequals(word, "FORCE")) {
      request.force = true;
    } else if (iequals(word, "JUSTID")) {
      request.just_id = true;
    } else if (iequals(word, "IDLE") && more) {
      const auto idle = number("IDLE");
      if (!idle) return false;
      delivered = static_cast<int64_t>(static_cast<uint64_t>(call.now_ms()) - static_cast<uint64_t>(*idle));
    } else if (iequals(word, "TIME") && more) {
      if (!(delivered = number("TIME"))) return false;
    } else if (iequals(word, "RETRYCOUNT") && more) {
      if (!(request.deliveries = number("RETRYCOUNT"))) return false;
    } else if (iequals(word, "LASTID") && more) {
      const auto id = read_stream_id(call, call.args[++i]);
      if (!id) return false;
      request.last_id = *id;
    } else {
      call.reply.error(fmt::format("ERR Unrecognized XCLAIM option '{}'", word));
      return false;
    }
  }
  // A time to come is no time of a delivery.
  const int64_t now_ms = call.now_ms();
  request.delivered_ms = delivered && *delivered >= 0 && *delivered <= now_ms ? *delivered : now_ms;
  return true;
}

std::optional<ClaimRequest> read_claim(Call& call) {
  ClaimRequest request;
  const auto idle = read_integer(call, call.args[4], "ERR Invalid min-idle-time argument for XCLAIM");
  if (!idle) return std::nullopt;
  request.least_idle_ms = std::max<int64_t>(*idle, 0);
  size_t i = 5;
  for (; i < call.argc(); ++i) {
    const auto id = parse_stream_id(call.args[i], 0);
    if (!id || id->any_seq) break;
    request.ids.push_back(id->id);
  }
  if (!read_claim_options(call, i, request)) return std::nullopt;
  return request;
}

}  // namespace

void xpending(Call& call) {
  const bool summary = call.argc() == 3;
  if (!summary && (call.argc() < 6 || call.argc() > 9)) return call.reply.error(kSyntaxError);
  std::optional<PendingRequest> request;
  if (!summary && !(request = read_pending_request(call))) return;
  const auto found = read_object<StreamObject>(call, call.args[1]);
  if (found.wrong) return;
  const StreamGroup* group = found.object == nullptr ? nullptr : found.object->find_group(call.args[2]);
  if (group == nullptr) return reply_no_group(call, call.args[1], call.args[2]);
  if (summary) {
    reply_summary(call, *group);
  } else {
    reply_pending(call, *group, *request);
  }
}

void xclaim(Call& call) {
  const GroupPlace found = find_group(call, call.args[1], call.args[2]);
  if (found.wrong) return;
  if (found.group == nullptr) return reply_no_group(call, call.args[1], call.args[2]);
  const auto request = read_claim(call);
  if (!request) return;
  call.no_propagation();
  const int64_t now_ms = call.now_ms();
  edit_groups(call, found.place, [&](StreamObject& stream) {
    const auto group = stream.edit_group(call.args[2]);
    const bool moved_on = request->last_id > group->last_id;
    if (moved_on) group->last_id = request->last_id;
    Claims claims(call, stream, *group);
    const size_t mark = call.reply.begin_deferred();
    for (const StreamId id : request->ids) {
      const auto at = group->pending().find(id);
      const std::optional<PendingEntry> known = at ? std::optional(*at) : std::nullopt;
      if (!stream.contains(id)) {
        if (known) claims.forget(id, *known);
        continue;
      }
      if (!known && !request->force) continue;
      if (known && elapsed_ms(now_ms, known->delivered_ms) < request->least_idle_ms) continue;
      uint64_t deliveries = known ? known->deliveries : 1;
      if (request->deliveries && *request->deliveries >= 0) {
        deliveries = static_cast<uint64_t>(*request->deliveries);
      } else if (!request->just_id) {
        ++deliveries;
      }
      claims.claim(id, request->delivered_ms, deliveries, request->just_id);
    }
    call.reply.end_deferred_array(mark, claims.claimed());
    if (!moved_on || claims.changes() > 0) return claims.changes();
    // No claim has told of it.
    tell_group_id(call, call.args[1], call.args[2], *group);
    return size_t{1};
  });
}

void xautoclaim(Call& call) {
  const auto idle = read_integer(call, call.args[4], "ERR Invalid min-idle-time argument for XAUTOCLAIM");
  if (!idle) return;
  const auto start = read_interval_start(call, call.args[5]);
  if (!start) return;
  constexpr int64_t kTriesForEach = 10, kIdBytes = 16;
  int64_t count = 100;
  bool just_id = false;
  for (size_t i = 6; i < call.argc(); ++i) {
    if (iequals(call.args[i], "COUNT") && i + 1 < call.argc()) {
      const auto number = read_integer_in(call, call.args[++i], 1,
                                          std::numeric_limits<int64_t>::max() / std::max(kTriesForEach, kIdBytes),
                                          "ERR COUNT must be > 0");
      if (!number) return;
      count = *number;
    } else if (iequals(call.args[i], "JUSTID")) {
      just_id = true;
    } else {
      return call.reply.error(kSyntaxError);
    }
  }
  const GroupPlace found = find_group(call, call.args[1], call.args[2]);
  if (found.wrong) return;
  if (found.group == nullptr) return reply_no_group(call, call.args[1], call.args[2]);
  call.no_propagation();
  const int64_t now_ms = call.now_ms();
  edit_groups(call, found.place, [&](StreamObject& stream) {
    const auto group = stream.edit_group(call.args[2]);
    Claims claims(call, stream, *group);
    std::vector<StreamId> deleted;
    call.reply.array(3);
    const size_t cursor_mark = call.reply.buffer().size();
    const size_t mark = call.reply.begin_deferred();
    std::optional<StreamId> at = start;
    for (int64_t tries = count * kTriesForEach; tries > 0 && count > 0; --tries) {
      const auto entry = group->pending().lower_bound(*at);
      at = entry ? std::optional(entry.id()) : std::nullopt;
      if (!at) break;
      const StreamId id = *at;
      const PendingEntry known = *entry;
      at = id.next();
      if (!stream.contains(id)) {
        claims.forget(id, known);
        deleted.push_back(id);
        --count;
      } else if (elapsed_ms(now_ms, known.delivered_ms) >= *idle) {
        claims.claim(id, now_ms, known.deliveries + (just_id ? 0 : 1), just_id);
        --count;
      }
      if (!at) break;
    }
    call.reply.end_deferred_array(mark, claims.claimed());
    // Where to go on comes first, but is known last.
    const auto next = at ? group->pending().lower_bound(*at) : StreamGroup::Pending::Cursor();
    std::string cursor;
    resp::Writer(cursor).bulk((next ? next.id() : StreamId()).text());
    call.reply.buffer().insert(cursor_mark, cursor);
    call.reply.array(deleted.size());
    for (const StreamId id : deleted) reply_stream_id(call, id);
    return claims.changes();
  });
}

}  // namespace holdfast::node::handlers
