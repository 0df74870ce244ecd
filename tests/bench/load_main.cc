// bench_load: puts load on a server at 127.0.0.1 and prints what it measured as one JSON object.
#include <fmt/format.h>
#include <getopt.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>

#include "common/base/text.h"
#include "tests/bench/load_run.h"

namespace holdfast::bench {
namespace {

constexpr std::string_view kUsage = R"(bench_load OPTION... COMMAND...
  COMMAND               a template, such as "SET key:{key} {value}"; see request_template.h. Several are taken at random
  --port N              6379
  --connections N       50
  --pipeline N          1
  --keys N              1000000: {key} is below it
  --value-bytes N       64: length of {value}
  --sequence FIRST:STEP 0:1: the numbers of {seq}
  --requests N          end after so many requests, or
  --seconds S           measure so long
  --warmup S            0: seconds before anything is measured
  --rate N              at most so many requests a second
  --server PID          whose CPU time to measure
  --seed N              1
)";

struct Arguments {
  LoadOptions load;
  TemplateLimits limits{.keys = 1'000'000};
};

Result<> set_option(Arguments& arguments, std::string_view name, std::string_view value) {
  LoadOptions& load = arguments.load;
  if (name == "seconds" || name == "warmup" || name == "rate") {
    const auto number = parse_double(value);
    if (!number || !(*number >= 0 && *number < 1e9)) return fail("--{} needs a number", name);
    (name == "seconds" ? load.seconds : name == "warmup" ? load.warmup_seconds : load.requests_per_second) = *number;
    return {};
  }
  if (name == "sequence") {
    const auto parts = split(value, ':');
    const auto first = parse_uint64(parts.front());
    const auto step = parse_uint64(parts.back());
    if (parts.size() != 2 || !first || !step) return fail("--sequence needs FIRST:STEP");
    load.sequence = {.next = *first, .step = *step};
    return {};
  }
  const auto number = parse_uint64(value);
  if (!number) return fail("--{} needs a number", name);
  if (name == "port") load.port = static_cast<uint16_t>(*number);
  if (name == "connections") load.connections = *number;
  if (name == "pipeline") load.pipeline = *number;
  if (name == "keys") arguments.limits.keys = *number;
  if (name == "value-bytes") arguments.limits.value_bytes = *number;
  if (name == "requests") load.requests = *number;
  if (name == "server") load.server = static_cast<pid_t>(*number);
  if (name == "seed") load.seed = *number;
  return {};
}

Result<Arguments> parse(int argc, char** argv) {
  static const option kOptions[] = {
      {"port", 1, nullptr, 1},     {"connections", 1, nullptr, 1}, {"pipeline", 1, nullptr, 1},
      {"keys", 1, nullptr, 1},     {"value-bytes", 1, nullptr, 1}, {"sequence", 1, nullptr, 1},
      {"requests", 1, nullptr, 1}, {"seconds", 1, nullptr, 1},     {"warmup", 1, nullptr, 1},
      {"rate", 1, nullptr, 1},     {"server", 1, nullptr, 1},      {"seed", 1, nullptr, 1},
      {nullptr, 0, nullptr, 0},
  };
  Arguments arguments;
  int index = 0;
  while (const int found = getopt_long(argc, argv, "", kOptions, &index)) {
    if (found == -1) break;
    if (found != 1) return fail("no such option");
    if (auto set = set_option(arguments, kOptions[index].name, optarg); !set) return std::unexpected(set.error());
  }
  const LoadOptions& load = arguments.load;
  if (load.connections == 0 || load.pipeline == 0 || arguments.limits.keys == 0) return fail("a number must not be 0");
  if ((load.requests == 0) == (load.seconds == 0)) return fail("give --requests or --seconds");
  for (int i = optind; i < argc; ++i) {
    auto made = RequestTemplate::parse(argv[i], arguments.limits);
    if (!made) return std::unexpected(made.error());
    arguments.load.mix.push_back(std::move(*made));
  }
  if (load.mix.empty()) return fail("no command");
  return arguments;
}

void print(const LoadFigures& figures) {
  const auto micros = [&](double share) { return static_cast<double>(figures.latency.percentile(share)) / 1e3; };
  const auto requests = static_cast<double>(figures.requests);
  const nlohmann::ordered_json printed = {
      {"requests", figures.requests},
      {"seconds", figures.seconds},
      {"requests_per_second", figures.seconds > 0 ? requests / figures.seconds : 0},
      {"server_cpu_us", figures.requests > 0 ? figures.server_cpu_seconds * 1e6 / requests : 0},
      {"server_cpu_seconds", figures.server_cpu_seconds},
      {"load_cpu_seconds", figures.load_cpu_seconds},
      {"p50_us", micros(0.5)},
      {"p99_us", micros(0.99)},
      {"p999_us", micros(0.999)},
      {"max_us", static_cast<double>(figures.latency.max()) / 1e3},
      {"errors", figures.errors},
      {"first_error", figures.first_error},
      {"nulls", figures.nulls},
  };
  fmt::print("{}\n", printed.dump());
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) {
  auto arguments = holdfast::bench::parse(argc, argv);
  if (!arguments) {
    fmt::print(stderr, "{}\n{}", arguments.error().text, holdfast::bench::kUsage);
    return 2;
  }
  holdfast::bench::LoadRun run(std::move(arguments->load));
  const auto figures = run.run();
  if (!figures) {
    fmt::print(stderr, "bench_load: {}\n", figures.error().text);
    return 1;
  }
  holdfast::bench::print(*figures);
  return 0;
}
