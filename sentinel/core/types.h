// The plain types of the sentinel's decisions: epochs, settings, timings. Values only; safe from any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/run_id.h"
#include "common/time/clock.h"

namespace holdfast::sentinel {

// The number of an election, or of the configuration that an election's winner put in force. 0 is "none yet".
struct Epoch {
  uint64_t value = 0;
  auto operator<=>(const Epoch&) const = default;
  Epoch next() const { return Epoch{value + 1}; }
};

// Command names as the data nodes know them, where an operator renamed them (`sentinel rename-command`); keys upper case.
using Renames = std::map<std::string, std::string>;

// What an operator sets for one primary (sentinel.conf, SENTINEL SET).
struct Settings {
  uint32_t quorum = 1;
  Millis down_after{30000};
  Millis failover_timeout{180000};
  uint32_t parallel_syncs = 1;
  std::string notification_script;
  std::string client_reconfig_script;
  std::string auth_user;
  std::string auth_pass;
  std::shared_ptr<const Renames> renames;  // null: none
  Millis reboot_down_after{0};             // master-reboot-down-after-period; 0 = off
  bool fast_down = false;                  // fast-down: a crash that shows itself counts without down-after
  bool operator==(const Settings&) const = default;  // renames by identity
};

// What an operator sets for the sentinel as a whole (sentinel.conf, SENTINEL CONFIG SET).
struct Globals {
  std::string announce_ip;     // "" = the local address of each link
  uint16_t announce_port = 0;  // 0 = the listening port
  bool deny_scripts_reconfig = true;
  std::string sentinel_user;
  std::string sentinel_pass;
  bool resolve_hostnames = false;
  bool announce_hostnames = false;
  bool operator==(const Globals&) const = default;
};

// The periods that SENTINEL DEBUG shows, with the reference's defaults, and those of our own (below).
struct Timings {
  Millis info_period{10000};
  Millis ping_period{1000};  // an upper bound: see ping_period_of
  Millis ask_period{1000};
  Millis publish_period{2000};
  Millis default_down_after{30000};
  Millis default_failover_timeout{180000};
  Millis tilt_trigger{2000};
  Millis tilt_period{30000};
  Millis replica_reconf_timeout{10000};
  Millis min_link_reconnect_period{15000};
  Millis election_timeout{10000};
  Millis script_max_runtime{60000};
  Millis script_retry_delay{30000};

  Millis info_period_in_trouble{1000};
  Millis catch_up{1000};         // a restarted sentinel waits so long at most for what its peers know
  Millis candidate_step{40};     // the candidate of rank n waits n of these before it asks for votes
  Millis fresh_info_wait{100};   // an elected leader waits so long at most for the replicas' newest offsets
  Millis stall_threshold{100};   // a driver later than this was stalled, and its silence is not the peers' fault
};

// A tenth of down-after, at least 20 ms, at most Timings::ping_period.
Millis ping_period_of(Millis down_after, const Timings& timings);

// Wrong behaviour planted on purpose: the simulator must notice each. Everything else passes none.
struct Faults {
  bool vote_twice = false;           // grants every request, whatever was granted before in that epoch
  bool forget_votes = false;         // votes are not in the saved state
  bool majority_off_by_one = false;  // one vote too few wins
  bool ignore_journal = false;       // the votes journal is not read at a start
  bool no_handover = false;          // promotes at once where the primary should hand over
  bool count_shared_epoch = false;   // asks for and counts votes of the shared current epoch, not of the failover's own
  bool share_spent_epoch = false;    // stands for election in the current epoch though it has voted in it already
  bool force_without_votes = false;  // an operator's failover takes its epoch without asking anybody
  bool answer_before_save = false;   // a vote leaves before it is in the saved state
  bool ignore_quorum = false;        // one sentinel's view is enough to call a primary objectively down
  bool promote_foreign = false;      // data of another lineage is as good as any
  bool ignore_merit = false;         // promotes the worst candidate: neither priority nor offset count
  bool adopt_older = false;          // a hello with a lower configuration epoch is adopted too
  bool follow_itself = false;        // moves the new primary behind itself, with the replicas
  bool never_retry = false;          // gives up for good after an election that was not won
  bool accept_empty = false;         // a primary that came back without its data stays the primary
  bool suspect_any_reboot = false;   // a primary that was restarted with its data counts as empty
  bool announce_unsaved = false;     // hellos speak of a configuration that could not be saved
};

// How an operator wants a failover: SENTINEL FAILOVER name [TO host port] [COORDINATED].
struct FailoverOrder {
  std::optional<Endpoint> target;  // nothing: the best replica
  bool coordinated = false;        // the primary hands over without losing a write, or nothing changes
};

// What must survive a restart. `persist_first` of an Actions holds one; sentinel/state writes and reads it.
struct KnownSentinel {
  Endpoint address;
  RunId run_id;
  auto operator<=>(const KnownSentinel&) const = default;
};

struct PersistentPrimary {
  std::string name;
  Endpoint address;
  Settings settings;
  Epoch config_epoch;
  Epoch leader_epoch;  // the newest epoch this sentinel voted in, for this primary: it never votes in it or below it again
  std::vector<Endpoint> replicas;
  std::vector<KnownSentinel> sentinels;
  bool operator==(const PersistentPrimary&) const = default;
};

struct PersistentState {
  RunId run_id;  // zero: none yet, the core makes one
  Epoch current_epoch;
  Globals globals;
  std::vector<PersistentPrimary> primaries;
  bool operator==(const PersistentState&) const = default;
};

}  // namespace holdfast::sentinel
