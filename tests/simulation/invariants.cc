#include "tests/simulation/invariants.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/text.h"
#include "tests/simulation/sentinel_process.h"

namespace holdfast::simulation {

namespace {

// An answer "I see it down" counts 5 s from its arrival, and it may have waited for a stalled receiver.
constexpr Millis kAnswersHold{12000};
// What a leader sees of a replica that is surely a candidate: answered lately, and told of itself lately.
constexpr int64_t kFreshPing = 50;
constexpr int64_t kFreshInfo = 500;

constexpr Millis kEmptyRemembered{80000};
constexpr Millis kHistorySettled{7000};  // a stalled leader may read an INFO so late

struct ReplicaView {
  bool clear_candidate = false;
  bool is_primary = false;
  Endpoint address;
  int64_t priority = 0;
  uint64_t offset = 0;
};

std::string_view field(const sentinel::InstanceFields& fields, std::string_view name) {
  for (const auto& [key, value] : fields) {
    if (key == name) return value;
  }
  return {};
}

int64_t number(const sentinel::InstanceFields& fields, std::string_view name) {
  return parse_int64(field(fields, name)).value_or(0);
}

ReplicaView view_of(const sentinel::InstanceFields& fields) {
  return {.clear_candidate = field(fields, "flags") == "slave" && number(fields, "last-ok-ping-reply") <= kFreshPing &&
                             !field(fields, "info-refresh").empty() && number(fields, "info-refresh") <= kFreshInfo &&
                             number(fields, "master-link-down-time") == 0 &&
                             field(fields, "role-reported") == "slave" && number(fields, "slave-priority") != 0,
          .is_primary = field(fields, "role-reported") == "master",
          .address = {std::string(field(fields, "ip")), static_cast<uint16_t>(number(fields, "port"))},
          .priority = number(fields, "slave-priority"),
          .offset = static_cast<uint64_t>(number(fields, "slave-repl-offset"))};
}

}  // namespace

void Invariants::voted(size_t sentinel, const std::string& primary, const RunId& leader, sentinel::Epoch epoch) {
  const auto [vote, first] = votes_.try_emplace({sentinel, primary, epoch.value}, leader);
  if (!first && vote->second != leader) {
    fail_(fmt::format("sentinel {} voted twice in epoch {}: for {} and for {}", sentinel, epoch.value,
                      vote->second.view(), leader.view()));
  }
  if (saved_[{sentinel, primary}].second < epoch.value) {
    fail_(fmt::format("sentinel {} voted in epoch {} before that was saved", sentinel, epoch.value));
  }
}

void Invariants::saved(size_t sentinel, const sentinel::PersistentState& state) {
  for (const sentinel::PersistentPrimary& primary : state.primaries) {
    const uint64_t epoch = primary.config_epoch.value;
    const auto [known, first] = configurations_.try_emplace({primary.name, epoch}, primary.address);
    if (!first && known->second != primary.address) {
      fail_(fmt::format("sentinel {}: configuration epoch {} of {} names {} and {}", sentinel, epoch, primary.name,
                        known->second.host, primary.address.host));
    }
    auto& mine = saved_[{sentinel, primary.name}];
    if (epoch < mine.first) {
      fail_(fmt::format("sentinel {} went back from configuration epoch {} of {} to {}", sentinel, mine.first,
                        primary.name, epoch));
    }
    mine = {epoch, primary.leader_epoch.value};
  }
}

void Invariants::announced(size_t sentinel, const Hello& hello) {
  if (hello.config_epoch <= saved_[{sentinel, hello.primary_name}].first) return;
  fail_(fmt::format("sentinel {} announced configuration epoch {} of {} before it was saved", sentinel,
                    hello.config_epoch, hello.primary_name));
}

void Invariants::crashed(size_t sentinel, Instant now) {
  for (auto& [key, view] : views_) {
    if (key.first != sentinel) continue;
    if (view.down) view.down_last = now;
    view = View{.down_last = view.down_last};
  }
}

void Invariants::noticed(const SentinelProcess& process, const sentinel::Notice& notice, Instant now) {
  using sentinel::Event;
  View& view = views_[{process.index(), notice.primary}];
  const bool of_primary = notice.payload.starts_with("master ");
  switch (notice.event) {
    case Event::sdown:
      if (of_primary) view.down = true;
      break;
    case Event::sdown_end:
    case Event::switch_master:
      if (!of_primary && notice.event == Event::sdown_end) break;
      if (view.down) view.down_last = now;
      view.down = view.o_down = false;
      break;
    case Event::odown:
      view.o_down = true;
      objectively_down(process.index(), notice, now);
      break;
    case Event::odown_end:
      view.o_down = false;
      break;
    case Event::reboot_empty:
      called_empty(notice, now);
      break;
    case Event::try_failover:
      view.started_by_odown = view.o_down;
      break;
    case Event::elected_leader:
      elected(process.index(), notice);
      break;
    case Event::selected_slave:
      selected(process, notice, now);
      break;
    default:
      break;
  }
}

void Invariants::objectively_down(size_t sentinel, const sentinel::Notice& notice, Instant now) {
  size_t seeing = 0;
  for (const auto& [key, view] : views_) {
    if (key.second != notice.primary) continue;
    if (view.down || (view.down_last != Instant{} && now - view.down_last <= kAnswersHold)) ++seeing;
  }
  if (seeing >= quorum_) return;
  fail_(fmt::format("sentinel {} calls {} objectively down, but {} of the quorum of {} have seen it down", sentinel,
                    notice.primary, seeing, quorum_));
}

void Invariants::called_empty(const sentinel::Notice& notice, Instant now) {
  const auto words = split(notice.payload, ' ');
  const DataNode* node = find_node_({std::string(words[2]), 6379});
  if (node->restarted_empty != Instant{} && now - node->restarted_empty <= kEmptyRemembered) return;
  fail_(fmt::format("{} is said to be empty, and has never been", node->address.host));
}

void Invariants::elected(size_t sentinel, const sentinel::Notice& notice) {
  const auto [leader, first] = leaders_.try_emplace({notice.primary, notice.epoch}, sentinel);
  if (!first && leader->second != sentinel) {
    fail_(fmt::format("two leaders of {} in epoch {}: sentinels {} and {}", notice.primary, notice.epoch,
                      leader->second, sentinel));
  }
}

// The leader's own view is judged, by the rule written down a second time.
void Invariants::selected(const SentinelProcess& process, const sentinel::Notice& notice, Instant now) {
  const auto replicas = process.core().replica_fields(notice.primary, now);
  if (!replicas) return;
  std::optional<ReplicaView> chosen;
  std::vector<ReplicaView> candidates;
  for (const auto& fields : *replicas) {
    const ReplicaView view = view_of(fields);
    if (notice.payload.starts_with("slave " + std::string(field(fields, "name")) + " ")) chosen = view;
    if (view.clear_candidate) candidates.push_back(view);
  }
  if (!chosen || chosen->is_primary) return;  // a primary: by a hand-over, or by an order whose answer was lost
  // Offsets compare within one history, and what the leader sees must be of it already.
  const DataNode* promoted = find_node_(chosen->address);
  const auto comparable = [&](const ReplicaView& other) {
    const DataNode* node = find_node_(other.address);
    return node->history == promoted->history && now - node->history_since > kHistorySettled &&
           now - promoted->history_since > kHistorySettled;
  };
  for (const ReplicaView& other : candidates) {
    const bool better =
        other.priority < chosen->priority || (other.priority == chosen->priority && other.offset > chosen->offset);
    if (!better || !comparable(other)) continue;
    return fail_(fmt::format("sentinel {} chose {} (priority {}, offset {}), but {} has priority {}, offset {}",
                             process.index(), chosen->address.host, chosen->priority, chosen->offset,
                             other.address.host, other.priority, other.offset));
  }
}

void Invariants::ordered(const SentinelProcess& process, const std::string& primary, const DataNode& node,
                         const Endpoint& target) {
  const size_t sentinel = process.index();
  if (target == node.address) return fail_(fmt::format("{} is told to follow itself", target.host));
  if (!target.host.empty()) return;
  knew_lineage_[{sentinel, primary}] = false;
  const auto leaderships = process.core().leaderships();
  const auto mine = std::find_if(leaderships.begin(), leaderships.end(),
                                 [&](const auto& leadership) { return leadership.primary == primary; });
  if (mine == leaderships.end()) return;  // it was given up, or completed, in the event that ordered it
  const auto votes = static_cast<size_t>(std::count_if(votes_.begin(), votes_.end(), [&](const auto& vote) {
    return std::get<1>(vote.first) == primary && std::get<2>(vote.first) == mine->epoch.value &&
           vote.second == process.core().run_id();
  }));
  const size_t needed = std::max<size_t>(sentinels_ / 2 + 1, mine->forced ? 0 : quorum_);
  if (votes < needed) {
    return fail_(fmt::format("sentinel {} promotes in epoch {} with {} votes of {}", sentinel, mine->epoch.value, votes,
                             needed));
  }
  if (!mine->forced && !views_[{sentinel, primary}].started_by_odown) {
    return fail_(fmt::format("sentinel {} fails over {}, which was not objectively down", sentinel, primary));
  }
  knew_lineage_[{sentinel, primary}] = mine->knows_lineage;
}

void Invariants::promoted(size_t sentinel, const std::string& primary, const DataNode& node) {
  if (!node.foreign || !knew_lineage_[{sentinel, primary}]) return;
  fail_(fmt::format("sentinel {} promotes {}, whose data is of a foreign lineage", sentinel, node.address.host));
}

}  // namespace holdfast::simulation
