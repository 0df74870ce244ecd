#include "tests/replication_simulation/world.h"

#include <algorithm>
#include <numeric>

namespace holdfast::replication_simulation {

namespace {

constexpr Nanos kFaultyTime = Seconds(12);
constexpr Nanos kLongestHealing = Seconds(40);
constexpr Nanos kLongestCatchUp = Seconds(3);  // without faults: nobody starts over
constexpr Millis kLook{10};
constexpr Nanos kAbortHeard = Seconds(1);  // no request to take over is on its way any more

}  // namespace

World::World(uint64_t seed, const Faults& faults, bool traced)
    : faults_(faults),
      traced_(traced),
      random_(seed),
      count_(2 + random_.below(4)),
      wires_(events_, random_, count_, [this](size_t index) { return static_cast<WireEnd*>(members_[index].get()); }),
      disks_(count_),
      incarnations_(count_, 0) {
  for (size_t i = 0; i < count_; ++i) {
    configs_.push_back(draw_config());
    members_.emplace_back();
    // Behind the first, or in a chain.
    if (i > 0) disks_[i].follows = random_.chance(0.6) ? 0 : random_.below(i);
  }
}

node::ReplicationConfig World::draw_config() {
  node::ReplicationConfig config;
  config.port = static_cast<uint16_t>(configs_.size());
  config.timeout = Seconds(2 + random_.below(3));
  config.ping_period = Seconds(1);
  config.backlog_size_bytes = 16 * 1024 * (1 + random_.below(4));
  config.backlog_ttl = Seconds(random_.chance(0.3) ? 1 + random_.below(4) : 0);
  config.diskless_sync = random_.chance(0.6);
  config.diskless_delay = Seconds(random_.chance(0.3) ? 1 : 0);
  config.diskless_max_replicas = static_cast<int>(random_.below(3));
  return config;
}

Member* World::peer(WireId wire, const Member& of) {
  for (size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].get() == &of) return members_[wires_.other(wire, i)].get();
  }
  return nullptr;
}

void World::add_note(size_t index, std::string text) {
  const int64_t ms = count_ms(events_.now().time_since_epoch()) % 1000000;
  outcome_.trace.push_back(fmt::format("{:>7}  {}  {}", ms, index, text));
}

void World::boot(size_t index) {
  if (members_[index]) return;
  members_[index] = std::make_unique<Member>(*this, index, ++incarnations_[index], configs_[index]);
  const Disk& disk = disks_[index];
  note(index, "starts {}, {}", disk.follows ? fmt::format("as a replica of {}", *disk.follows) : "as a primary",
       disk.position ? fmt::format("from {}:{}", disk.position->id.view().substr(0, 6), disk.position->offset) : "without a position");
  members_[index]->boot(disk);
}

// What the files then hold: the moment itself, what was saved earlier, or all data and no position (an append-only file
// whose last position is not that of its end).
void World::kill(size_t index, bool cleanly) {
  Member* member = members_[index].get();
  if (!member) return;
  const bool log_only = !cleanly && random_.chance(0.3);
  if ((cleanly || log_only) && member->can_save()) {
    member->save(disks_[index]);
    if (log_only) disks_[index].position.reset();
  }
  if (random_.chance(0.8)) disks_[index].follows = member->follows();  // the configuration was rewritten
  note(index, "is killed");
  members_[index].reset();
  wires_.member_vanished(index);
}

void World::one_fault() {
  const size_t one = any_member(), other = any_member();
  Member* member = members_[one].get();
  const uint64_t kind = random_.below(108);
  if (kind < 35) {
    if (wires_.cut_one()) note(one, "(a connection is cut)");
  } else if (kind < 45) {
    const bool both = random_.chance(0.5);
    wires_.block(one, other, true);
    if (both) wires_.block(other, one, true);
    note(one, "(no way to {})", other);
    events_.after(Millis(50 + random_.below(3500)), [this, one, other] {
      wires_.block(one, other, false);
      wires_.block(other, one, false);
    });
  } else if (kind < 57) {
    kill(one, random_.chance(0.4));
    events_.after(Millis(random_.below(1500)), [this, one] { boot(one); });
  } else if (kind < 63) {
    if (member) member->promote();
  } else if (kind < 71) {
    if (member && one != other) member->follow(other);
  } else if (kind < 80) {
    // A failover: one is promoted, and the others are told to follow it, one after the other.
    if (member) member->promote();
    for (size_t i = 0; i < count_; ++i) {
      if (i == one) continue;
      events_.after(Millis(random_.below(200)), [this, i, one] {
        if (members_[i]) members_[i]->follow(one);
      });
    }
  } else if (kind < 88) {
    if (member && member->can_save()) member->save(disks_[one]);
  } else if (kind < 92) {
    if (member) member->pause_stream(Millis(random_.below(500)));
  } else if (kind < 96) {
    if (member) member->write_something(20, random_.chance(0.3), 6000);
  } else if (kind < 100) {
    wires_.set_slow(random_.chance(0.5));
  } else {
    one_failover();
  }
}

