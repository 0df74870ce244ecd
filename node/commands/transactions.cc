// MULTI, EXEC, DISCARD, WATCH, UNWATCH. Queueing itself is in dispatch.cc.
#include "node/commands/handlers.h"
#include "node/commands/node.h"

namespace holdfast::node::handlers {

void multi(Call& call) {
  if (!Node::state(call.session).transaction.begin()) {
    return call.reply.error("ERR MULTI calls can not be nested");
  }
  call.reply.ok();
}

void exec(Call& call) {
  Transaction& transaction = Node::state(call.session).transaction;
  if (!transaction.open()) return call.reply.error("ERR EXEC without MULTI");
  const bool refused = transaction.refused();
  const bool stale = transaction.stale() || WatchTable::expired_since_watch(transaction, call.keys);
  std::vector<OwnedCommand> commands = transaction.take();
  call.node.watches().unwatch(transaction);
  if (refused) return call.reply.error("EXECABORT Transaction discarded because of previous errors.");
  if (stale) return call.reply.null_array();
  call.no_propagation();  // its commands tell for themselves
  call.node.run_transaction(call, std::move(commands));
}

void discard(Call& call) {
  Transaction& transaction = Node::state(call.session).transaction;
  if (!transaction.open()) return call.reply.error("ERR DISCARD without MULTI");
  transaction.discard();
  call.node.watches().unwatch(transaction);
  call.reply.ok();
}

void watch(Call& call) {
  Transaction& transaction = Node::state(call.session).transaction;
  if (transaction.open()) return call.reply.error("ERR WATCH inside MULTI is not allowed");
  if (!transaction.stale()) {
    for (const std::string_view key : call.args.subspan(1)) {
      call.node.watches().watch(transaction, call.keys, call.db(), key);
    }
  }
  call.reply.ok();
}

void unwatch(Call& call) {
  call.node.watches().unwatch(Node::state(call.session).transaction);
  call.reply.ok();
}

}  // namespace holdfast::node::handlers
