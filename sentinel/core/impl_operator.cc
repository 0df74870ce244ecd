// What operators order: MONITOR, REMOVE, SET, RESET, FAILOVER. Texts are the reference's.
#include <fmt/format.h>

#include <algorithm>

#include "common/base/text.h"
#include "sentinel/core/sentinel_impl.h"

namespace holdfast::sentinel {

namespace {

constexpr std::string_view kNoSuchMaster = "ERR No such master with that name";
constexpr std::string_view kScriptsDenied =
    "ERR Reconfiguration of scripts path is denied for security reasons. Check the deny-scripts-reconfig configuration "
    "directive in your Sentinel configuration";
constexpr int64_t kMaxMillis = int64_t{1} << 40;  // 34 years: far from any overflow of a duration

std::optional<Millis> parse_period(const std::string& text) {
  const auto value = parse_int64(text);
  if (!value || *value <= 0 || *value > kMaxMillis) return std::nullopt;
  return Millis(*value);
}

std::optional<uint32_t> parse_count(const std::string& text) {
  const auto value = parse_int64(text);
  if (!value || *value <= 0 || *value > INT32_MAX) return std::nullopt;
  return static_cast<uint32_t>(*value);
}

// One option of SET applied to `settings`; false: not a good value.
bool apply_option(Settings& settings, const std::string& option, const std::string& value) {
  if (option == "down-after-milliseconds") {
    const auto period = parse_period(value);
    if (period) settings.down_after = *period;
    return period.has_value();
  }
  if (option == "failover-timeout") {
    const auto period = parse_period(value);
    if (period) settings.failover_timeout = *period;
    return period.has_value();
  }
  if (option == "master-reboot-down-after-period" || option == "primary-reboot-down-after-period") {
    const auto period = parse_int64(value);
    if (!period || *period < 0 || *period > kMaxMillis) return false;
    settings.reboot_down_after = Millis(*period);
    return true;
  }
  if (option == "parallel-syncs" || option == "quorum") {
    const auto count = parse_count(value);
    if (count) (option == "quorum" ? settings.quorum : settings.parallel_syncs) = *count;
    return count.has_value();
  }
  if (option == "fast-down") {
    const bool yes = iequals(value, "yes");
    if (!yes && !iequals(value, "no")) return false;
    settings.fast_down = yes;
    return true;
  }
  if (option == "auth-pass") settings.auth_pass = value;
  if (option == "auth-user") settings.auth_user = value;
  if (option == "notification-script") settings.notification_script = value;
  if (option == "client-reconfig-script") settings.client_reconfig_script = value;
  return true;
}

constexpr std::string_view kOptions[] = {"down-after-milliseconds",
                                         "failover-timeout",
                                         "parallel-syncs",
                                         "quorum",
                                         "auth-pass",
                                         "auth-user",
                                         "notification-script",
                                         "client-reconfig-script",
                                         "master-reboot-down-after-period",
                                         "primary-reboot-down-after-period",  // Valkey's name of it
                                         "fast-down"};

void apply_rename(Settings& settings, const std::string& from, const std::string& to) {
  auto renames = settings.renames ? std::make_shared<Renames>(*settings.renames) : std::make_shared<Renames>();
  if (iequals(from, to)) {
    renames->erase(to_upper(from));
  } else {
    (*renames)[to_upper(from)] = to;
  }
  settings.renames = renames->empty() ? nullptr : std::move(renames);
}

}  // namespace

Result<> Sentinel::Impl::monitor(std::string_view name, std::string_view host, std::string_view port,
                                 std::string_view quorum) {
  const auto quorum_value = parse_int64(quorum);
  if (!quorum_value) return fail("ERR Invalid quorum");
  const auto port_value = parse_int64(port);
  if (!port_value) return fail("ERR Invalid port");
  if (*quorum_value <= 0 || *quorum_value > INT32_MAX) return fail("ERR Quorum must be 1 or greater.");
  const std::string host_text(host);
  if (host_text.empty() || (!is_ip_address(host_text) && !globals_.resolve_hostnames)) {
    return fail("ERR Invalid IP address or hostname specified");
  }
  if (*port_value < 1 || *port_value > 65535) return fail("ERR Invalid port number.");
  if (primaries_.contains(name)) return fail("ERR Duplicate master name.");
  // The name travels in hello messages, between commas.
  if (name.empty() || name.find(',') != std::string_view::npos) return fail("ERR Invalid master name.");
  PersistentPrimary fresh{.name = std::string(name),
                          .address = {host_text, static_cast<uint16_t>(*port_value)},
                          .settings = {.quorum = static_cast<uint32_t>(*quorum_value),
                                       .down_after = timings_.default_down_after,
                                       .failover_timeout = timings_.default_failover_timeout}};
  add_primary(fresh);
  const Primary& p = *primaries_.at(fresh.name);
  notify(Event::monitor, p, fmt::format(" quorum {}", p.settings.quorum));
  dirty_ = true;
  return {};
}

void Sentinel::Impl::drop_primary(Primary& p) {
  close(*p.node);
  for (auto& [address, replica] : p.replicas) close(*replica);
  p.replicas.clear();
  while (!p.peers.empty()) drop_peer(p, p.peers.begin()->first);
}

Result<> Sentinel::Impl::remove(std::string_view name) {
  const auto found = primaries_.find(name);
  if (found == primaries_.end()) return fail("{}", kNoSuchMaster);
  notify(Event::unmonitor, *found->second);
  drop_primary(*found->second);
  agenda_.remove(found->second->id, found->second->deadline);
  primaries_by_id_.erase(found->second->id);
  primaries_.erase(found);
  refresh_peer_periods();
  dirty_ = true;
  return {};
}

// For what is gone for good: a replica that moved, a sentinel that was taken down. The majority is one of the known
// sentinels, so a dead one that is not forgotten counts against every election.
Result<> Sentinel::Impl::forget(std::string_view name, std::string_view host, std::string_view port) {
  const auto found = primaries_.find(name);
  if (found == primaries_.end()) return fail("{}", kNoSuchMaster);
  Primary& p = *found->second;
  const auto port_value = parse_int64(port);
  if (!port_value || *port_value < 1 || *port_value > 65535) return fail("ERR Invalid port");
  const Endpoint address = names_.known_already({std::string(host), static_cast<uint16_t>(*port_value)}, globals_);
  if (const auto replica = p.replicas.find(address); replica != p.replicas.end()) {
    if (p.failover.promoted == replica->second.get()) return fail("INPROG Failover already in progress");
    notify(Event::slave_forgotten, p, *replica->second);
    close(*replica->second);
    p.replicas.erase(replica);
  } else {
    const auto peer = std::find_if(p.peers.begin(), p.peers.end(),
                                   [&](const auto& known) { return known.second.peer->address == address; });
    if (peer == p.peers.end()) return fail("ERR No such replica or sentinel with that address");
    notify(Event::sentinel_forgotten, p, *peer->second.peer);
    drop_peer(p, peer->first);
  }
  dirty_ = true;
  touch(p);
  return {};
}

// All options are checked before any is applied.
Result<> Sentinel::Impl::set(std::string_view name, std::span<const std::string> args) {
  const auto found = primaries_.find(name);
  if (found == primaries_.end()) return fail("{}", kNoSuchMaster);
  Primary& p = *found->second;
  Settings settings = p.settings;
  std::vector<std::string> applied;
  for (size_t i = 0; i < args.size();) {
    const std::string option = to_lower(args[i]);
    const size_t left = args.size() - i - 1;
    if (option == "rename-command" && left >= 2) {
      if (args[i + 1].empty() || args[i + 2].empty()) {
        return fail("ERR Invalid argument '' for SENTINEL SET '{}'", args[i]);
      }
      apply_rename(settings, args[i + 1], args[i + 2]);
      applied.push_back(fmt::format(" {} {} {}", args[i], args[i + 1], args[i + 2]));
      i += 3;
      continue;
    }
    if (left < 1 || std::find(std::begin(kOptions), std::end(kOptions), option) == std::end(kOptions)) {
      return fail("ERR Unknown option or number of arguments for SENTINEL SET '{}'", args[i]);
    }
    const std::string& value = args[i + 1];
    const bool script = option == "notification-script" || option == "client-reconfig-script";
    if (script && globals_.deny_scripts_reconfig) return fail("{}", kScriptsDenied);
    if (!apply_option(settings, option, value)) {
      return fail("ERR Invalid argument '{}' for SENTINEL SET '{}'", value, args[i]);
    }
    applied.push_back(fmt::format(" {} {}", args[i], option == "auth-pass" ? "******" : value));
    i += 2;
  }
  const bool new_login = settings.auth_pass != p.settings.auth_pass || settings.auth_user != p.settings.auth_user;
  p.settings = std::move(settings);
  if (new_login) {
    close(*p.node);
    for (auto& [address, replica] : p.replicas) close(*replica);
  }
  for (std::string& text : applied) notify(Event::set, p, std::move(text));
  refresh_peer_periods();
  dirty_ = true;
  touch(p);
  return {};
}

// Forgets everything that was discovered: replicas, sentinels, a failover in progress. Epochs and votes stay.
size_t Sentinel::Impl::reset(std::string_view pattern) {
  size_t count = 0;
  for (auto& [name, primary] : primaries_) {
    if (!glob_match(pattern, name)) continue;
    Primary& p = *primary;
    drop_primary(p);
    p.node = make_node(p.node->address);
    p.failover = Failover{};
    p.reboot.switched();
    p.o_down = false;
    p.candidate_at.reset();
    p.forced_until.reset();
    p.abdicated_at.reset();
    p.held_for.reset();
    p.next_attempt_at = p.needs_replica_until = now_;
    notify(Event::reset_master, p);
    dirty_ = true;
    touch(p);
    ++count;
  }
  return count;
}

// Elections also for an operator's failover: the new configuration's epoch must be granted, or two could carry the same.
Result<> Sentinel::Impl::failover(std::string_view name, const FailoverOrder& given) {
  const auto found = primaries_.find(name);
  if (found == primaries_.end()) return fail("{}", kNoSuchMaster);
  Primary& p = *found->second;
  if (p.failover.before_promotion() || p.forced_until) return fail("INPROG Failover already in progress");
  FailoverOrder order = given;
  if (order.target) order.target = names_.known(*order.target, globals_);
  if (order.target && !p.replicas.contains(*order.target)) return fail("ERR No such replica with that address");
  const Node* chosen =
      order.target ? p.suitable_replica(*order.target, now_, timings_) : p.best_replica(now_, timings_, faults_);
  if (chosen == nullptr) return fail("NOGOODSLAVE No suitable replica to promote");
  if (order.coordinated && !can_hand_over(p, *chosen)) {
    return fail("ERR No coordinated failover: the master is down, or it or the replica does not support FAILOVER");
  }
  start_campaign(p, {.forced = true, .order_given = order});
  touch(p);
  return {};
}

void Sentinel::Impl::set_globals(Globals globals) {
  const bool new_login =
      globals.sentinel_user != globals_.sentinel_user || globals.sentinel_pass != globals_.sentinel_pass;
  globals_ = std::move(globals);
  dirty_ = true;
  for (auto& [id, peer] : peers_) {
    if (new_login) close(peer->link);
    peer->deadline = now_;
  }
  for (auto& [name, p] : primaries_) {
    want_hello(*p);
    touch(*p);
  }
}

void Sentinel::Impl::set_timings(const Timings& timings) {
  timings_ = timings;
  refresh_peer_periods();
  for (auto& [id, peer] : peers_) peer->deadline = now_;
  for (auto& [name, p] : primaries_) touch(*p);
}

}  // namespace holdfast::sentinel
