#include <array>

#include "common/base/text.h"
#include "sentinel/commands/handlers.h"
#include "sentinel/core/host_names.h"

namespace holdfast::sentinel {

using namespace std::string_view_literals;

namespace {

std::string yes_no(bool value) { return value ? "yes" : "no"; }

bool parse_yes_no(std::string_view text, bool& value) {
  if (!iequals(text, "yes") && !iequals(text, "no")) return false;
  value = iequals(text, "yes");
  return true;
}

// A global setting: how it reads, and how a value is put into a copy (false: not a value of it).
struct Setting {
  std::string_view name;
  std::string (*get)(const Globals&);
  bool (*set)(Globals&, std::string_view);
};

constexpr std::array<Setting, 6> kSettings = {{
    {"resolve-hostnames", [](const Globals& g) { return yes_no(g.resolve_hostnames); },
     [](Globals& g, std::string_view v) { return parse_yes_no(v, g.resolve_hostnames); }},
    {"announce-hostnames", [](const Globals& g) { return yes_no(g.announce_hostnames); },
     [](Globals& g, std::string_view v) { return parse_yes_no(v, g.announce_hostnames); }},
    {"announce-ip", [](const Globals& g) { return g.announce_ip; },
     [](Globals& g, std::string_view v) {
       g.announce_ip = v;
       return true;  // checked with resolve-hostnames, below
     }},
    {"announce-port", [](const Globals& g) { return fmt::format("{}", g.announce_port); },
     [](Globals& g, std::string_view v) {
       const auto port = parse_int64(v);
       if (!port || *port < 0 || *port > 65535) return false;
       g.announce_port = static_cast<uint16_t>(*port);
       return true;
     }},
    {"sentinel-user", [](const Globals& g) { return g.sentinel_user; },
     [](Globals& g, std::string_view v) {
       g.sentinel_user = v;
       return true;
     }},
    {"sentinel-pass", [](const Globals& g) { return g.sentinel_pass; },
     [](Globals& g, std::string_view v) {
       g.sentinel_pass = v;
       return true;
     }},
}};

void get_settings(Context& context) {
  const Globals& globals = context.host.core().globals();
  const size_t mark = context.reply.begin_deferred();
  size_t count = 0;
  for (const Setting& setting : kSettings) {
    bool wanted = false;
    for (const auto& pattern : context.args.subspan(3)) wanted |= glob_match(pattern, setting.name, true);
    if (!wanted) continue;
    context.reply.bulk(setting.name);
    context.reply.bulk(setting.get(globals));
    ++count;
  }
  context.reply.end_deferred_map(mark, count);
}

// All or nothing: every pair is checked on a copy first.
void set_settings(Context& context) {
  const auto invalid = [&](std::string_view name, std::string_view value) {
    context.reply.error(fmt::format("ERR Invalid value '{}' to SENTINEL CONFIG SET '{}'", value, name));
  };
  Globals globals = context.host.core().globals();
  const auto pairs = context.args.subspan(3);
  for (size_t i = 0; i < pairs.size(); i += 2) {
    const Setting* found = nullptr;
    for (const Setting& setting : kSettings) {
      if (iequals(setting.name, pairs[i])) found = &setting;
    }
    if (found == nullptr) {
      return context.reply.error(fmt::format("ERR Invalid argument '{}' to SENTINEL CONFIG SET", pairs[i]));
    }
    if (pairs[i + 1].find_first_of("\r\n\0"sv) != std::string_view::npos || !found->set(globals, pairs[i + 1])) {
      return invalid(pairs[i], pairs[i + 1]);
    }
  }
  // The address goes into hello messages, whose fields commas part, and peers must be able to use it.
  const std::string& ip = globals.announce_ip;
  if (!ip.empty() &&
      (ip.find_first_of(", \t") != std::string::npos || (!globals.resolve_hostnames && !is_ip_address(ip)))) {
    return invalid("announce-ip", ip);
  }
  if (!globals.resolve_hostnames && context.host.core().awaits_address_of_a_primary()) {
    return invalid("resolve-hostnames", "no");
  }
  auto outcome = context.host.core().set_globals(std::move(globals), context.server.now());
  const Result<> saved = context.host.perform(std::move(outcome.actions));
  if (!outcome.result) return context.reply.error(outcome.result.error().text);
  if (!saved) return context.reply.error(kSaveFailed);
  context.reply.ok();
}

}  // namespace

void config_command(Context& context) {
  const auto& args = context.args;
  if (iequals(args[2], "GET") && args.size() >= 4) return get_settings(context);
  if (iequals(args[2], "SET") && args.size() >= 5 && args.size() % 2 == 1) return set_settings(context);
  context.reply.error("ERR Only SENTINEL CONFIG GET <option> / SET <option> <value> are supported.");
}

}  // namespace holdfast::sentinel
