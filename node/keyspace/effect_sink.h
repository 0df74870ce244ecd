// Where the effects of executed commands go: the append-only file and the replication stream.
//
// A transaction's effects arrive as MULTI, the commands, EXEC. Each sink keeps its own selected database and writes
// SELECT where it changes. Executor thread only.
#pragma once

#include <span>
#include <string_view>

namespace holdfast::node {

class EffectSink {
 public:
  virtual ~EffectSink() = default;
  // `db` -1: a command without a database (MULTI, EXEC, PING, PUBLISH): no SELECT is written for it.
  virtual void feed(int db, std::span<const std::string_view> argv) = 0;
  // False while all it is fed is dropped.
  virtual bool listening() const { return true; }
};

}  // namespace holdfast::node
