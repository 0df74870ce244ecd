// Simulated TCP between members: bytes arrive in order, in pieces of any size, after a delay; a connection ends for each
// side on its own, with or without what was on its way, or silently for one of them. A direction between two members can
// be blocked: what was sent then waits, as it does for retransmissions.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/random.h"
#include "tests/simulation/event_queue.h"

namespace holdfast::replication_simulation {

using simulation::EventQueue;
using WireId = uint64_t;

// One end, as the network tells it what happened. Calls come from the event queue, never from inside of a call to Wires.
class WireEnd {
 public:
  virtual ~WireEnd() = default;
  virtual void wire_connected(WireId wire) = 0;  // the side that connects
  virtual void wire_accepted(WireId wire) = 0;   // the other
  virtual void wire_received(WireId wire, std::string_view bytes) = 0;
  virtual void wire_closed(WireId wire) = 0;  // by the other side, or the connect failed
  virtual void wire_writable(WireId wire) = 0;
};

class Wires {
 public:
  // `end_of(member)`: nullptr while it is down.
  Wires(EventQueue& events, RandomSource& random, size_t members, std::function<WireEnd*(size_t)> end_of)
      : events_(events), random_(random), members_(members), end_of_(std::move(end_of)), blocked_(members * members, false) {}

  WireId connect(size_t from, size_t to);
  void send(WireId wire, size_t from, std::string_view bytes);
  void close(WireId wire, size_t from);  // no call comes for this side any more
  size_t in_flight(WireId wire, size_t from) const;
  size_t other(WireId wire, size_t member) const;  // who is at its other end

  // Faults.
  void block(size_t from, size_t to, bool on) { blocked_[from * members_ + to] = on; }
  void heal() { blocked_.assign(blocked_.size(), false); }
  bool cut_one();                    // some connection, at any byte; false: there is none
  void member_vanished(size_t member);  // its process is gone: the others may or may not be told
  void set_slow(bool slow) { slow_ = slow; }

 private:
  struct Pipe {  // towards one side
    std::string bytes;
    bool scheduled = false;
    bool ends = false;    // after the bytes
    bool silent = false;  // nothing arrives any more
  };
  struct Wire {
    size_t member[2] = {0, 0};
    bool open[2] = {true, false};
    Pipe towards[2];
  };

  int side_of(const Wire& wire, size_t member) const { return wire.member[0] == member ? 0 : 1; }
  void schedule(WireId id, int side);
  void deliver(WireId id, int side);
  void establish(WireId id);
  void truncate(Pipe& pipe) { pipe.bytes.resize(random_.below(pipe.bytes.size() + 1)); }
  void forget_if_over(WireId id);
  bool reaches(size_t from, size_t to) const { return !blocked_[from * members_ + to]; }
  Nanos delay();

  EventQueue& events_;
  RandomSource& random_;
  const size_t members_;
  std::function<WireEnd*(size_t)> end_of_;
  std::vector<bool> blocked_;
  std::map<WireId, Wire> wires_;
  WireId next_ = 1;
  bool slow_ = false;
};

}  // namespace holdfast::replication_simulation
