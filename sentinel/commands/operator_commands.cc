#include <fmt/format.h>

#include <array>

#include "common/base/text.h"
#include "sentinel/commands/handlers.h"
#include "sentinel/options/script_path.h"

namespace holdfast::sentinel {

namespace {

// Performs what follows, then answers OK or the error.
void finish(Context& context, Outcome<> outcome) {
  const Result<> saved = context.host.perform(std::move(outcome.actions));
  if (!outcome.result) return context.reply.error(outcome.result.error().text);
  if (!saved) return context.reply.error(kSaveFailed);
  context.reply.ok();
}

std::vector<std::string> strings(std::span<const std::string_view> args) { return {args.begin(), args.end()}; }

struct Period {
  std::string_view name;
  Millis Timings::*field;
};

constexpr std::array<Period, 13> kPeriods = {{
    {"INFO-PERIOD", &Timings::info_period},
    {"PING-PERIOD", &Timings::ping_period},
    {"ASK-PERIOD", &Timings::ask_period},
    {"PUBLISH-PERIOD", &Timings::publish_period},
    {"DEFAULT-DOWN-AFTER", &Timings::default_down_after},
    {"DEFAULT-FAILOVER-TIMEOUT", &Timings::default_failover_timeout},
    {"TILT-TRIGGER", &Timings::tilt_trigger},
    {"TILT-PERIOD", &Timings::tilt_period},
    {"SLAVE-RECONF-TIMEOUT", &Timings::replica_reconf_timeout},
    {"MIN-LINK-RECONNECT-PERIOD", &Timings::min_link_reconnect_period},
    {"ELECTION-TIMEOUT", &Timings::election_timeout},
    {"SCRIPT-MAX-RUNTIME", &Timings::script_max_runtime},
    {"SCRIPT-RETRY-DELAY", &Timings::script_retry_delay},
}};

constexpr int64_t kLongestPeriod = int64_t{1} << 40;  // ms; far below what arithmetic on times can hold

}  // namespace

void monitor_command(Context& context) {
  const auto& args = context.args;
  finish(context, context.host.core().monitor(args[2], args[3], args[4], args[5], context.server.now()));
}

void forget_command(Context& context) {
  const auto& args = context.args;
  finish(context, context.host.core().forget(args[2], args[3], args[4], context.server.now()));
}

void remove_command(Context& context) {
  finish(context, context.host.core().remove(context.args[2], context.server.now()));
}

void set_command(Context& context) {
  const auto options = strings(context.args.subspan(3));
  const Sentinel& core = context.host.core();
  if (core.knows(context.args[2]) && !core.globals().deny_scripts_reconfig) {
    for (size_t i = 0; i + 1 < options.size(); i += iequals(options[i], "rename-command") ? 3 : 2) {
      const auto problem = script_problem(options[i], options[i + 1]);
      if (problem) return context.reply.error(fmt::format("ERR {}", *problem));
    }
  }
  finish(context, context.host.core().set(context.args[2], options, context.server.now()));
}

void reset_masters_command(Context& context) {
  auto outcome = context.host.core().reset(context.args[2], context.server.now());
  const Result<> saved = context.host.perform(std::move(outcome.actions));
  if (!outcome.result) return context.reply.error(outcome.result.error().text);
  if (!saved) return context.reply.error(kSaveFailed);
  context.reply.integer(static_cast<int64_t>(*outcome.result));
}

void failover_command(Context& context) {
  const auto& args = context.args;
  FailoverOrder order;
  for (size_t i = 3; i < args.size(); ++i) {
    if (iequals(args[i], "coordinated") && !order.coordinated) {
      order.coordinated = true;
    } else if (iequals(args[i], "to") && !order.target && i + 2 < args.size()) {
      const auto port = parse_int64(args[i + 2]);
      if (!port || *port < 1 || *port > 65535) return context.reply.error("ERR Invalid port");
      order.target = Endpoint{std::string(args[i + 1]), static_cast<uint16_t>(*port)};
      i += 2;
    } else {
      return context.reply.error("ERR syntax error");
    }
  }
  finish(context, context.host.core().failover(args[2], order, context.server.now()));
}

void flush_config_command(Context& context) { finish(context, context.host.core().flush_config(context.server.now())); }

void debug_command(Context& context) {
  Timings timings = context.host.core().timings();
  const auto given = context.args.subspan(2);
  if (given.empty()) {
    context.reply.map(kPeriods.size());
    for (const Period& period : kPeriods) {
      context.reply.bulk(period.name);
      context.reply.bulk_integer((timings.*period.field).count());
    }
    return;
  }
  for (size_t i = 0; i < given.size(); i += 2) {
    const Period* found = nullptr;
    for (const Period& period : kPeriods) {
      if (iequals(period.name, given[i])) found = &period;
    }
    if (found == nullptr || i + 1 == given.size()) {
      return context.reply.error(
          fmt::format("ERR Unknown option or number of arguments for SENTINEL DEBUG '{}'", given[i]));
    }
    const auto value = parse_int64(given[i + 1]);
    if (!value || *value <= 0 || *value > kLongestPeriod) {
      return context.reply.error(
          fmt::format("ERR Invalid argument '{}' for SENTINEL DEBUG '{}'", given[i + 1], given[i]));
    }
    timings.*found->field = Millis(*value);
  }
  finish(context, context.host.core().set_timings(timings, context.server.now()));
}

void simulate_failure_command(Context& context) {
  unsigned flags = context.host.simulated_failures();
  for (const auto& word : context.args.subspan(2)) {
    if (iequals(word, "crash-after-election")) {
      flags |= kCrashAfterElection;
    } else if (iequals(word, "crash-after-promotion")) {
      flags |= kCrashAfterPromotion;
    } else if (iequals(word, "help")) {
      context.reply.array(2);
      context.reply.bulk("crash-after-election");
      context.reply.bulk("crash-after-promotion");
      return;
    } else {
      return context.reply.error("ERR Unknown failure simulation specified");
    }
  }
  context.host.simulate_failures(flags);
  context.reply.ok();
}

}  // namespace holdfast::sentinel
