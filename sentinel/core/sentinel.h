// The sentinel's decisions: what to watch, who is down, whom to vote for, when and how to fail over.
//
// Pure: every function takes the time as an argument and returns Actions (see actions.h); nothing here opens a socket, reads
// a clock or a file, or logs. One thread. `now` never goes back between calls. The same code runs in holdfast-sentinel
// and in the simulator.
//
// Use: construct with the loaded state, perform start()'s actions, then feed events and perform what they return, one
// timer at next_deadline() calling advance(). Every call that returns Actions may change next_deadline().
//
// Nothing that arrives (replies, hellos, asks, operator's arguments) can reach an assertion. Errors to operators are
// Results whose text is the reply in Redis's words without the leading '-', with its code word ("ERR ...").
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "sentinel/core/actions.h"
#include "sentinel/core/reply.h"
#include "sentinel/core/types.h"

namespace holdfast::sentinel {

// SENTINEL IS-MASTER-DOWN-BY-ADDR <address> <epoch> <candidate or *>
struct Ballot {
  Endpoint address;
  Epoch epoch;
  std::optional<RunId> candidate;  // nothing: only the state is asked ("*")
};

// The answer: [down, leader or "*", leader_epoch]. When persist_first of its actions failed, answer without_vote().
struct BallotAnswer {
  bool down = false;
  std::optional<RunId> leader;
  Epoch leader_epoch;
  BallotAnswer without_vote() const { return {down, std::nullopt, Epoch{}}; }
};

// An operator command: its result for the client, and what follows. If the persist fails the client gets
// "ERR Failed to save config file. Check server logs." in place of an OK.
template <class T = void>
struct Outcome {
  Actions actions;
  Result<T> result;
};

// One instance as SENTINEL MASTER, REPLICAS and SENTINELS show it: fields in the reference's order, values as text.
using InstanceFields = std::vector<std::pair<std::string_view, std::string>>;

// One line of INFO's sentinel section, and what metrics and the HTTP API need.
struct PrimarySummary {
  std::string name;
  Endpoint address;
  bool s_down = false;
  bool o_down = false;
  size_t replicas = 0;
  size_t sentinels = 0;         // with this one
  size_t usable_replicas = 0;   // not down
  size_t usable_sentinels = 0;  // not down, with this one
  uint32_t quorum = 0;
  bool quorum_reachable = false;  // what CKQUORUM says
  Epoch config_epoch;
  std::string failover_state;  // "none" ... "update_config"
};

// One data node or sentinel as the metrics and the HTTP API show it.
struct InstanceSummary {
  std::string primary;  // the monitored primary it belongs to
  std::string kind;     // master, slave, sentinel
  Endpoint address;
  RunId run_id;
  bool up = false;  // not s_down
  bool connected = false;
  std::string flags;
  uint64_t replication_offset = 0;
  std::optional<Nanos> last_probe_rtt;
};

class Sentinel {
 public:
  struct Options {
    PersistentState state;  // as loaded; run_id zero makes a new one, saved at start()
    uint16_t listen_port = 26379;
    uint64_t seed = 0;  // jitter and the new run id
    Timings timings;
    Faults faults;
  };

  Sentinel(Options options, Instant now);
  ~Sentinel();
  Sentinel(Sentinel&&) noexcept;
  Sentinel& operator=(Sentinel&&) noexcept;

  Actions start(Instant now);

  // Time. advance() may be called at any time; it does only what is due.
  Actions advance(Instant now);
  Instant next_deadline() const;

  // Links. `local_ip` is the connection's own address (what peers can reach us at, unless announce-ip says otherwise).
  Actions link_up(LinkId link, std::string_view local_ip, Instant now);
  Actions link_down(LinkId link, Instant now, LinkEnd how = LinkEnd::lost);
  // All replies of one request, in the order of commands_of().
  Actions replied(LinkId link, RequestId id, std::span<const Reply> replies, Instant now);

