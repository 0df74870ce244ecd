// holdfast-sentinel: reads its options, goes to the background if told to, and runs the event loop until a signal or
// SHUTDOWN ends it. Exit codes: 0 orderly, 1 it could not start, 99 a simulated crash (SENTINEL SIMULATE-FAILURE).
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/base/text.h"
#include "common/base/version.h"
#include "common/config/command_line.h"
#include "common/config/loader.h"
#include "common/fs/file_system.h"
#include "common/log/log.h"
#include "common/net/socket.h"
#include "common/process/process.h"
#include "sentinel/io/sentinel_server.h"
#include "sentinel/options/script_path.h"
#include "sentinel/options/sentinel_options.h"
#include "sentinel/state/overruled_lines.h"
#include "sentinel/state/sentinel_lines.h"

namespace holdfast::sentinel {
namespace {

constexpr std::string_view kDefaultPidFile = "/var/run/redis.pid";

void print(std::FILE* to, std::string_view text) { std::fwrite(text.data(), 1, text.size(), to); }

int refuse(std::string_view reason) {
  log::warning("{}", reason);
  return 1;
}

void print_help() {
  print(stdout,
        "Usage: holdfast-sentinel /path/to/sentinel.conf [options]\n"
        "       holdfast-sentinel -v or --version\n"
        "       holdfast-sentinel -h or --help\n"
        "       holdfast-sentinel --check-config /path/to/sentinel.conf [options]\n"
        "       holdfast-sentinel --print-config /path/to/sentinel.conf [options]\n\n"
        "Options are lines of the configuration file: --port 26380 --loglevel verbose\n"
        "The configuration file must be writable: the sentinel keeps its state in it.\n");
}

void print_version() {
  print(stdout, fmt::format("Redis server v={} sha={}:0 malloc=libc bits={} build={} (holdfast-sentinel {})\n",
                            kRedisVersion, build_commit(), sizeof(void*) * 8, build_commit(), holdfast_version()));
}

std::string current_directory() {
  char path[PATH_MAX];
  return ::getcwd(path, sizeof path) == nullptr ? "/" : path;
}

std::string executable_path() {
  char path[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, static_cast<size_t>(length)) : "holdfast-sentinel";
}

std::string standard_input() {
  std::string text;
  char buffer[4096];
  for (size_t count = 0; (count = std::fread(buffer, 1, sizeof buffer, stdin)) > 0;) text.append(buffer, count);
  return text;
}

// The whole configuration: the options, and the state that the `sentinel ...` lines hold.
struct Configuration {
  SentinelOptions options;
  config::Registry registry;
  config::LoadReport report;
  PersistentState state;
  std::vector<config::ConfigError> ignored;  // lines that are not in the state; the log tells of them
};

// What is wrong with a `sentinel ...` line.
config::ConfigError error_at(const Configuration& configuration, size_t number, std::string reason) {
  const auto& line = configuration.options.lines[number];
  config::ConfigError error;
  error.file = line.file;
  error.line = line.line;
  error.text = line.text;
  error.reason = std::move(reason);
  return error;
}

// Adds the mistake of a `sentinel ...` line to the report, in the place of its line.
void add_mistake(Configuration& configuration, size_t number, std::string reason) {
  config::ConfigError error = error_at(configuration, number, std::move(reason));
  auto& errors = configuration.report.errors;
  const auto later = std::find_if(errors.begin(), errors.end(), [&](const config::ConfigError& other) {
    return other.file == error.file && other.line > error.line;
  });
  errors.insert(later, std::move(error));
}

// `own_lines`: so many of the lines read are the configuration file's; those of the command line follow.
void drop_overruled_lines(Configuration& configuration, size_t own_lines) {
  auto& lines = configuration.options.lines;
  std::vector<SourcedLine> sourced;
  for (const auto& line : lines) {
    sourced.push_back({line.words, line.file.empty() && static_cast<size_t>(line.line) <= own_lines});
  }
  const std::vector<bool> overruled = overruled_lines(sourced);
  std::vector<SentinelLine> kept;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!overruled[i]) {
      kept.push_back(std::move(lines[i]));
      continue;
    }
    // Without a word where both say the same, as they do until a failover.
    const bool repeats = std::ranges::any_of(
        sourced, [&](const SourcedLine& line) { return line.in_own_file && line.words == sourced[i].words; });
    if (repeats) continue;
    configuration.ignored.push_back(error_at(configuration, i, "ignored: the sentinel's own file overrules it"));
  }
  lines = std::move(kept);
}

