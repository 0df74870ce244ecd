// One simulated history of replication: members that are written to, cut off, restarted, promoted, re-targeted and
// handed over and chained as a seed says; then the healing. What must hold:
//   - a history id is written by one node, once;
//   - data that stands at (id, offset) is what that history holds there: after every command of a primary's stream, every
//     partial resync, every payload;
//   - a partial resync is granted only to a prefix of the primary's history, and always when id, offset and backlog allow;
//   - what a replica acknowledges is applied;
//   - a switch by FAILOVER, unless forced, loses no write;
//   - after the healing, within bounded time, all have the primary's data, id and offset.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "tests/replication_simulation/history.h"
#include "tests/replication_simulation/member.h"
#include "tests/replication_simulation/wire.h"
#include "tests/simulation/event_queue.h"

namespace holdfast::replication_simulation {

struct Outcome {
  std::optional<std::string> failure;
  uint64_t events = 0;
  uint64_t partial = 0, full = 0;
  uint64_t failovers = 0;  // that came to their end
  uint64_t commands = 0;
  Nanos healing{0};
  std::vector<std::string> trace;
};

class World {
 public:
  World(uint64_t seed, const Faults& faults, bool traced);
  Outcome run();

  // For the members.
  EventQueue& events() { return events_; }
  RandomSource& random() { return random_; }
  Wires& wires() { return wires_; }
  History& history() { return history_; }
  Outcome& outcome() { return outcome_; }
  const Faults& faults() const { return faults_; }
  Member* member(size_t index) { return members_[index].get(); }
  uint64_t incarnation(size_t index) const { return incarnations_[index]; }
  // The member at the other end of a wire.
  Member* peer(WireId wire, const Member& of);
  bool faulty_time() const { return faulty_time_; }
  template <class... Args>
  void fail(fmt::format_string<Args...> format, Args&&... args) {
    if (!outcome_.failure) outcome_.failure = fmt::format(format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void note(size_t index, fmt::format_string<Args...> format, Args&&... args) {
    if (traced_) add_note(index, fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  node::ReplicationConfig draw_config();
  void boot(size_t index);
  void kill(size_t index, bool cleanly);
  void one_fault();
  void one_failover();
  void one_write();
  void write_for(Nanos duration, Nanos pause);
  void heal();
  std::optional<std::string> difference() const;
  void add_note(size_t index, std::string text);
  size_t any_member() { return random_.below(members_.size()); }

  const Faults faults_;
  const bool traced_;
  SeededRandom random_;
  EventQueue events_;
  const size_t count_;
  Wires wires_;
  History history_;
  std::vector<node::ReplicationConfig> configs_;
  std::vector<Disk> disks_;
  std::vector<uint64_t> incarnations_;
  std::vector<std::unique_ptr<Member>> members_;
  bool faulty_time_ = false;
  Outcome outcome_;
};

template <class Event>
void Member::run(Event event) {
  node::LinkActions actions;
  event(actions);
  perform(actions);
  arm_link_timer();
}

template <class Action>
void Member::after(Nanos delay, Action action) {
  world_.events().after(delay, [&world = world_, index = index_, incarnation = incarnation_, action = std::move(action)] {
    if (world.member(index) && world.incarnation(index) == incarnation) action();
  });
}

}  // namespace holdfast::replication_simulation
