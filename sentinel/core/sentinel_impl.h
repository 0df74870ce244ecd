// The inside of Sentinel, for the impl_*.cc files only.
//
// Level-triggered: an event changes what is known and touches the primary concerned; finish() then looks at each touched
// or due primary as a whole (step) and does what its state asks for, again until nothing more is to be done. So no event
// can be "missed", and a timer is only the earliest moment at which the same look may find something new.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/random.h"
#include "common/hello/hello.h"
#include "sentinel/core/agenda.h"
#include "sentinel/core/failover_recorder.h"
#include "sentinel/core/host_names.h"
#include "sentinel/core/monitored_primary.h"
#include "sentinel/core/sentinel.h"

namespace holdfast::sentinel {

// Before any Instant in use, and far enough from the type's end for arithmetic.
inline constexpr Instant kLongAgo = Instant(-std::chrono::hours(24 * 365));
inline constexpr Instant kNever = Instant::max();

// An answer of a peer ("I see it down") counts this many ask periods.
inline constexpr int kAnswerLifetimeInAskPeriods = 5;

// Epochs from the network beyond this are taken for nonsense, so that no sum of ours can overflow.
inline constexpr Epoch kMaxEpoch{uint64_t{1} << 62};

class Sentinel::Impl {
 public:
  Impl(Options options, Instant now);

  // Every public event runs as begin, change, finish.
  template <class Change>
  Actions event(Instant now, Change&& change) {
    begin(now);
    change();
    return finish();
  }

  // impl_core.cc
  void on_start();
  void on_persist_failed();
  void save_discoveries();
  PersistentState snapshot() const;

  // impl_links.cc
  void on_link_up(LinkId id, std::string_view local_ip);
  void on_link_down(LinkId id, LinkEnd how);

  // impl_replies.cc
  void on_replies(LinkId id, RequestId request, std::span<const Reply> replies);

  // impl_hello.cc
  void on_hello_text(std::string_view text);
  bool on_pubsub_activity(LinkId id);  // false: what is heard on it may be about another group's nodes

  // impl_failover.cc
  BallotAnswer on_ballot(const Ballot& ballot);

  // impl_names.cc
  void on_resolved(const std::string& name, const std::vector<std::string>& addresses);
  Endpoint shown(const Endpoint& instance) const;  // as others are told: by name, if names are announced

  // impl_operator.cc
  Result<> monitor(std::string_view name, std::string_view host, std::string_view port, std::string_view quorum);
  Result<> remove(std::string_view name);
  Result<> forget(std::string_view name, std::string_view host, std::string_view port);
  Result<> set(std::string_view name, std::span<const std::string> args);
  size_t reset(std::string_view pattern);
  Result<> failover(std::string_view name, const FailoverOrder& order);
  void set_globals(Globals globals);
  void set_timings(const Timings& timings);

  // views.cc
  const MonitoredPrimary* find(std::string_view name) const;
  InstanceFields fields_of_primary(const MonitoredPrimary& primary, Instant now) const;
  InstanceFields fields_of_replica(const MonitoredPrimary& primary, const Node& node, Instant now) const;
  InstanceFields fields_of_peer(const MonitoredPrimary& primary, const PeerView& view, Instant now) const;

  RunId run_id_;
  Epoch current_epoch_;
  Globals globals_;
  Timings timings_;
  std::map<std::string, std::unique_ptr<MonitoredPrimary>, std::less<>> primaries_;
  std::map<RunId, std::unique_ptr<Peer>> peers_;
  FailoverRecorder recorder_;
  HostNames names_;
  std::optional<Instant> tilt_since_;
  Instant next_deadline_ = kNever;
  bool dirty_ = false;         // something that must survive a restart has changed

 private:
  using Primary = MonitoredPrimary;

  struct LinkOwner {
    uint32_t primary = 0;  // 0: a peer's
    Node* node = nullptr;
    Peer* peer = nullptr;
    Link* link = nullptr;
  };

  // impl_core.cc
  void begin(Instant now);
  Actions finish();
  void notice_stall(Nanos late);
  void step(Primary& p);
  void touch(Primary& p) { plan(p, now_); }
  void plan(Primary& p, Instant when);
  bool due(Instant when);  // now or earlier; else it is remembered as a next deadline
  Primary* primary_by_id(uint32_t id);
  void add_primary(const PersistentPrimary& saved);
  void save_epoch(Epoch seen, const Primary& heard_with);  // adopts a newer current epoch
  void save_soon();                                        // a discovery
  bool speaks_for_us() const;

  // Notices. `text` is appended to the instance's description.
  void record(Event event, const Primary& p);
  void tell(Event event, const Primary& p, std::string payload);
  void notify(Event event, const Primary& p, std::string text = {});
  void notify(Event event, const Primary& p, const Node& node, std::string text = {});
  void notify(Event event, const Primary& p, const Peer& peer, std::string text = {});
  void notify_bare(Event event, std::string payload, const Primary* p = nullptr);

  // impl_links.cc
  void drive_node(Primary& p, Node& node);
  void drive_peer(Peer& peer);
  void drive_hellos(Primary& p);
  bool drive_connection(Link& link, const LinkOwner& owner, const ConnectLink& target, Millis timeout);
  bool drive_ping(Link& link, Millis period, Millis down_after, const std::shared_ptr<const Renames>& renames);
  void drive_info(Primary& p, Node& node);
  void drive_pings(Primary& p);
  void stands_for_ping(Node& node);
  Millis info_period(const Primary& p, const Node& node) const;
  ConnectLink connect_node(const Primary& p, const Node& node, LinkKind kind) const;
  void close(Link& link);
  void forget(Link& link);  // as close, where the driver knows already
  void close(Node& node);
  RequestId send(Link& link, Request request, uint32_t primary, bool after_persist);
  bool publish_hello(Primary& p, Link& link, const std::shared_ptr<const Renames>& renames);
  void want_info(Node& node);
  void want_hello(Primary& p);