void interpret_lines(Configuration& configuration) {
  const auto& lines = configuration.options.lines;
  std::vector<LineWords> words;
  for (const auto& line : lines) words.push_back(line.words);
  std::vector<LineError> left_out;
  auto state = read_sentinel_lines(words, &left_out);
  if (!state) return add_mistake(configuration, state.error().line, state.error().text);
  configuration.state = std::move(*state);
  for (LineError& line : left_out) {
    configuration.ignored.push_back(error_at(configuration, line.line, std::move(line.text)));
  }
  for (size_t i = 0; i < lines.size(); ++i) {
    if (words[i].size() != 3) continue;
    if (const auto problem = script_problem(words[i][0], words[i][2])) {
      return add_mistake(configuration, i, fmt::format("{}.", *problem));
    }
  }
}

// An error text if the file cannot be read.
Result<> load(const config::CommandLine& line, FileSystem& fs, Configuration& configuration) {
  std::string file_text;
  if (!line.config_file.empty()) {
    auto text = read_whole_file(fs, line.config_file);
    if (!text) {
      const int code = text.error().code;
      return fail("Fatal error, can't open config file '{}': {}", line.config_file,
                  code != 0 ? std::strerror(code) : text.error().text.c_str());
    }
    file_text = std::move(*text);
  }
  const std::string text = config::combined_text(file_text, line.from_stdin ? standard_input() : std::string(), line);
  add_sentinel_rows(configuration.registry, configuration.options);
  configuration.report = load_sentinel(text, configuration.registry, configuration.options, fs);
  drop_overruled_lines(configuration, config::split_lines(file_text).size());
  interpret_lines(configuration);
  return {};
}

server::OutputLimit output_limit(const SentinelOptions& options, config::ClientClass of) {
  const config::OutputBufferLimit& limit = options.output_buffer_limit(of);
  return {limit.hard_bytes, limit.soft_bytes, limit.soft_period};
}

server::ServerSettings client_settings(const SentinelOptions& options) {
  server::ServerSettings settings;
  settings.max_clients = process::fit_open_files(options.maxclients);
  settings.idle_timeout = options.timeout;
  settings.tcp_keepalive_seconds = static_cast<int>(options.tcp_keepalive.count());
  settings.protected_mode = options.protected_mode;
  settings.max_bulk_bytes = static_cast<int64_t>(options.proto_max_bulk_len);
  settings.max_query_bytes = options.client_query_buffer_limit;
  settings.normal = output_limit(options, config::ClientClass::normal);
  settings.replica = output_limit(options, config::ClientClass::replica);
  settings.pubsub = output_limit(options, config::ClientClass::pubsub);
  return settings;
}

SentinelServer::Options server_options(const Configuration& configuration, const std::string& config_file,
                                       const Clock& clock) {
  const SentinelOptions& options = configuration.options;
  SeededRandom random(system_random());
  SentinelServer::Options result;
  result.state = configuration.state;
  result.bind = options.bind;
  result.port = options.port;
  result.backlog = options.tcp_backlog;
  result.unix_socket = options.unixsocket;
  result.unix_socket_permissions = options.unixsocketperm;
  result.clients = client_settings(options);
  result.users = {options.users,
                  options.included_users,
                  options.aclfile,
                  options.requirepass,
                  options.acl_pubsub_default_allchannels,
                  static_cast<size_t>(options.acllog_max_len)};
  result.renamed_commands = options.renamed_commands;
  result.links.source_address = options.bind_source_addr;
  result.links.keepalive_seconds = static_cast<int>(options.tcp_keepalive.count());
  for (const auto& address : split(options.http_bind, ' ')) {
    if (!address.empty()) result.http.binds.emplace_back(address);
  }
  result.http.port = options.http_port;
  result.facts = {RunId::random(random), options.port, executable_path(), config_file, clock.now()};
  result.seed = system_random();
  return result;
}

// The first signal ends the process in order, a second one at once.
void wait_for_signals(boost::asio::signal_set& signals, SentinelServer& server) {
  signals.async_wait([&](boost::system::error_code error, int number) {
    if (error) return;
    log::warning("Received {} scheduling shutdown...", number == SIGINT ? "SIGINT" : "SIGTERM");
    signals.async_wait([](boost::system::error_code again, int) {
      if (!again) ::_exit(1);
    });
    server.request_shutdown("User requested shutdown...");
  });
}

