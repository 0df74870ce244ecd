// One simulated history: data nodes, sentinels and a network, a plan of faults drawn from a seed, the healing, and what
// must hold all along (invariants.h); where only sentinels fail, ordered coordinated failovers lose no write that
// clients were told of; after the healing, within bounded time, one primary that all nodes follow and all sentinels
// name.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "tests/simulation/data_node.h"
#include "tests/simulation/event_queue.h"
#include "tests/simulation/invariants.h"
#include "tests/simulation/network.h"
#include "tests/simulation/sentinel_process.h"

namespace holdfast::simulation {

struct Shape {
  size_t groups = 1;
  size_t nodes_in_group = 3;
  size_t sentinels = 3;
  uint32_t quorum = 2;
  Millis down_after{1000};
  Millis failover_timeout{180000};
  bool fast_down = false;
  Millis full_sync{0};  // a replica that cannot continue the primary's stream waits so long for its data
};

struct Outcome {
  std::optional<std::string> failure;
  uint64_t events = 0;
  uint64_t elections = 0;
  uint64_t switches = 0;
  Nanos healing{0};  // from the end of the faults to the agreement
  std::vector<std::string> trace;
};

class World {
 public:
  World(uint64_t seed, const sentinel::Faults& faults, bool traced);
  // A given shape in place of a drawn one.
  World(uint64_t seed, const Shape& shape);
  ~World();
  Outcome run();

  // Coordinated failovers one after the other, ordered of any sentinel, while sentinels crash and are cut off, and the
  // nodes live: no write that was acknowledged may be missing in the end, no two nodes may take clients' writes at once.
  Outcome run_planned();

  // Primaries that lose their data and are back before they count as down, while a majority of sentinels lives: a
  // replica's copy must become the group's.
  Outcome run_emptied();

  // No faults but one: the primary is killed. The time from there until another node is a primary, and until all
  // sentinels name it; nothing if that takes too long.
  struct FailoverTimes {
    Nanos promoted;
    Nanos agreed;
  };
  std::optional<FailoverTimes> time_failover();
  // The primaries of all groups are killed at once: the time until all sentinels name all their successors, and how
  // many epochs that took.
  struct MassFailover {
    Nanos agreed;
    uint64_t epochs;
  };
  std::optional<MassFailover> time_mass_failover();
  // As time_failover() for an operator's failover of a living primary.
  std::optional<FailoverTimes> time_ordered_failover(const sentinel::FailoverOrder& order);

  // For the processes.
  EventQueue& events() { return events_; }
  Network& network() { return *network_; }
  RandomSource& random() { return random_; }
  const sentinel::Faults& faults() const { return faults_; }
  const sentinel::Timings& timings() const { return timings_; }
  void fail(const std::string& text);
  Process* process_at(const Endpoint& address);
  void accepted(Process& server, const ClientLink& client) { server.clients.push_back(client); }
  void client_closed(SentinelProcess& client, Process& server, sentinel::LinkId link);
  void server_vanished(Process& server);
  void serve(Process& server, const ClientLink& client, const sentinel::SendRequest& request);
  void reply(Process& server, const ClientLink& client, sentinel::RequestId id, std::vector<sentinel::Reply> replies);
  bool crashes_now(SentinelProcess& process);
  void saved(SentinelProcess& process, const sentinel::PersistentState& state);
  void voted(SentinelProcess& process, const RunId& leader, sentinel::Epoch epoch, const Endpoint& primary);
  void noticed(SentinelProcess& process, const sentinel::Notice& notice);
  void sending(SentinelProcess& process, Process& server, const sentinel::Request& request);
  void sentinel_crashed(SentinelProcess& process);

 private:
  Shape draw_shape();
  void build(const Shape& shape);
  std::optional<FailoverTimes> time_switch(const Endpoint& old, size_t group = 0);
  void warm_up();
  void plan_faults();
  void crash_primaries();
  void one_fault();
  void crash_node(DataNode& node, bool silently, Nanos down_for);
  void restart_node(DataNode& node);
  void replace_data();
  void empty_primary(DataNode& node);
  bool wait_for_agreement(Nanos limit);
  std::string group_name(const Endpoint& node);
  void restart_later(SentinelProcess& process, Nanos down_for);
  void cut_someone();
  void partition();
  void heal();
  bool agreed(std::string* why) const;
  void serve_node(DataNode& node, const ClientLink& client, const sentinel::SendRequest& request);
  void drop_client(Process& server, const ClientLink& client);
  void tick_replication();
  void tick_clients();
  // world_handover.cc
  void hand_over(DataNode& node, const ClientLink& client, const sentinel::SendRequest& request);
  void wait_for_sync(DataNode& node, uint64_t number);
  void ask_to_take_over(DataNode& node, uint64_t number);
  void taken_over(DataNode& node, uint64_t number, bool accepted);
  void keep_role(DataNode& node, const ClientLink& client, const sentinel::SendRequest& request);
  void note(std::string line);
  DataNode& random_node() { return nodes_[random_.below(nodes_.size())]; }
  SentinelProcess& random_sentinel() { return *sentinels_[random_.below(sentinels_.size())]; }
  bool chance(double probability) { return random_.chance(probability); }
  Millis between(int64_t low, int64_t high) {
    return Millis(low + static_cast<int64_t>(random_.below(static_cast<uint64_t>(high - low + 1))));
  }

  const sentinel::Faults faults_;
  const bool traced_;
  SeededRandom random_;
  EventQueue events_;
  sentinel::Timings timings_;
  std::unique_ptr<Network> network_;
  std::vector<DataNode> nodes_;
  std::vector<std::unique_ptr<SentinelProcess>> sentinels_;
  std::map<Endpoint, Process*> by_address_;
  size_t groups_ = 1;
  Shape shape_;
  bool faulty_time_ = false;
  bool counts_writes_ = false;
  std::vector<uint64_t> acknowledged_;
  double crash_on_save_ = 0;
  double save_failure_ = 0;
  Outcome outcome_;

  std::optional<Invariants> invariants_;
};

}  // namespace holdfast::simulation
