// FAILOVER among simulated nodes, message by message; and the history that drives it hard.
#include <fmt/format.h>

#include <algorithm>

#include "tests/simulation/world.h"

namespace holdfast::simulation {

namespace {

using sentinel::Reply;
using Phase = HandingOver::Phase;

constexpr Millis kAskAgain{200};
constexpr Millis kTakeoverPatience{3000};  // what cannot be reached, and was not asked, is given up
constexpr Millis kQuiet{60000};

}  // namespace

void World::hand_over(DataNode& node, const ClientLink& client, const sentinel::SendRequest& send) {
  const Endpoint& target = send.request.target;
  const auto answer = [&](Reply value) { reply(node, client, send.id, {std::move(value)}); };
  if (node.handing_over.phase != Phase::none) return answer(Reply::error("ERR FAILOVER already in progress."));
  if (!node.is_primary) return answer(Reply::error("ERR FAILOVER is not valid when server is a replica."));
  if (std::find(node.replicas_seen.begin(), node.replicas_seen.end(), target) == node.replicas_seen.end()) {
    return answer(Reply::error("ERR FAILOVER target HOST and PORT is not a replica."));
  }
  note(fmt::format("{} is told by s{} to hand over to {}", node.address.host, client.sentinel, target.host));
  const uint64_t number = node.handing_over.number + 1;
  node.handing_over = {.phase = Phase::waiting,
                       .number = number,
                       .target = target,
                       .give_up_at = events_.now() + send.request.time_limit};
  answer(Reply::status("OK"));
  wait_for_sync(node, number);
}

// Asks the target whether it has everything: its answer comes when it has.
void World::wait_for_sync(DataNode& node, uint64_t number) {
  HandingOver& handing = node.handing_over;
  if (!node.up || handing.number != number || handing.phase != Phase::waiting) return;
  if (events_.now() >= handing.give_up_at) {
    note(fmt::format("{} gives its failover up", node.address.host));
    handing.phase = Phase::none;
    return;
  }
  auto& target = static_cast<DataNode&>(*process_at(handing.target));
  network_->send(node.host, target.host, [this, &node, &target, number] {
    target.execute(events_, target.incarnation, [this, &node, &target, number] {
      if (target.is_primary || target.follows != node.address || !target.link_up) return;
      target.sync_from(node, events_.now());
      network_->send(target.host, node.host, [this, &node, number] {
        node.execute(events_, node.incarnation, [this, &node, number] {
          HandingOver& mine = node.handing_over;
          if (mine.number != number || mine.phase != Phase::waiting) return;
          mine.phase = Phase::asking;
          mine.give_up_at = events_.now() + kTakeoverPatience;
          node.is_primary = false;
          node.follows = mine.target;
          node.link_up = false;
          node.link_down_since = events_.now();
          ask_to_take_over(node, number);
        });
      });
    });
  });
  events_.after(std::min<Nanos>(kAskAgain, std::max<Nanos>(handing.give_up_at - events_.now(), Millis(1))),
                [this, &node, number] { wait_for_sync(node, number); });
}

void World::ask_to_take_over(DataNode& node, uint64_t number) {
  HandingOver& handing = node.handing_over;
  if (!node.up || handing.number != number || handing.phase != Phase::asking) return;
  auto& target = static_cast<DataNode&>(*process_at(handing.target));
  if (target.up && network_->reaches(node.host, target.host) && network_->reaches(target.host, node.host)) {
    ++handing.asked;
    network_->send(node.host, target.host, [this, &node, &target, number] {
      target.execute(events_, target.incarnation, [this, &node, &target, number] {
        const bool accepted =
            !target.is_primary && target.follows == node.address && target.handing_over.phase == Phase::none;
        if (accepted) {
          note(fmt::format("{} takes over", target.address.host));
          target.begin_history(random_, events_.now());
          target.is_primary = true;
          target.link_up = false;
        }
        network_->send(target.host, node.host, [this, &node, number, accepted] {
          node.execute(events_, node.incarnation,
                       [this, &node, number, accepted] { taken_over(node, number, accepted); });
        });
      });
    });
  } else if (handing.asked == 0 && events_.now() >= handing.give_up_at) {
    taken_over(node, number, false);
  }
  events_.after(kAskAgain, [this, &node, number] { ask_to_take_over(node, number); });
}

void World::taken_over(DataNode& node, uint64_t number, bool accepted) {
  HandingOver& handing = node.handing_over;
  if (handing.number != number || handing.phase != Phase::asking) return;
  handing.phase = Phase::none;
  if (accepted || handing.asked > 1) return;  // an earlier request was heard
  note(fmt::format("{} is refused, and the primary again", node.address.host));
  node.begin_history(random_, events_.now());
  node.is_primary = true;
}

void World::keep_role(DataNode& node, const ClientLink& client, const sentinel::SendRequest& send) {
  HandingOver& handing = node.handing_over;
  if (handing.phase == Phase::none) return reply(node, client, send.id, {Reply::error("ERR No failover in progress.")});
  note(fmt::format("{} is told by s{} to keep its role", node.address.host, client.sentinel));
  if (handing.phase == Phase::asking) {
    node.begin_history(random_, events_.now());
    node.is_primary = true;
  }
  handing.phase = Phase::none;
  reply(node, client, send.id, {Reply::status("OK")});
}

// A client for each sentinel: it writes to the node that this sentinel names, if that takes writes.
void World::tick_clients() {
  DataNode* writable = nullptr;
  for (const auto& process : sentinels_) {
    if (!process->up) continue;
    const auto named = process->core().primary_address("g0");
    auto& node = static_cast<DataNode&>(*process_at(named.value()));
    if (!node.takes_writes() || &node == writable) continue;
    if (writable != nullptr) {
      fail(fmt::format("two primaries take clients' writes: {} and {}", writable->address.host, node.address.host));
    }
    writable = &node;
    acknowledged_.push_back(acknowledged_.size() + 1);
    node.log.push_back(acknowledged_.back());
  }
}

Outcome World::run_planned() {
  warm_up();
  counts_writes_ = true;
  faulty_time_ = true;
  NetworkProfile profile;
  if (chance(0.5)) {
    profile.slow = 0.3;
    profile.slow_by = between(1, 30);
  }
  network_->set_profile(profile);
  crash_on_save_ = chance(0.5) ? 0.3 : 0;
  const uint64_t before = outcome_.switches;
  for (int round = 0; round < 8 && !outcome_.failure; ++round) {
    SentinelProcess& leader = random_sentinel();
    if (leader.up) {
      note(fmt::format("s{} is ordered to fail over", leader.index()));
      leader.failover("g0", {.coordinated = true});
    }
    // One sentinel at a time is lost: a majority must not come to think that the primary is dead.
    SentinelProcess& victim = chance(0.7) ? leader : random_sentinel();
    const uint64_t kind = random_.below(4);
    events_.run_until(events_.now() + Micros(random_.below(chance(0.5) ? 10000 : 100000)));
    if (kind == 0 && victim.up) {
      note(fmt::format("s{} crashes", victim.index()));
      victim.crash();
      restart_later(victim, between(1, 2000));
    } else if (kind == 1) {
      const size_t other = random_.below(network_->hosts());
      note(fmt::format("s{} and host {} are cut off", victim.index(), other));
      network_->cut(victim.host, other, true);
      network_->cut(other, victim.host, true);
    } else if (kind == 2) {
      note(fmt::format("s{} is cut off", victim.index()));
      for (size_t other = 0; other < network_->hosts(); ++other) {
        network_->cut(victim.host, other, true);
        network_->cut(other, victim.host, true);
      }
    }
    events_.run_until(events_.now() + between(0, 4000));
    network_->heal();
    events_.run_until(events_.now() + between(0, 4000));
  }
  heal();
  const Instant healed_at = events_.now();
  std::string why;
  while (!outcome_.failure && !agreed(&why)) {
    if (events_.now() - healed_at > kQuiet) fail("no agreement after the healing: " + why);
    events_.run_until(events_.now() + Millis(250));
  }
  outcome_.switches -= before;
  if (outcome_.failure) return std::move(outcome_);
  counts_writes_ = false;
  events_.run_until(events_.now() + Millis(200));
  const auto& kept = static_cast<DataNode&>(*process_at(*sentinels_[0]->core().primary_address("g0"))).log;
  for (const uint64_t number : acknowledged_) {
    if (!std::binary_search(kept.begin(), kept.end(), number)) {
      fail(fmt::format("acknowledged write {} of {} is lost", number, acknowledged_.size()));
      break;
    }
  }
  return std::move(outcome_);
}

}  // namespace holdfast::simulation
