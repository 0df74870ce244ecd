// One command being executed: what a handler gets.
//
// Executor thread only; lives for the duration of the command. args[0] is the command's name as the client wrote it (a
// transaction's commands come one Call each). A handler replies exactly once (one that calls Node::block: later), and changes
// data through `keys` only. What the log and the replicas get is the command as it came if data changed, unless the
// handler says otherwise:
//   rewrite(...)       these words instead (a relative expiry made absolute);
//   no_propagation()   nothing (the effects were fed in another way);
//   force_propagation() even without a change (FLUSHALL of nothing; PUBLISH, to replicas only).
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/command/command_table.h"
#include "common/resp/writer.h"
#include "common/server/command_context.h"
#include "common/server/session.h"
#include "node/commands/effects.h"
#include "node/keyspace/keyspace.h"
#include "node/options/notify_events.h"

namespace holdfast::node {

class Node;

// Where a command comes from: a client; the primary's stream (never refused, fed on to our own log and replicas); the
// replay of a log (never refused, fed to nobody).
enum class Origin : uint8_t { client, primary, log };

struct Call : server::CommandContext {
  Call(Node& node, server::Server& server, Keyspace& keys, server::Session& session,
       std::span<const std::string_view> args, const command::CommandInfo& command, Origin origin)
      : CommandContext{server, session, args, session.reply()},
        node(node),
        keys(keys),
        command(command),
        origin(origin) {}

  Node& node;
  Keyspace& keys;
  const command::CommandInfo& command;  // `name` is the full one: "config|get"
  Origin origin;
  bool in_exec = false;  // one of a transaction's commands
  bool woken = false;    // the command of a client that waits for keys, run again since one has been touched
  std::string_view woken_by;  // that key
  bool blocked = false;  // the client waits (still): no reply has been written (Node::block sets it)

  int db() const { return session.db; }
  WallTime now() const { return keys.now(); }
  int64_t now_ms() const { return to_unix_ms(keys.now()); }
  size_t argc() const { return args.size(); }

  void rewrite(std::initializer_list<std::string_view> argv) {
    rewritten_.assign(argv.begin(), argv.end());
    propagation = Propagation::rewritten;
  }
  void rewrite(std::vector<std::string> argv) {
    rewritten_ = std::move(argv);
    propagation = Propagation::rewritten;
  }
  void no_propagation() { propagation = Propagation::none; }
  void force_propagation(Effects::Reach reach = Effects::Reach::all) {
    propagation = Propagation::forced;
    this->reach = reach;
  }
  const std::vector<std::string>& rewritten() const { return rewritten_; }

  // A keyspace notification about a key of the selected database, once it has changed (NotifyEvents says which class).
  void notify(uint32_t event_class, std::string_view event, std::string_view key);

  enum class Propagation : uint8_t { if_dirty, rewritten, none, forced };
  Propagation propagation = Propagation::if_dirty;
  Effects::Reach reach = Effects::Reach::all;

 private:
  std::vector<std::string> rewritten_;
};

using CommandTable = command::CommandTable<Call>;
using CommandRow = command::CommandRow<Call>;

}  // namespace holdfast::node
