// What a simulated process of either kind has in common: it may be down, restarted (a new incarnation) or stalled.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/endpoint.h"
#include "sentinel/core/actions.h"
#include "tests/simulation/event_queue.h"

namespace holdfast::simulation {

// A sentinel's connection, as a server sees it.
struct ClientLink {
  size_t sentinel = 0;
  uint64_t incarnation = 0;  // of the sentinel
  sentinel::LinkId link = 0;
  sentinel::LinkKind kind = sentinel::LinkKind::command;
  bool operator==(const ClientLink&) const = default;
};

struct Process {
  bool is_sentinel = false;
  size_t host = 0;
  Endpoint address;
  bool up = true;
  bool vanished = false;  // down with its host: nothing refuses a connection
  uint64_t incarnation = 1;
  Instant stalled_until;
  std::vector<ClientLink> clients;

  // Runs `action` in this process: at once, or when it awakes; not at all if it is not the incarnation that was meant.
  void execute(EventQueue& events, uint64_t meant, EventQueue::Action action) {
    if (!up || incarnation != meant) return;
    if (stalled_until > events.now()) {
      events.at(stalled_until, [this, &events, meant, action = std::move(action)]() mutable {
        execute(events, meant, std::move(action));
      });
      return;
    }
    action();
  }
};

}  // namespace holdfast::simulation