  // impl_replies.cc
  void on_ping_reply(const LinkOwner& owner, const PendingRequest& request, const Reply& reply);
  void on_publish_reply(Primary& p, Node& node, const Reply& reply);
  void note_alive(Primary& p, Node& node, bool serving);
  void on_info(Primary& p, Node& node, const Reply& reply);
  void on_ask_reply(const LinkOwner& owner, const PendingRequest& request, const Reply& reply);
  void on_role(Primary& p, Node& node, RequestId request, const Reply& reply);
  void on_role_changed(Primary& p, Node& node, RequestId request, std::span<const Reply> replies);
  void judge_reboot(Primary& p);
  void note_run_id(Primary& p, Node& node, const RunId& run_id);
  void note_role(Primary& p, Node& node, Role role);
  void note_placement(Primary& p, Node& node);
  void learn_lineage(Primary& p, const Node& node);

  // impl_detection.cc
  void detect(Primary& p);
  void detect_node(Primary& p, Node& node);
  std::optional<Instant> empty_since(Primary& p);
  void detect_peer(Primary& p, PeerView& view);
  void detect_objectively(Primary& p);
  void note_refusal(Primary& p, Node& node, bool was_up, LinkEnd how);
  void drive_asks(Primary& p);
  void want_asks(Primary& p);

  // impl_failover.cc
  void consider_failover(Primary& p);
  void start_campaign(Primary& p, Failover failover);
  Epoch campaign_epoch(const Primary& p) const;
  void drive_failover(Primary& p);
  void drive_campaign(Primary& p);
  void drive_selection(Primary& p);
  void drive_order(Primary& p);
  void drive_promotion(Primary& p);
  void lose_campaign(Primary& p, const Tally& tally);
  void abort_failover(Primary& p, Event why, Nanos retry_after, std::string text = {});
  bool may_promote(const Primary& p, const Node& node) const;
  static bool nothing_left_to_save(const Primary& p);
  void complete_promotion(Primary& p);
  void enter(Primary& p, FailoverState state);
  void send_role(Primary& p, Node& node, const Endpoint& target);
  size_t rank_among(const Primary& p, Epoch epoch, bool only_those_seeing_down) const;
  void ease_hold(Primary& p);

  // impl_handover.cc
  static bool can_hand_over(const Primary& p, const Node& target);
  void send_failover(Primary& p);
  void drive_handover(Primary& p);
  void look_at_target(Primary& p);
  void on_handover_answer(Primary& p, const Reply& reply);
  void give_up_handover(Primary& p, std::string why);
  void end_handover(Primary& p);
  void complete_handover(Primary& p);
  bool lost(const Node& node, std::optional<Instant>& since);
  void consider_adoption(Primary& p);
  void adopt(Primary& p, Node& successor);

  // impl_reconf.cc
  enum class SwitchedBy : uint8_t { us, peer };
  void switch_primary(Primary& p, const Endpoint& address, SwitchedBy by);
  void drive_reconf(Primary& p);
  void end_reconf(Primary& p);
  void fix_roles(Primary& p);
  bool configuration_confirmed(const Primary& p, Instant since) const;

  // impl_hello.cc
  void on_hello(Primary& p, const Hello& hello);
  PeerView& learn_peer(Primary& p, const RunId& id, const Endpoint& address, bool announce);
  void drop_peer(Primary& p, RunId id);  // by value: it may be the key that goes
  void adopt_configuration(Primary& p, const Peer& from, const Hello& hello);
  Node& add_replica(Primary& p, const Endpoint& address);
  std::unique_ptr<Node> make_node(const Endpoint& address);
  void refresh_peer_periods();

  // impl_catch_up.cc
  void start_catching_up(Primary& p);
  void want_configurations(Primary& p);
  void drive_configurations(Primary& p);
  void on_configuration(const LinkOwner& owner, const PendingRequest& request, std::span<const Reply> replies);
  void give_up_on(const Peer& peer);
  bool configuration_answered_for(const Primary& p, Instant since) const;

  // impl_names.cc
  void replace_replicas(Primary& p);

  // impl_operator.cc
  void drop_primary(Primary& p);

  const uint16_t listen_port_;
  const Faults faults_;
  SeededRandom random_;
  std::unordered_map<uint32_t, Primary*> primaries_by_id_;
  Agenda agenda_;  // of the primaries' deadlines
  std::unordered_map<LinkId, LinkOwner> links_;
  LinkId last_link_ = 0;
  RequestId last_request_ = 0;
  uint32_t last_primary_ = 0;
  uint32_t epoch_heard_with_ = 0;  // for whose sake current_epoch_ was raised, and when
  Instant epoch_heard_at_ = kLongAgo;

  Instant now_;
  Instant next_ = kNever;  // the earliest due() that was not due, of the step in hand
  bool again_ = false;     // the step in hand made new work for itself
  Actions out_;
  std::optional<Instant> save_discoveries_at_;  // nothing: none is unsaved
  bool unsaved_ = false;                        // the last save failed
  Instant save_retry_at_ = kNever;
  bool answer_holds_vote_ = false;
};

}  // namespace holdfast::sentinel
