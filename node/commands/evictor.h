// Keeps the data set within maxmemory: frees what is over the limit before a command, or says that it cannot.
//
// Which key goes is node/eviction's choice; here the memory is measured, the keys are deleted, and the deletions are told
// to the log and the replicas ahead of the command that needed the room. A command waits for evictions only so long
// (maxmemory-eviction-tenacity); what is left goes on in slices between the requests. Executor thread only.
#pragma once

#include <cstdint>

#include "node/eviction/chooser.h"
#include "node/eviction/limit.h"

namespace holdfast::node {

class Node;

class Evictor {
 public:
  explicit Evictor(Node& node) : node_(node) {}

  enum class Outcome : uint8_t {
    fits,          // within the limit, or the limit is nothing to us now (none set, a replica, a pause, a load)
    running,       // still over it; the rest follows in the background
    nothing_left,  // over it, and no key may go: what needs memory is to be refused
  };
  // Before a command: whether make_room() has anything to look at. Costs a sum of a few counters.
  bool wanted() const;
  Outcome make_room();
  // maxmemory was set: what is over it goes in the background, soon (not now: this may be a command of a transaction).
  void limit_changed();

  Nanos current_excess_time() const;
  Nanos total_excess_time() const;
  void reset_stats() { excess_time_.reset(); }

  MemoryLoad memory_load() const;

 private:
  bool holds_back() const;
  void start_in_background();
  Outcome evict_until_it_fits(uint64_t over);
  uint64_t evict(const EvictionChooser::Victim& victim);

  Node& node_;
  EvictionChooser chooser_;
  ExcessTimer excess_time_;
  bool scheduled_ = false;
};

}  // namespace holdfast::node