  // A hello seen on a pubsub link, and one that a client (a peer sentinel) sent us by PUBLISH.
  Actions hello_on_link(LinkId link, std::string_view text, Instant now);
  Actions hello_published(std::string_view text, Instant now);

  // A peer's question; the answer leaves only after persist_first (see BallotAnswer).
  std::pair<BallotAnswer, Actions> ask(const Ballot& ballot, Instant now);

  // What looking up a name of Actions::resolves came to: its addresses in the order of preference; none: it failed.
  Actions resolved(const std::string& name, const std::vector<std::string>& addresses, Instant now);

  // The last persist_first could not be made durable. Called before anything else happens.
  Actions persist_failed(Instant now);

  // Operator commands. `args` of set(): option value [option value ...], rename-command takes two values.
  Outcome<> monitor(std::string_view name, std::string_view host, std::string_view port, std::string_view quorum,
                    Instant now);
  Outcome<> remove(std::string_view name, Instant now);
  Outcome<> set(std::string_view name, std::span<const std::string> args, Instant now);
  // Drops a replica or another sentinel of this primary. One that lives is found again, by INFO or its hello.
  Outcome<> forget(std::string_view name, std::string_view host, std::string_view port, Instant now);
  Outcome<size_t> reset(std::string_view pattern, Instant now);  // how many primaries were reset
  // By a hand-over where the primary is up and it and the replica can (FAILOVER); else, or if that fails, by a promotion
  // without the primary, unless `order` says coordinated.
  Outcome<> failover(std::string_view name, const FailoverOrder& order, Instant now);
  Outcome<> set_globals(Globals globals, Instant now);  // checked by the caller
  Outcome<> flush_config(Instant now);                  // always persists
  Outcome<> set_timings(Timings timings, Instant now);  // SENTINEL DEBUG

  // The end of an orderly run: what was found lately, and is not saved yet, is.
  Actions save_discoveries(Instant now);

  // Views; none change anything. Unknown names are "ERR No such master with that name".
  // After a start, for Timings::catch_up at most: the peers are being asked whether they know of a newer configuration.
  // It ends within an event.
  bool catching_up(Instant now) const;
  RunId run_id() const;
  Epoch current_epoch() const;
  const Globals& globals() const;
  const Timings& timings() const;
  std::optional<Nanos> tilt_since(Instant now) const;  // how long in TILT
  std::vector<std::string> primary_names() const;      // sorted
  bool knows(std::string_view name) const;
  std::optional<Endpoint> primary_address(std::string_view name) const;
  // Some primary's name has not been resolved so far.
  bool awaits_address_of_a_primary() const;
  std::optional<Settings> settings(std::string_view name) const;
  Result<InstanceFields> primary_fields(std::string_view name, Instant now) const;
  Result<std::vector<InstanceFields>> replica_fields(std::string_view name, Instant now) const;  // hides unannounced
  Result<std::vector<InstanceFields>> sentinel_fields(std::string_view name, Instant now) const;
  // CKQUORUM: "OK ..." (a status) or the error "NOQUORUM ...".
  Result<std::string> check_quorum(std::string_view name) const;
  std::vector<PrimarySummary> summaries() const;          // sorted by name
  std::vector<InstanceSummary> instance_summaries() const;
  // Who would be promoted now, and why each other replica not.
  Result<std::vector<CandidateVerdict>> candidates(std::string_view name, Instant now) const;
  // The failover of this primary that this sentinel leads or stands for now; nothing: none.
  std::optional<FailoverRecord> open_failover(std::string_view name, Instant now) const;
  PersistentState persistent_state() const;

  // What the simulator watches: the primaries for which this sentinel acts as an elected leader now, and under which epoch.
  struct Leadership {
    std::string primary;
    Epoch epoch;
    bool forced = false;
    bool knows_lineage = false;
  };
  std::vector<Leadership> leaderships() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::sentinel
