// The reply gate: no byte goes to a client before the offset at which it was produced is released.
//
// Offsets count a log (the append-only file's bytes today; replica acknowledgements in strict mode). The producer moves
// `produced` forward as effects are logged; whoever makes them safe calls release(). While produced > released, output
// written by commands is held. One gate for each server, executor thread only. See docs/internals/reply-gate.md.
#pragma once

#include <cstdint>

namespace holdfast::server {

class ReplyGate {
 public:
  // Output from now on depends on everything up to `offset`.
  void produce(uint64_t offset) { produced_ = offset; }
  uint64_t produced() const { return produced_; }
  uint64_t released() const { return released_; }
  bool holding() const { return produced_ > released_; }

 private:
  friend class Server;  // release goes through Server::release_gate, which sends what waited
  uint64_t produced_ = 0;
  uint64_t released_ = 0;
};

}  // namespace holdfast::server
