// How instances look to clients: SENTINEL MASTER, REPLICAS, SENTINELS in the reference's fields and order.
#include <fmt/format.h>

#include "sentinel/core/quorum.h"
#include "sentinel/core/sentinel_impl.h"

namespace holdfast::sentinel {

namespace {

std::string number(uint64_t value) { return fmt::format("{}", value); }
std::string ms(Nanos value) { return fmt::format("{}", count_ms(value)); }

class Flags {
 public:
  void add(bool set, std::string_view name) {
    if (!set) return;
    if (!text_.empty()) text_ += ',';
    text_ += name;
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string flags_of(const MonitoredPrimary& p, const Node& node) {
  const bool primary = &node == p.node.get();
  Flags flags;
  flags.add(node.s_down, "s_down");
  flags.add(primary && p.o_down, "o_down");
  flags.add(primary, "master");
  flags.add(!primary, "slave");
  flags.add(!node.command.up(), "disconnected");
  // Only until the promotion: after it the new primary is in force, and clients must not be told to keep away from it.
  flags.add(primary && p.failover.before_promotion(), "failover_in_progress");
  flags.add(p.failover.promoted == &node, "promoted");
  flags.add(node.reconf == Reconf::sent, "reconf_sent");
  flags.add(node.reconf == Reconf::inprog, "reconf_inprog");
  flags.add(node.reconf == Reconf::done, "reconf_done");
  flags.add(primary && p.failover.before_promotion() && p.failover.forced, "force_failover");
  flags.add(node.script_kill_sent, "script_kill_sent");
  flags.add(node.rebooted_since.has_value(), "master_reboot");
  return flags.take();
}

std::string flags_of(const PeerView& view) {
  Flags flags;
  flags.add(view.s_down, "s_down");
  flags.add(true, "sentinel");
  flags.add(!view.peer->link.up(), "disconnected");
  flags.add(view.reports_down, "master_down");
  return flags.take();
}

struct Common {
  std::string name;
  Endpoint address;
  std::string run_id;
  std::string flags;
  size_t references = 1;
  std::string failover_state;
  std::optional<Instant> s_down_since;
  std::optional<Instant> o_down_since;
};

InstanceFields common_fields(Common common, const Link& link, Millis down_after, Instant now) {
  InstanceFields fields;
  fields.reserve(32);
  fields.emplace_back("name", std::move(common.name));
  fields.emplace_back("ip", std::move(common.address.host));
  fields.emplace_back("port", number(common.address.port));
  fields.emplace_back("runid", std::move(common.run_id));
  fields.emplace_back("flags", std::move(common.flags));
  fields.emplace_back("link-pending-commands", number(link.pending.size()));
  fields.emplace_back("link-refcount", number(common.references));
  if (!common.failover_state.empty()) fields.emplace_back("failover-state", std::move(common.failover_state));
  fields.emplace_back("last-ping-sent", link.ping_pending_since ? ms(now - *link.ping_pending_since) : "0");
  fields.emplace_back("last-ok-ping-reply", ms(now - link.last_ok));
  fields.emplace_back("last-ping-reply", ms(now - link.last_reply));
  if (common.s_down_since) fields.emplace_back("s-down-time", ms(now - *common.s_down_since));
  if (common.o_down_since) fields.emplace_back("o-down-time", ms(now - *common.o_down_since));
  fields.emplace_back("down-after-milliseconds", number(static_cast<uint64_t>(down_after.count())));
  return fields;
}

void add_info_fields(InstanceFields& fields, const Node& node, bool primary, Instant now) {
  const Role role = node.role_reported.value_or(primary ? Role::primary : Role::replica);
  fields.emplace_back("info-refresh", node.info_at ? ms(now - *node.info_at) : "0");
  fields.emplace_back("role-reported", role == Role::primary ? "master" : "slave");
  fields.emplace_back("role-reported-time", ms(now - node.role_reported_since));
}

std::optional<Instant> since_if(bool set, Instant since) { return set ? std::optional(since) : std::nullopt; }

std::string run_id_text(const std::optional<RunId>& id) { return id ? id->str() : std::string(); }

}  // namespace

const MonitoredPrimary* Sentinel::Impl::find(std::string_view name) const {
  const auto found = primaries_.find(name);
  return found == primaries_.end() ? nullptr : found->second.get();
}

InstanceFields Sentinel::Impl::fields_of_primary(const Primary& p, Instant now) const {
  const Node& node = *p.node;
  Common common{.name = p.name,
                .address = shown(node.address),
                .run_id = run_id_text(node.run_id),
                .flags = flags_of(p, node),
                .s_down_since = since_if(node.s_down, node.s_down_since),
                .o_down_since = since_if(p.o_down, p.o_down_since)};
  if (p.failover.before_promotion()) common.failover_state = name_of(p.failover.state);
  InstanceFields fields = common_fields(std::move(common), node.command, p.settings.down_after, now);
  add_info_fields(fields, node, true, now);
  fields.emplace_back("config-epoch", number(p.config_epoch.value));
  fields.emplace_back("num-slaves", number(p.replicas.size()));
  fields.emplace_back("num-other-sentinels", number(p.peers.size()));
  fields.emplace_back("quorum", number(p.settings.quorum));
  fields.emplace_back("failover-timeout", number(static_cast<uint64_t>(p.settings.failover_timeout.count())));
  fields.emplace_back("parallel-syncs", number(p.settings.parallel_syncs));
  if (!p.settings.notification_script.empty()) {
    fields.emplace_back("notification-script", p.settings.notification_script);
  }
  if (!p.settings.client_reconfig_script.empty()) {
    fields.emplace_back("client-reconfig-script", p.settings.client_reconfig_script);
  }
  if (p.settings.fast_down) fields.emplace_back("fast-down", "yes");  // not the reference's
  return fields;
}

InstanceFields Sentinel::Impl::fields_of_replica(const Primary& p, const Node& node, Instant now) const {
  InstanceFields fields = common_fields({.name = address_text(shown(node.address)),
                                         .address = shown(node.address),
                                         .run_id = run_id_text(node.run_id),
                                         .flags = flags_of(p, node),
                                         .s_down_since = since_if(node.s_down, node.s_down_since)},
                                        node.command, p.settings.down_after, now);
  add_info_fields(fields, node, false, now);
  fields.emplace_back("master-link-down-time",
                      node.info.link_up || !node.info.link_down_for ? "0" : ms(*node.info.link_down_for));
  fields.emplace_back("master-link-status", node.info.link_up ? "ok" : "err");
  fields.emplace_back("master-host", node.info.primary.host.empty() ? "?" : shown(node.info.primary).host);
  fields.emplace_back("master-port", number(node.info.primary.port));
  fields.emplace_back("slave-priority", fmt::format("{}", node.info.priority));
  fields.emplace_back("slave-repl-offset", number(node.info.offset));
  fields.emplace_back("replica-announced", node.info.announced ? "1" : "0");
  return fields;
}

InstanceFields Sentinel::Impl::fields_of_peer(const Primary& p, const PeerView& view, Instant now) const {
  size_t references = 0;
  for (const auto& [name, primary] : primaries_) references += primary->peers.count(view.peer->id);
  InstanceFields fields = common_fields({.name = view.peer->id.str(),
                                         .address = shown(view.peer->address),
                                         .run_id = view.peer->id.str(),
                                         .flags = flags_of(view),
                                         .references = references,
                                         .s_down_since = since_if(view.s_down, view.s_down_since)},
                                        view.peer->link, p.settings.down_after, now);
  fields.emplace_back("last-hello-message", view.last_hello == kLongAgo ? "0" : ms(now - view.last_hello));
  fields.emplace_back("voted-leader", view.vote.leader ? view.vote.leader->str() : "?");
  fields.emplace_back("voted-leader-epoch", number(view.vote.epoch.value));
  return fields;
}

std::vector<PrimarySummary> Sentinel::summaries() const {
  std::vector<PrimarySummary> all;
  for (const auto& [name, p] : impl_->primaries_) {
    all.push_back({.name = name,
                   .address = impl_->shown(p->node->address),
                   .s_down = p->node->s_down,
                   .o_down = p->o_down,
                   .replicas = p->replicas.size(),
                   .sentinels = p->voters(),
                   .usable_replicas = p->usable_replicas(),
                   .usable_sentinels = p->usable_sentinels(),
                   .quorum = p->settings.quorum,
                   .quorum_reachable =
                       sentinel::check_quorum(p->voters(), p->usable_sentinels(), p->settings.quorum).has_value(),
                   .config_epoch = p->config_epoch,
                   .failover_state = std::string(name_of(p->failover.state))});
  }
  return all;
}

std::vector<InstanceSummary> Sentinel::instance_summaries() const {
  std::vector<InstanceSummary> all;
  for (const auto& [name, p] : impl_->primaries_) {
    const auto add_node = [&, &primary = *p](const Node& node) {
      const bool is_primary = &node == primary.node.get();
      all.push_back({.primary = primary.name,
                     .kind = is_primary ? "master" : "slave",
                     .address = node.address,
                     .run_id = node.run_id.value_or(RunId()),
                     .up = !node.s_down,
                     .connected = node.command.up(),
                     .flags = flags_of(primary, node),
                     .replication_offset = node.role_reported == Role::replica ? node.info.offset
                                                                              : node.info.primary_offset,
                     .last_probe_rtt = node.command.round_trip});
    };
    add_node(*p->node);
    for (const auto& [address, replica] : p->replicas) add_node(*replica);
    for (const auto& [id, view] : p->peers) {
      all.push_back({.primary = name,
                     .kind = "sentinel",
                     .address = view.peer->address,
                     .run_id = id,
                     .up = !view.s_down,
                     .connected = view.peer->link.up(),
                     .flags = flags_of(view),
                     .replication_offset = 0,
                     .last_probe_rtt = view.peer->link.round_trip});
    }
  }
  return all;
}

}  // namespace holdfast::sentinel
