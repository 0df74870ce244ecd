// holdfast-node: the data node. See docs/ARCHITECTURE.md.
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <iostream>
#include <iterator>

#include "common/base/version.h"
#include "common/config/command_line.h"
#include "common/config/loader.h"
#include "common/log/log.h"
#include "common/process/process.h"
#include "common/process/title.h"
#include "node/io/node_server.h"
#include "node/persistence/file_checks.h"

namespace {

using namespace holdfast;

constexpr std::string_view kUsage =
    "Usage: holdfast-node [/path/to/redis.conf] [options] [-]\n"
    "       holdfast-node - (read config from stdin)\n"
    "       holdfast-node -v or --version\n"
    "       holdfast-node -h or --help\n"
    "       holdfast-node [/path/to/redis.conf] --check-config (say every mistake, then exit)\n"
    "       holdfast-node [/path/to/redis.conf] --print-config (show every option's value, then exit)\n"
    "       holdfast-node --check-rdb FILE (say what is in a dump, and what is wrong)\n"
    "       holdfast-node --check-aof [--fix [--yes] | --truncate-to-timestamp SECONDS] FILE (the same of a log)\n"
    "       holdfast-node /path/to/sentinel.conf --sentinel (run holdfast-sentinel)\n"
    "\n"
    "Examples:\n"
    "       holdfast-node (run the server with default conf)\n"
    "       holdfast-node /etc/redis/6379.conf\n"
    "       holdfast-node --port 7777\n"
    "       holdfast-node --port 7777 --replicaof 127.0.0.1 8888\n"
    "       holdfast-node /etc/myredis.conf --loglevel verbose -\n";

std::string working_directory() {
  char path[4096];
  return ::getcwd(path, sizeof path) != nullptr ? path : ".";
}

// The whole configuration's text, or nothing when the file cannot be read (said on standard error).
std::optional<std::string> read_config(const config::CommandLine& line, FileSystem& fs) {
  std::string file_text, stdin_text;
  if (!line.config_file.empty()) {
    auto content = read_whole_file(fs, line.config_file);
    if (!content) {
      fmt::print(stderr, "Fatal error, can't open config file '{}': {}\n", line.config_file,
                 content.error().code != 0 ? std::strerror(content.error().code) : content.error().text);
      return std::nullopt;
    }
    file_text = std::move(*content);
  }
  if (line.from_stdin) stdin_text.assign(std::istreambuf_iterator<char>(std::cin), {});
  return config::combined_text(file_text, stdin_text, line);
}

Result<> check_supported(const node::NodeOptions& options) {
  if (options.cluster_enabled) return fail("Cluster mode is not supported by this build");
  return config::check_supported(options);
}

int serve(node::NodeOptions& options, config::Registry& registry, const std::string& config_file) {
  if (::chdir(options.dir.c_str()) != 0) {
    fmt::print(stderr, "Can't chdir to '{}': {}\n", options.dir, std::strerror(errno));
    return 1;
  }
  options.dir = working_directory();
  if (auto done = config::set_up_log(options); !done) {
    fmt::print(stderr, "{}", done.error().text);
    return 1;
  }
  if (options.daemonize) {
    if (auto done = process::daemonize(); !done) {
      fmt::print(stderr, "Can't go to the background: {}\n", done.error().text);
      return 1;
    }
  }
  process::set_up_signals();
  if (options.daemonize && options.pidfile.empty()) options.pidfile = "/var/run/redis.pid";
  if (!options.pidfile.empty()) {
    if (auto written = process::write_pid_file(options.pidfile); !written) {
      log::warning("Failed to write PID file: {}", written.error().text);
      options.pidfile.clear();
    }
  }
  log::warning("Holdfast {} (Redis {}), commit={}, bits=64, pid={}, just started", holdfast_version(), kRedisVersion,
               build_commit(), ::getpid());
  if (config_file.empty()) {
    log::warning("Warning: no config file specified, using the default config. In order to specify a config file use "
                 "holdfast-node /path/to/redis.conf");
  } else {
    log::warning("Configuration loaded");
  }
  node::NodeServer server(options, registry, config_file);
  return server.run() ? 0 : 1;
}

// --check-rdb, --check-aof: the exit code.
int check_files(const config::CommandLine& line, FileSystem& fs) {
  const SystemClock clock;
  const node::CheckSurroundings around{
      fs, clock.wall_now(), [](std::string_view text) { fmt::print("{}\n", text); },
      [] {
        fmt::print("Continue? [y/N]: ");
        std::fflush(stdout);
        std::string answer;
        return std::getline(std::cin, answer) && (answer.starts_with('y') || answer.starts_with('Y'));
      }};
  if (line.mode == config::Mode::check_rdb) return node::check_rdb_file(around, line.arguments.front());
  const auto request = node::parse_aof_check(line.arguments);
  if (request) return node::check_aof_files(around, *request);
  fmt::print("{}\n", request.error().text);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::setlocale(LC_COLLATE, "");  // SORT ALPHA orders as the user does
  const std::vector<std::string> arguments(argv, argv + argc);
  auto line = config::parse_command_line(arguments, working_directory());
  if (!line) {
    fmt::print(stderr, "{}\n", line.error().text);
    return 1;
  }
  if (line->sentinel) {
    fmt::print(stderr, "{}\n", process::execute_beside("holdfast-sentinel", argc, argv).text);
    return 1;
  }
  process::keep_arguments(argc, argv);
  PosixFileSystem fs;
  node::NodeOptions options;
  config::Registry registry;
  node::add_node_rows(registry, options);
  switch (line->mode) {
    case config::Mode::version:
      fmt::print("Redis server v={} sha={}:0 malloc=jemalloc bits=64 holdfast={}\n", kRedisVersion, build_commit(),
                 holdfast_version());
      return 0;
    case config::Mode::help:
      fmt::print("{}", kUsage);
      return 0;
    case config::Mode::check_rdb:
    case config::Mode::check_aof:
      return check_files(*line, fs);
    case config::Mode::run:
    case config::Mode::check_config:
    case config::Mode::print_config: break;
    default:
      fmt::print(stderr, "This build has no such mode yet; see docs/differences.md\n");
      return 1;
  }
  const auto text = read_config(*line, fs);
  if (!text) return 1;
  const auto report = config::load(*text, registry, fs);
  if (line->mode == config::Mode::check_config) {
    fmt::print("{}", config::check_report(report, line->config_file));
    return report.ok() ? 0 : 1;
  }
  if (!report.ok()) {
    fmt::print(stderr, "{}", config::fatal_block(report.errors.front()));
    return 1;
  }
  if (line->mode == config::Mode::print_config) {
    fmt::print("{}", config::print_config(registry));
    return 0;
  }
  if (const auto supported = check_supported(options); !supported) {
    fmt::print(stderr, "{}. Exiting...\n", supported.error().text);
    return 1;
  }
  return serve(options, registry, line->config_file);
}
