// REPLICAOF, ROLE, WAIT and the replicas' side of the protocol: thin over Replication.
#include "node/replication/replication.h"

#include <algorithm>

#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"

namespace holdfast::node::handlers {

void replicaof(Call& call) {
  Replication& replication = call.node.replication();
  if (replication.failing_over()) return call.reply.error("ERR REPLICAOF not allowed while failing over.");
  if (iequals(call.args[1], "no") && iequals(call.args[2], "one")) {
    replication.replicaof_no_one();
    return call.reply.ok();
  }
  if (replication.is_attached_replica(call.session)) {
    return call.reply.error("ERR Command is not valid when client is a replica.");
  }
  const auto port = read_integer_in(call, call.args[2], 0, 65535, "ERR Invalid master port");
  if (!port) return;
  const Result<std::string> status = replication.replicaof(call.args[1], static_cast<uint16_t>(*port));
  status ? call.reply.simple(*status) : call.reply.error(status.error().text);
}

void failover(Call& call) {
  const Result<> done = call.node.replication().failover(call.args.subspan(1));
  done ? call.reply.ok() : call.reply.error(done.error().text);
}

void role(Call& call) {
  const RoleReport report = call.node.replication().role();
  if (report.replica) {
    call.reply.array(5);
    call.reply.bulk("slave");
    call.reply.bulk(report.primary.host);
    call.reply.integer(report.primary.port);
    call.reply.bulk(link_state_name(report.link));
    call.reply.integer(report.offset);
    return;
  }
  call.reply.array(3);
  call.reply.bulk("master");
  call.reply.integer(report.offset);
  const auto online = [](const ReplicaRow& replica) { return replica.state == "online"; };
  call.reply.array(static_cast<size_t>(std::ranges::count_if(report.replicas, online)));
  for (const ReplicaRow& replica : report.replicas) {
    if (!online(replica)) continue;
    call.reply.array(3);
    call.reply.bulk(replica.ip);
    call.reply.bulk_integer(replica.port);
    call.reply.bulk_integer(replica.offset);
  }
}

namespace {

constexpr std::string_view kNoLog = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";

void begin_wait(Call& call, const AckTarget& target, int64_t timeout_ms,
                std::function<void(server::Session&, size_t)> answer) {
  Node& node = call.node;
  const uint64_t id = call.session.id;
  call.session.blocked = true;
  call.session.suspend();
  ClientState& client = Node::state(call.session);
  client.wait_ends = timeout_ms != 0;
  client.wait_token = node.replication().wait(
      target, timeout_ms == 0 ? std::nullopt : std::optional(Millis(timeout_ms)),
      [&node, id, answer = std::move(answer)](std::optional<size_t> count) {
        server::Session* session = node.server().find(id);
        if (session == nullptr) return;
        Node::state(*session).wait_token = 0;
        session->blocked = false;
        if (count) {
          answer(*session, *count);
        } else {
          session->reply().error(
              "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)");
        }
        session->output_ready();
        session->resume();
      });
}

}  // namespace

void wait(Call& call) {
  if (call.node.is_replica()) {
    return call.reply.error(
        "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is "
        "configured to be writable (which is not the default) writes to replicas are just local and are not "
        "propagated.");
  }
  const auto replicas = read_integer(call, call.args[1]);
  if (!replicas) return;
  const auto timeout = read_integer(call, call.args[2], "ERR timeout is not an integer or out of range");
  if (!timeout) return;
  if (*timeout < 0) return call.reply.error("ERR timeout is negative");

  Replication& replication = call.node.replication();
  ClientState& client = Node::state(call.session);
  const size_t acked = replication.acked(client.written_offset);
  if (*replicas <= 0 || acked >= static_cast<size_t>(*replicas) || call.in_exec) {
    return call.reply.integer(static_cast<int64_t>(acked));
  }
  client.waits_for_logs = false;
  begin_wait(call, {.offset = client.written_offset, .replicas = static_cast<size_t>(*replicas)}, *timeout,
             [](server::Session& session, size_t count) { session.reply().integer(static_cast<int64_t>(count)); });
}

void waitaof(Call& call) {
  const auto local = read_integer_in(call, call.args[1], 0, 1, "ERR value is out of range, value must between 0 and 1");
  if (!local) return;
  const auto replicas =
      read_integer_in(call, call.args[2], 0, INT64_MAX, "ERR value is out of range, must be positive");
  if (!replicas) return;
  const auto timeout = read_integer(call, call.args[3], "ERR timeout is not an integer or out of range");
  if (!timeout) return;
  if (*timeout < 0) return call.reply.error("ERR timeout is negative");
  if (call.node.is_replica()) {
    return call.reply.error(
        "ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and "
        "are not propagated.");
  }
  if (*local != 0 && !call.node.persistence().log_on()) return call.reply.error(kNoLog);

  ClientState& client = Node::state(call.session);
  const bool local_met = *local == 0 || call.node.persistence().synced_offset() >= client.logged_offset;
  const size_t acked = call.node.replication().acked_synced(client.written_offset);
  if ((local_met && acked >= static_cast<size_t>(*replicas)) || call.in_exec) return call.node.answer_waitaof(call.session);
  client.waits_for_logs = true;
  if (!local_met) call.node.persistence().sync_log_soon();
  begin_wait(call,
             {.offset = client.written_offset,
              .replicas = static_cast<size_t>(*replicas),
              .synced = true,
              .log_offset = *local != 0 ? client.logged_offset : 0},
             *timeout, [&node = call.node, local = *local != 0](server::Session& session, size_t) {
               if (local && !node.persistence().log_on()) return session.reply().error(kNoLog);
               node.answer_waitaof(session);
             });
}

namespace {

void send(Call& call, const ProtocolReply& reply) {
  switch (reply.kind) {
    case ProtocolReply::Kind::none:
      break;
    case ProtocolReply::Kind::status:
      call.reply.simple(reply.text);
      break;
    case ProtocolReply::Kind::error:
      call.reply.error(reply.text);
      break;
  }
}

}  // namespace

void replconf(Call& call) { send(call, call.node.replication().replconf(call.session, call.args)); }

void psync(Call& call) { send(call, call.node.replication().psync(call.session, call.args)); }

}  // namespace holdfast::node::handlers
