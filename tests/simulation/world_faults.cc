// The plan of one history: a quiet start, a time of faults, the healing.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "tests/simulation/world.h"

namespace holdfast::simulation {

namespace {

constexpr Millis kWarmUp{2300};
constexpr Millis kWarmUpLimit{30000};
constexpr Millis kHealingLimit{180000};
constexpr Millis kCheckPeriod{250};
constexpr uint64_t kForeignKeys = 500;

}  // namespace

Outcome World::run() {
  warm_up();
  if (!outcome_.failure) {
    plan_faults();
    const Instant end = events_.now() + between(4000, 12000);
    while (events_.now() < end && !outcome_.failure) {
      one_fault();
      events_.run_until(std::min(end, events_.now() + between(50, 2500)));
    }
    heal();
    const Instant healed_at = events_.now();
    std::string why;
    while (!outcome_.failure && !agreed(&why)) {
      if (events_.now() - healed_at > kHealingLimit) fail("no agreement after the healing: " + why);
      events_.run_until(events_.now() + kCheckPeriod);
    }
    outcome_.healing = events_.now() - healed_at;
  }
  outcome_.events = events_.executed();
  return std::move(outcome_);
}

std::optional<World::FailoverTimes> World::time_switch(const Endpoint& old, size_t group) {
  const Instant start = events_.now();
  const std::string name = fmt::format("g{}", group);
  const auto passed = [&] { return events_.now() - start; };
  const auto promoted = [&] {
    return std::any_of(nodes_.begin(), nodes_.end(), [&](const DataNode& node) {
      return node.group == group && node.is_primary && node.address != old;
    });
  };
  const auto agreed = [&] {
    return std::all_of(sentinels_.begin(), sentinels_.end(),
                       [&](const auto& process) { return process->core().primary_address(name) != old; });
  };
  FailoverTimes times{};
  while (!promoted() && passed() < kHealingLimit) events_.run_until(events_.now() + Micros(100));
  times.promoted = passed();
  while (!agreed() && passed() < kHealingLimit) events_.run_until(events_.now() + Micros(100));
  times.agreed = passed();
  if (times.agreed >= kHealingLimit) return std::nullopt;
  return times;
}

std::optional<World::FailoverTimes> World::time_failover() {
  warm_up();
  events_.run_until(events_.now() + between(0, 1000));
  crash_node(nodes_[0], false, kHealingLimit);
  return time_switch(nodes_[0].address);
}

std::optional<World::MassFailover> World::time_mass_failover() {
  warm_up();
  events_.run_until(events_.now() + between(0, 1000));
  const auto epoch = [&] {
    uint64_t highest = 0;
    for (const auto& process : sentinels_) highest = std::max(highest, process->core().current_epoch().value);
    return highest;
  };
  const uint64_t epoch_before = epoch();
  const Instant start = events_.now();
  const size_t per_group = nodes_.size() / groups_;
  for (size_t head = 0; head < nodes_.size(); head += per_group) crash_node(nodes_[head], false, kHealingLimit);
  for (size_t group = 0; group < groups_; ++group) {
    if (!time_switch(nodes_[group * per_group].address, group)) return std::nullopt;
  }
  return MassFailover{events_.now() - start, epoch() - epoch_before};
}

std::optional<World::FailoverTimes> World::time_ordered_failover(const sentinel::FailoverOrder& order) {
  warm_up();
  events_.run_until(events_.now() + between(0, 1000));
  random_sentinel().failover("g0", order);
  return time_switch(nodes_[0].address);
}

// The sentinels find each other and the replicas first: who does not know of the others cannot count a majority of them.
void World::warm_up() {
  events_.run_until(events_.now() + kWarmUp);
  const Instant limit = events_.now() + kWarmUpLimit;
  const size_t per_group = nodes_.size() / groups_;
  const auto complete = [&] {
    std::string why;
    if (!agreed(&why)) return false;
    return std::all_of(sentinels_.begin(), sentinels_.end(), [&](const auto& process) {
      const auto summaries = process->core().summaries();
      return std::all_of(summaries.begin(), summaries.end(),
                         [&](const auto& summary) { return summary.replicas == per_group - 1; });
    });
  };
  while (!outcome_.failure && !complete()) {
    if (events_.now() > limit) return fail("the sentinels did not find each other");
    events_.run_until(events_.now() + kCheckPeriod);
  }
}

void World::plan_faults() {
  faulty_time_ = true;
  NetworkProfile profile;
  if (chance(0.5)) {
    profile.slow = 0.02 + 0.3 * static_cast<double>(random_.below(100)) / 100;
    profile.slow_by = between(5, 400);
  }
  if (chance(0.3)) profile.loss = 0.001 + 0.05 * static_cast<double>(random_.below(100)) / 100;
  if (chance(0.3)) profile.duplicate = 0.05;
  network_->set_profile(profile);
  crash_on_save_ = chance(0.4) ? 0.02 + 0.3 * static_cast<double>(random_.below(100)) / 100 : 0;
  save_failure_ = chance(0.2) ? 0.2 : 0;
  if (groups_ > 1 && chance(0.5)) return crash_primaries();
  if (chance(0.7)) crash_node(nodes_[random_.below(groups_) * (nodes_.size() / groups_)], chance(0.3), between(500, 15000));
}

// All at once, or nearly.
void World::crash_primaries() {
  for (DataNode& node : nodes_) {
    if (!node.up || !node.is_primary) continue;
    events_.after(between(0, 400), [this, &node, down_for = between(500, 15000)] {
      if (node.up) crash_node(node, false, down_for);
    });
  }
}

void World::one_fault() {
  switch (random_.below(12)) {
    case 0:
    case 1: {  // whoever is a primary now
      std::vector<DataNode*> primaries;
      for (DataNode& node : nodes_) {
        if (node.up && node.is_primary) primaries.push_back(&node);
      }
      if (!primaries.empty()) {
        crash_node(*primaries[random_.below(primaries.size())], chance(0.3), between(10, 10000));
      }
      break;
    }
    case 2: crash_node(random_node(), chance(0.3), between(10, 6000)); break;
    case 3: {
      SentinelProcess& process = random_sentinel();
      if (!process.up) break;
      note(fmt::format("s{} crashes", process.index()));
      process.crash();
      restart_later(process, chance(0.5) ? between(1, 100) : between(100, 5000));
      break;
    }
    case 4: {
      SentinelProcess& process = random_sentinel();
      process.stalled_until = events_.now() + (chance(0.7) ? between(50, 1900) : between(1900, 6000));
      note(fmt::format("s{} stalls", process.index()));
      break;
    }
    case 5: {
      DataNode& node = random_node();
      node.stalled_until = events_.now() + between(100, 6000);
      note(fmt::format("{} stalls", node.address.host));
      break;
    }
    case 6: cut_someone(); break;
    case 7: partition(); break;
    case 8:
      network_->heal();
      note("the network heals");
      break;
    case 9: {
      SentinelProcess& process = random_sentinel();
      if (!process.up || process.stalled_until > events_.now()) break;
      note(fmt::format("s{} is ordered to fail over", process.index()));
      process.failover(fmt::format("g{}", random_.below(groups_)), {.coordinated = chance(0.3)});
      break;
    }
    case 10: replace_data(); break;
    case 11: {
      DataNode& node = random_node();
      if (node.up && node.is_primary) empty_primary(node);
      break;
    }
  }
  for (auto& process : sentinels_) {
    if (save_failure_ > 0 && process->up && chance(save_failure_)) {
      using Operation = test::FaultyFileSystem::Operation;
      process->files().fail_operation(chance(0.5) ? Operation::sync : Operation::rename, EIO, 0, 1 + random_.below(3));
    }
  }
}

void World::crash_node(DataNode& node, bool silently, Nanos down_for) {
  if (!node.up) return;
  note(fmt::format("{} crashes{}", node.address.host, silently ? " silently" : ""));
  node.up = false;
  node.vanished = silently;
  ++node.incarnation;
  node.restore_role();
  node.stalled_until = Instant{};
  node.link_up = false;
  if (silently) {
    node.clients.clear();
  } else {
    server_vanished(node);
    for (DataNode& replica : nodes_) {  // their kernels hear of it at once
      if (replica.follows != node.address || !replica.link_up || !network_->reaches(node.host, replica.host)) continue;
      replica.link_up = false;
      replica.link_down_since = events_.now();
    }
  }
  events_.after(down_for, [this, &node, meant = node.incarnation] {
    if (node.incarnation == meant) restart_node(node);
  });
}

void World::restart_node(DataNode& node) {
  if (node.up) return;
  note(fmt::format("{} starts as a {}", node.address.host, node.is_primary ? "primary" : "replica"));
  node.up = true;
  node.restart(random_, events_.now(), !node.emptied && chance(0.2));
}

// Its disk is new, or it has none, and something starts it again at once.
void World::empty_primary(DataNode& node) {
  note(fmt::format("{} loses its data", node.address.host));
  crash_node(node, false, between(1, count_ms(shape_.down_after) - 100));
  node.lose_data(random_, events_.now());
}

bool World::wait_for_agreement(Nanos limit) {
  const Instant end = events_.now() + limit;
  std::string why;
  while (!outcome_.failure && !agreed(&why)) {
    if (events_.now() > end) fail("no agreement: " + why);
    events_.run_until(events_.now() + Millis(50));
  }
  return !outcome_.failure;
}

Outcome World::run_emptied() {
  shape_.full_sync = between(1000, 6000);
  warm_up();
  for (int round = 0; round < 3 && !outcome_.failure; ++round) {
    SentinelProcess& victim = random_sentinel();
    if (chance(0.5)) {
      note(fmt::format("s{} crashes", victim.index()));
      victim.crash();
    }
    DataNode& replica = random_node();
    if (chance(0.3) && !replica.is_primary) crash_node(replica, chance(0.3), between(10, 5000));
    for (DataNode& node : nodes_) {
      if (!node.is_primary) continue;
      events_.run_until(events_.now() + between(0, 300));
      empty_primary(node);
    }
    events_.run_until(events_.now() + between(5000, 10000));
    if (!victim.up) victim.start();
    if (!wait_for_agreement(Millis(60000))) break;
    for (const DataNode& node : nodes_) {
      if (!node.emptied) continue;
      fail(fmt::format("the data of {}'s group is gone: it has {} keys", node.address.host, node.keys));
    }
  }
  return std::move(outcome_);
}

// A replica whose primary is gone comes back with no data, and an id that it made up; or with the data of another
// group, and more of it. One at a time of the latter.
void World::replace_data() {
  DataNode& node = random_node();
  if (node.is_primary || !node.up || node.link_up) return;
  for (const DataNode& other : nodes_) {
    if (other.group == node.group && other.foreign) return;
  }
  const bool lost = chance(0.3);
  note(fmt::format("{} {}", node.address.host, lost ? "loses its data" : "gets foreign data"));
  const uint64_t offset = node.offset;
  crash_node(node, false, between(1, 200));
  node.lose_data(random_, events_.now());
  if (lost) return;
  node.offset = offset + 1000000;
  node.keys = kForeignKeys;
  node.emptied = false;
  node.foreign = true;
}

void World::restart_later(SentinelProcess& process, Nanos down_for) {
  events_.after(down_for, [this, &process, meant = process.incarnation] {
    if (process.up || process.incarnation != meant) return;
    note(fmt::format("s{} starts", process.index()));
    process.start();
  });
}

// A crash at the worst moments: before a save, after it, after what it allowed.
bool World::crashes_now(SentinelProcess& process) {
  if (!faulty_time_ || crash_on_save_ == 0 || !chance(crash_on_save_ / 3)) return false;
  note(fmt::format("s{} crashes at a save", process.index()));
  process.crash();
  restart_later(process, chance(0.7) ? between(1, 50) : between(50, 4000));
  return true;
}

void World::cut_someone() {
  const size_t from = random_.below(network_->hosts());
  const size_t to = random_.below(network_->hosts());
  if (from == to) return;
  const bool both = chance(0.5);
  network_->cut(from, to, true);
  if (both) network_->cut(to, from, true);
  note(fmt::format("host {} {} host {} is cut", from, both ? "<->" : "->", to));
}

// Two sides; sometimes only one direction between them is cut.
void World::partition() {
  std::vector<bool> side(network_->hosts());
  for (size_t i = 0; i < side.size(); ++i) side[i] = chance(0.4);
  const bool one_way = chance(0.2);
  std::string names;
  for (size_t a = 0; a < side.size(); ++a) {
    if (side[a]) names += fmt::format(" {}", a);
    for (size_t b = 0; b < side.size(); ++b) {
      if (side[a] && !side[b]) {
        network_->cut(a, b, true);
        if (!one_way) network_->cut(b, a, true);
      }
    }
  }
  note(fmt::format("a partition{}:{}", one_way ? " (one way)" : "", names));
}

void World::heal() {
  note("--- healing ---");
  faulty_time_ = false;
  network_->heal();
  network_->set_profile(NetworkProfile{});
  for (DataNode& node : nodes_) {
    if (!node.up) restart_node(node);
    node.stalled_until = std::min(node.stalled_until, events_.now());
  }
  for (auto& process : sentinels_) {
    process->files().clear_failures();
    process->stalled_until = std::min(process->stalled_until, events_.now());
    if (process->up) continue;
    note(fmt::format("s{} starts", process->index()));
    process->start();
  }
}

}  // namespace holdfast::simulation
