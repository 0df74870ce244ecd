#include "sentinel/state/sentinel_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include "common/base/text.h"
#include "sentinel/core/host_names.h"

namespace holdfast::sentinel {

namespace {

constexpr int64_t kMaxMillis = int64_t{1} << 40;

// Nothing: the line is good.
using Problem = std::optional<std::string>;

constexpr const char* kUnrecognized = "Unrecognized sentinel configuration statement.";
constexpr const char* kNoSuchMaster = "No such master with specified name.";

std::optional<uint16_t> parse_port(const std::string& text) {
  const auto value = parse_int64(text);
  if (!value || *value < 1 || *value > 65535) return std::nullopt;
  return static_cast<uint16_t>(*value);
}

Problem set_yes_no(bool& field, const std::string& value, const char* problem) {
  if (iequals(value, "yes")) {
    field = true;
  } else if (iequals(value, "no")) {
    field = false;
  } else {
    return problem;
  }
  return std::nullopt;
}

Problem set_epoch(Epoch& field, const std::string& value) {
  const auto number = parse_uint64(value);
  if (!number || *number > uint64_t{1} << 62) return "Malformed epoch.";
  field.value = *number;
  return std::nullopt;
}

Problem set_period(Millis& field, const std::string& value) {
  const auto number = parse_int64(value);
  if (!number || *number <= 0 || *number > kMaxMillis) return "negative or zero time parameter.";
  field = Millis(*number);
  return std::nullopt;
}

// --- Lines of the sentinel as a whole ---------------------------------------------------------------------------------

struct GlobalRow {
  size_t arguments;
  std::function<Problem(PersistentState&, const LineWords&)> read;
};

const std::map<std::string, GlobalRow, std::less<>>& global_rows() {
  static const std::map<std::string, GlobalRow, std::less<>> rows{
      {"myid",
       {1,
        [](PersistentState& state, const LineWords& words) -> Problem {
          const auto id = RunId::parse(words[1]);
          if (!id || id->is_zero()) return "Malformed Sentinel id in myid option.";
          state.run_id = *id;
          return std::nullopt;
        }}},
      {"current-epoch",
       {1, [](PersistentState& state, const LineWords& words) { return set_epoch(state.current_epoch, words[1]); }}},
      {"announce-ip",
       {1,
        [](PersistentState& state, const LineWords& words) -> Problem {
          state.globals.announce_ip = words[1];
          return std::nullopt;
        }}},
      {"announce-port",
       {1,
        [](PersistentState& state, const LineWords& words) -> Problem {
          const auto port = parse_port(words[1]);
          if (!port && words[1] != "0") return "Invalid port number.";
          state.globals.announce_port = port.value_or(0);
          return std::nullopt;
        }}},
      {"deny-scripts-reconfig",
       {1,
        [](PersistentState& state, const LineWords& words) {
          return set_yes_no(state.globals.deny_scripts_reconfig, words[1],
                            "Please specify yes or no for the deny-scripts-reconfig options.");
        }}},
      {"resolve-hostnames",
       {1,
        [](PersistentState& state, const LineWords& words) {
          return set_yes_no(state.globals.resolve_hostnames, words[1],
                            "Please specify yes or no for the resolve-hostnames option.");
        }}},
      {"announce-hostnames",
       {1,
        [](PersistentState& state, const LineWords& words) {
          return set_yes_no(state.globals.announce_hostnames, words[1],
                            "Please specify yes or no for the announce-hostnames option.");
        }}},
      {"sentinel-user",
       {1,
        [](PersistentState& state, const LineWords& words) -> Problem {
          state.globals.sentinel_user = words[1];
          return std::nullopt;
        }}},
      {"sentinel-pass",
       {1,
        [](PersistentState& state, const LineWords& words) -> Problem {
          state.globals.sentinel_pass = words[1];
          return std::nullopt;
        }}},
  };
  return rows;
}

// --- Lines of one primary ---------------------------------------------------------------------------------------------

struct PrimaryRow {
  size_t least;  // words after the option, the primary's name among them
  size_t most;
  std::function<Problem(PersistentPrimary&, const LineWords&)> read;
};

Problem read_known_replica(PersistentPrimary& primary, const LineWords& words) {
  const auto port = parse_port(words[3]);
  if (!port || words[2].empty()) return "Wrong hostname or port for replica.";
  const Endpoint address{words[2], *port};
  if (std::find(primary.replicas.begin(), primary.replicas.end(), address) == primary.replicas.end()) {
    primary.replicas.push_back(address);
  }
  return std::nullopt;
}

Problem read_known_sentinel(PersistentPrimary& primary, const LineWords& words) {
  const auto port = parse_port(words[3]);
  if (!port || words[2].empty()) return "Wrong hostname or port for sentinel.";
  if (words.size() < 5) return std::nullopt;  // an old form without the id: it is found again by its hello
  const auto id = RunId::parse(words[4]);  // which why_unusable() has looked at
  std::erase_if(primary.sentinels, [&](const KnownSentinel& known) { return known.run_id == *id; });
  primary.sentinels.push_back({{words[2], *port}, *id});
  return std::nullopt;
}

Problem read_reboot_period(PersistentPrimary& primary, const LineWords& words) {
  const auto value = parse_int64(words[2]);
  if (!value || *value < 0 || *value > kMaxMillis) return "negative time parameter.";
  primary.settings.reboot_down_after = Millis(*value);
  return std::nullopt;
}

Problem read_rename(PersistentPrimary& primary, const LineWords& words) {
  auto renames = primary.settings.renames ? std::make_shared<Renames>(*primary.settings.renames)
                                          : std::make_shared<Renames>();
  if (!renames->emplace(to_upper(words[2]), words[3]).second) {
    return "Same command renamed multiple times with rename-command.";
  }
  primary.settings.renames = std::move(renames);
  return std::nullopt;
}

template <std::string Settings::* field>
Problem read_text(PersistentPrimary& primary, const LineWords& words) {
  primary.settings.*field = words[2];
  return std::nullopt;
}

const std::map<std::string, PrimaryRow, std::less<>>& primary_rows() {
  static const std::map<std::string, PrimaryRow, std::less<>> rows{
      {"down-after-milliseconds",
       {2, 2, [](PersistentPrimary& p, const LineWords& w) { return set_period(p.settings.down_after, w[2]); }}},
      {"failover-timeout",
       {2, 2, [](PersistentPrimary& p, const LineWords& w) { return set_period(p.settings.failover_timeout, w[2]); }}},
      {"parallel-syncs",
       {2, 2,
        [](PersistentPrimary& p, const LineWords& w) -> Problem {
          const auto value = parse_int64(w[2]);
          if (!value || *value < 1 || *value > INT32_MAX) return "parallel-syncs must be 1 or greater.";
          p.settings.parallel_syncs = static_cast<uint32_t>(*value);
          return std::nullopt;
        }}},
      {"master-reboot-down-after-period", {2, 2, read_reboot_period}},
      {"primary-reboot-down-after-period", {2, 2, read_reboot_period}},  // Valkey's name of it
      {"fast-down",
       {2, 2,
        [](PersistentPrimary& p, const LineWords& w) {
          return set_yes_no(p.settings.fast_down, w[2], "Please specify yes or no for the fast-down option.");
        }}},
      {"notification-script", {2, 2, read_text<&Settings::notification_script>}},
      {"client-reconfig-script", {2, 2, read_text<&Settings::client_reconfig_script>}},
      {"auth-pass", {2, 2, read_text<&Settings::auth_pass>}},
      {"auth-user", {2, 2, read_text<&Settings::auth_user>}},
      {"rename-command", {3, 3, read_rename}},
      {"config-epoch",
       {2, 2, [](PersistentPrimary& p, const LineWords& w) { return set_epoch(p.config_epoch, w[2]); }}},
      {"leader-epoch",
       {2, 2, [](PersistentPrimary& p, const LineWords& w) { return set_epoch(p.leader_epoch, w[2]); }}},
      {"known-replica", {3, 3, read_known_replica}},
      {"known-slave", {3, 3, read_known_replica}},
      {"known-sentinel", {3, 4, read_known_sentinel}},
  };
  return rows;
}

Problem read_monitor(PersistentState& state, const LineWords& words) {
  if (words.size() != 5) return kUnrecognized;
  const auto quorum = parse_int64(words[4]);
  if (!quorum || *quorum <= 0 || *quorum > INT32_MAX) return "Quorum must be 1 or greater.";
  const std::string& host = words[2];
  if (host.empty() || (!is_ip_address(host) && !state.globals.resolve_hostnames)) {
    return "Can't resolve instance hostname.";
  }
  for (const PersistentPrimary& known : state.primaries) {
    if (known.name == words[1]) return "Duplicate master name.";
  }
  const auto port = parse_port(words[3]);
  if (!port) return "Invalid port number.";
  if (words[1].empty() || words[1].find(',') != std::string::npos) return "Invalid master name.";
  PersistentPrimary primary;
  primary.name = words[1];
  primary.address = {host, *port};
  primary.settings.quorum = static_cast<uint32_t>(*quorum);
  state.primaries.push_back(std::move(primary));
  return std::nullopt;
}

// Why nobody can use the replica or sentinel of a line: its port is 0 (a replica that does not say its own, such as
// `redis-cli --replica`) or no number, or its id is none. Of a line with the right number of words.
std::optional<std::string> why_unusable(const std::string& option, const LineWords& words) {
  const bool is_sentinel = option == "known-sentinel";
  if (!is_sentinel && option != "known-replica" && option != "known-slave") return std::nullopt;
  if (parse_int64(words[3]).value_or(0) == 0) return "ignored: there is no such port";
  if (!is_sentinel || words.size() < 5) return std::nullopt;
  const auto id = RunId::parse(words[4]);
  return id && !id->is_zero() ? Problem() : "ignored: there is no such id";
}

// The name of a primary's line, and its number of words, must be right even if it is left out.
Problem read_of_primary(PersistentState& state, const std::string& option, const LineWords& words,
                        std::optional<std::string>& unusable) {
  const auto row = primary_rows().find(option);
  const size_t count = words.size() - 1;
  if (row == primary_rows().end() || count < row->second.least || count > row->second.most) return kUnrecognized;
  for (PersistentPrimary& primary : state.primaries) {
    if (primary.name != words[1]) continue;
    unusable = why_unusable(option, words);
    return unusable ? Problem() : row->second.read(primary, words);
  }
  return kNoSuchMaster;
}

enum class Pass { globals, monitors, rest };

Pass pass_of(const std::string& option) {
  if (option == "monitor") return Pass::monitors;
  return global_rows().contains(option) ? Pass::globals : Pass::rest;
}

}  // namespace

std::expected<PersistentState, LineError> read_sentinel_lines(std::span<const LineWords> lines,
                                                              std::vector<LineError>* left_out) {
  PersistentState state;
  for (const Pass pass : {Pass::globals, Pass::monitors, Pass::rest}) {
    for (size_t i = 0; i < lines.size(); ++i) {
      const LineWords& words = lines[i];
      const std::string option = words.empty() ? std::string() : to_lower(words[0]);
      if (pass_of(option) != pass) continue;
      Problem problem;
      std::optional<std::string> unusable;
      if (pass == Pass::globals) {
        const GlobalRow& row = global_rows().find(option)->second;
        problem = words.size() == row.arguments + 1 ? row.read(state, words) : Problem(kUnrecognized);
      } else if (pass == Pass::monitors) {
        problem = read_monitor(state, words);
      } else {
        problem = words.empty() ? Problem(kUnrecognized) : read_of_primary(state, option, words, unusable);
      }
      if (problem) return std::unexpected(LineError{i, std::move(*problem)});
      if (unusable && left_out != nullptr) left_out->push_back({i, std::move(*unusable)});
    }
  }
  return state;
}

namespace {

std::string text_of(uint64_t value) { return fmt::format("{}", value); }

void write_primary(std::vector<StateLine>& lines, const PersistentPrimary& primary, const Faults& faults) {
  const auto add = [&](const char* option, std::vector<std::string> values, bool append = true) {
    LineWords words{option, primary.name};
    words.insert(words.end(), std::make_move_iterator(values.begin()), std::make_move_iterator(values.end()));
    lines.push_back({std::move(words), append});
  };
  const auto add_period = [&](const char* option, Millis value, Millis usual) {
    add(option, {text_of(static_cast<uint64_t>(value.count()))}, value != usual);
  };
  const auto add_text = [&](const char* option, const std::string& value) {
    if (!value.empty()) add(option, {value});
  };
  const Settings usual;
  const Settings& settings = primary.settings;
  add("monitor", {primary.address.host, text_of(primary.address.port), text_of(settings.quorum)});
  add_period("down-after-milliseconds", settings.down_after, usual.down_after);
  add_period("failover-timeout", settings.failover_timeout, usual.failover_timeout);
  add("parallel-syncs", {text_of(settings.parallel_syncs)}, settings.parallel_syncs != usual.parallel_syncs);
  add_text("notification-script", settings.notification_script);
  add_text("client-reconfig-script", settings.client_reconfig_script);
  add_text("auth-pass", settings.auth_pass);
  add_text("auth-user", settings.auth_user);
  add_period("master-reboot-down-after-period", settings.reboot_down_after, usual.reboot_down_after);
  if (settings.fast_down) add("fast-down", {"yes"});  // a real sentinel refuses the line: only where it is set
  add("config-epoch", {text_of(primary.config_epoch.value)});
  if (!faults.forget_votes) add("leader-epoch", {text_of(primary.leader_epoch.value)});
  if (settings.renames) {
    for (const auto& [from, to] : *settings.renames) add("rename-command", {from, to});
  }
  for (const Endpoint& replica : primary.replicas) add("known-replica", {replica.host, text_of(replica.port)});
  for (const KnownSentinel& known : primary.sentinels) {
    add("known-sentinel", {known.address.host, text_of(known.address.port), known.run_id.str()});
  }
}

}  // namespace

std::vector<StateLine> write_sentinel_lines(const PersistentState& state, const Faults& faults) {
  std::vector<StateLine> lines;
  const Globals usual;
  const Globals& globals = state.globals;
  const auto add = [&](const char* option, std::string value, bool append = true) {
    lines.push_back({{option, std::move(value)}, append});
  };
  const auto add_switch = [&](const char* option, bool value, bool normal) {
    add(option, value ? "yes" : "no", value != normal);
  };
  if (!state.run_id.is_zero()) add("myid", state.run_id.str());
  add_switch("deny-scripts-reconfig", globals.deny_scripts_reconfig, usual.deny_scripts_reconfig);
  add_switch("resolve-hostnames", globals.resolve_hostnames, usual.resolve_hostnames);
  add_switch("announce-hostnames", globals.announce_hostnames, usual.announce_hostnames);
  for (const PersistentPrimary& primary : state.primaries) write_primary(lines, primary, faults);
  add("current-epoch", text_of(state.current_epoch.value));
  if (!globals.announce_ip.empty()) add("announce-ip", globals.announce_ip);
  add("announce-port", text_of(globals.announce_port), globals.announce_port != 0);
  if (!globals.sentinel_user.empty()) add("sentinel-user", globals.sentinel_user);
  if (!globals.sentinel_pass.empty()) add("sentinel-pass", globals.sentinel_pass);
  return lines;
}

std::string key_of_line(const LineWords& words) {
  if (words.empty()) return "";
  std::string key = to_lower(words[0]);
  if (key == "known-slave") key = "known-replica";
  if (!global_rows().contains(key) && words.size() > 1) {
    key += ' ';
    key += words[1];
  }
  return key;
}

}  // namespace holdfast::sentinel