int run(Configuration& configuration, const config::CommandLine& line) {
  const SentinelOptions& options = configuration.options;
  log::warning("oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo");
  log::warning("Redis version={}, bits={}, commit={}, modified=0, pid={}, just started (Holdfast {})", kRedisVersion,
               sizeof(void*) * 8, build_commit(), ::getpid(), holdfast_version());
  log::warning("Configuration loaded");
  for (const config::ConfigError& line : configuration.ignored) log::warning("'{}' is {}", line.text, line.reason);
  if (auto supported = config::check_supported(options); !supported) {
    return refuse(fmt::format("{}. Exiting...", supported.error().text));
  }
  process::set_up_signals();

  SystemClock clock;
  PosixFileSystem fs;
  ConfigFileStore store(fs, line.config_file);
  auto recovered = store.recover(std::move(configuration.state));
  if (!recovered) return refuse(fmt::format("Fatal error, {}. Exiting...", recovered.error().text));
  configuration.state = std::move(*recovered);
  // Never destroyed: that would wait for a resolver that hangs in a name server.
  static auto& io = *new boost::asio::io_context(net::kOneThread);
  boost::asio::signal_set signals(io, SIGTERM, SIGINT);
  SentinelServer server(io, clock, fs, store, server_options(configuration, line.config_file, clock));
  if (auto started = server.start(); !started) return refuse(started.error().text);
  const std::string pid_file =
      options.pidfile.empty() && options.daemonize ? std::string(kDefaultPidFile) : options.pidfile;
  if (!pid_file.empty()) (void)process::write_pid_file(pid_file);
  wait_for_signals(signals, server);
  if (options.supervised == config::Supervised::systemd || options.supervised == config::Supervised::automatic) {
    process::notify_systemd("STATUS=Ready to accept connections\nREADY=1\n");
  }
  io.run();
  if (!pid_file.empty()) process::remove_pid_file(pid_file);
  log::warning("Sentinel is now ready to exit, bye bye...");
  return 0;
}

int start(const config::CommandLine& line) {
  PosixFileSystem fs;
  log::set_role('X');
  const bool inspects = line.mode == config::Mode::check_config || line.mode == config::Mode::print_config;
  if (line.config_file.empty() && !inspects) {
    return refuse("Sentinel needs config file on disk to save state. Exiting...");
  }
  Configuration configuration;
  if (auto loaded = load(line, fs, configuration); !loaded) return refuse(loaded.error().text);
  if (line.mode == config::Mode::check_config) {
    auto& warnings = configuration.report.warnings;
    warnings.insert(warnings.end(), configuration.ignored.begin(), configuration.ignored.end());
    print(stdout, config::check_report(configuration.report, line.config_file));
    return configuration.report.ok() ? 0 : 1;
  }
  if (!configuration.report.ok()) {
    print(stderr, config::fatal_block(configuration.report.errors.front()));
    return 1;
  }
  if (line.mode == config::Mode::print_config) {
    print(stdout, config::print_config(configuration.registry));
    return 0;
  }
  if (::access(line.config_file.c_str(), W_OK) != 0) {
    return refuse(
        fmt::format("Sentinel config file {} is not writable: {}. Exiting...", line.config_file, std::strerror(errno)));
  }
  SentinelOptions& options = configuration.options;
  if (::chdir(options.dir.c_str()) != 0) {
    return refuse(fmt::format("Can't chdir to '{}': {}", options.dir, std::strerror(errno)));
  }
  options.dir = current_directory();
  if (auto done = config::set_up_log(options); !done) {
    print(stderr, done.error().text);
    return 1;
  }
  if (options.daemonize) {
    if (auto done = process::daemonize(); !done) return refuse(done.error().text);
  }
  return run(configuration, line);
}

int main_with(std::span<const std::string> arguments) {
  const auto line = config::parse_command_line(arguments, current_directory());
  if (!line) {
    print(stderr, line.error().text + "\n");
    return 1;
  }
  switch (line->mode) {
    case config::Mode::version:
      print_version();
      return 0;
    case config::Mode::help:
      print_help();
      return 0;
    case config::Mode::run:
    case config::Mode::check_config:
    case config::Mode::print_config:
      return start(*line);
    case config::Mode::check_system:
    case config::Mode::test_memory:
    case config::Mode::check_rdb:
    case config::Mode::check_aof:
      break;
  }
  print(stderr, "This is a mode of holdfast-node.\n");
  return 1;
}

}  // namespace
}  // namespace holdfast::sentinel

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv, argv + argc);
  return holdfast::sentinel::main_with(arguments);
}
