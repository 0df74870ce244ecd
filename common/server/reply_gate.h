// The reply gate: no byte goes to a client before the offset at which it was produced is released.
//
// Offsets count a log (the append-only file's bytes today; replica acknowledgements in strict mode). The producer moves
// `produced` forward as effects are logged; whoever makes them safe calls release(). While produced > released, output
// written by commands is held, until `produced`, or until an earlier offset where the command says that it depends on no
// more. One gate for each server, executor thread only. See docs/internals/reply-gate.md.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

namespace holdfast::server {

class ReplyGate {
 public:
  // Output from now on depends on everything up to `offset`.
  void produce(uint64_t offset) { produced_ = offset; }
  uint64_t produced() const { return produced_; }
  uint64_t released() const { return released_; }
  bool holding() const { return produced_ > released_; }

  // What a request being answered has written depends on nothing after `offset`. To be said at the end of the request,
  // while the gate holds; messages that other requests bring about depend on all that is produced.
  void depend_on(uint64_t offset) { dependence_ = offset; }

 private:
  friend class Server;  // release goes through Server::release_gate, which sends what waited
  friend class Connection;
  uint64_t take_dependence() { return std::min(std::exchange(dependence_, UINT64_MAX), produced_); }

  uint64_t dependence_ = UINT64_MAX;
  uint64_t produced_ = 0;
  uint64_t released_ = 0;
};

}  // namespace holdfast::server