// A planned switch, in the midst of all the rest.
void World::one_failover() {
  for (size_t i = 0; i < count_; ++i) {
    if (!members_[i] || members_[i]->is_replica() || members_[i]->attached() == 0) continue;
    node::FailoverRequest request;
    if (random_.chance(0.6)) request.target = Endpoint{"member", static_cast<uint16_t>(any_member())};
    if (random_.chance(0.6)) request.timeout = Millis(1 + random_.below(3000));
    request.force = request.target && request.timeout && random_.chance(0.4);
    members_[i]->fail_over(request);
    if (random_.chance(0.7)) continue;
    events_.after(Millis(random_.below(1000)), [this, i] {
      if (members_[i]) members_[i]->abort_failover();
    });
  }
}

void World::one_write() {
  for (auto& member : members_) {
    if (!member || !random_.chance(0.7)) continue;
    member->write_something(1 + random_.below(4), random_.chance(0.35), random_.chance(0.1) ? 2000 : 20);
    if (random_.chance(0.1)) member->ask_for_acks();
  }
}

void World::write_for(Nanos duration, Nanos pause) {
  const Instant end = events_.now() + duration;
  while (events_.now() < end && !outcome_.failure) {
    one_write();
    events_.run_until(events_.now() + Millis(1) + Nanos(random_.below(static_cast<uint64_t>(pause.count()))));
  }
}

// One of them is the primary, the others follow it or one another.
void World::heal() {
  wires_.heal();
  wires_.set_slow(false);
  faulty_time_ = false;
  for (auto& member : members_) {
    if (member) member->abort_failover();
  }
  events_.run_until(events_.now() + kAbortHeard);
  std::vector<size_t> order(count_);
  std::iota(order.begin(), order.end(), 0u);
  for (size_t i = count_; i > 1; --i) std::swap(order[i - 1], order[random_.below(i)]);
  for (size_t i = 0; i < count_; ++i) boot(order[i]);
  members_[order[0]]->promote();
  for (size_t i = 1; i < count_; ++i) members_[order[i]]->follow(order[random_.chance(0.5) ? 0 : random_.below(i)]);
  note(order[0], "(healed: this is the primary)");
}

std::optional<std::string> World::difference() const {
  const Member* primary = nullptr;
  for (const auto& member : members_) {
    if (member->is_replica()) continue;
    if (primary) return "there are two primaries";
    primary = member.get();
  }
  if (!primary) return "there is no primary";
  for (size_t i = 0; i < count_; ++i) {
    const Member& member = *members_[i];
    if (&member == primary) continue;
    if (!member.link_up()) return fmt::format("the link of member {} is down", i);
    if (member.log().id() != primary->log().id() || member.log().offset() != primary->log().offset()) {
      return fmt::format("member {} is at {}:{}, the primary at {}:{}", i, member.log().id().view().substr(0, 6),
                         member.log().offset(), primary->log().id().view().substr(0, 6), primary->log().offset());
    }
    if (member.data().digest() != primary->data().digest()) return fmt::format("the data of member {} differs", i);
  }
  return std::nullopt;
}

Outcome World::run() {
  for (size_t i = 0; i < count_; ++i) boot(i);
  write_for(Seconds(1), Millis(40));
  faulty_time_ = true;
  const Instant end = events_.now() + kFaultyTime;
  while (events_.now() < end && !outcome_.failure) {
    one_fault();
    write_for(Millis(random_.below(random_.chance(0.2) ? 1500 : 250)), Millis(30));
  }
  heal();
  const auto converges = [this](Nanos limit, std::string_view when) {
    const Instant begin = events_.now();
    auto why = difference();
    while (why && events_.now() - begin < limit && !outcome_.failure) {
      events_.run_until(events_.now() + kLook);
      why = difference();
    }
    if (why) fail("{}, {} ms {}", *why, count_ms(limit), when);
    return events_.now() - begin;
  };
  outcome_.healing = converges(kLongestHealing, "after the healing");
  if (!outcome_.failure) {
    const uint64_t full = outcome_.full;
    write_for(Millis(500), Millis(20));
    converges(kLongestCatchUp, "after the last writes");
    if (outcome_.full != full) fail("a full resync without any fault");
  }
  outcome_.events = events_.executed();
  return std::move(outcome_);
}

}  // namespace holdfast::replication_simulation
