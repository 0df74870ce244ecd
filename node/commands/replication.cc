// REPLICAOF, ROLE, WAIT and the replicas' side of the protocol: thin over Replication.
#include "node/replication/replication.h"

#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"

namespace holdfast::node::handlers {

void replicaof(Call& call) {
  Replication& replication = call.node.replication();
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
  call.reply.array(report.replicas.size());
  for (const ReplicaRow& replica : report.replicas) {
    call.reply.array(3);
    call.reply.bulk(replica.ip);
    call.reply.bulk_integer(replica.port);
    call.reply.bulk_integer(replica.offset);
  }
}

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
  Node& node = call.node;
  const uint64_t id = call.session.id;
  call.session.blocked = true;
  call.session.suspend();
  client.wait_ends = *timeout != 0;
  client.wait_token = replication.wait(
      client.written_offset, static_cast<size_t>(*replicas),
      *timeout == 0 ? std::nullopt : std::optional(Millis(*timeout)), [&node, id](std::optional<size_t> count) {
        server::Session* session = node.server().find(id);
        if (session == nullptr) return;
        Node::state(*session).wait_token = 0;
        session->blocked = false;
        if (count) {
          session->reply().integer(static_cast<int64_t>(*count));
        } else {
          session->reply().error(
              "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)");
        }
        session->output_ready();
        session->resume();
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
