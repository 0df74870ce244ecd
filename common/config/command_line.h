// The command line of both binaries: [config file] [-] [--option value ...], and the modes that are no server.
//
// Pure. As Redis: a first word without a dash is the conf file, "-" first or last reads standard input, and everything
// else is conf text: "--port 7000 --replicaof 127.0.0.1 6379" is two lines. `--sentinel` may stand
// alone, wherever it is; with words behind it it is a line too: "--sentinel announce-ip 10.0.0.1".
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace holdfast::config {

enum class Mode {
  run,
  version,       // -v --version
  help,          // -h --help
  check_system,  // --check-system
  test_memory,   // --test-memory <megabytes>
  check_config,  // --check-config, with a config and options
  print_config,  // --print-config, with a config and options
  check_rdb,     // --check-rdb FILE, or called redis-check-rdb / holdfast-check-rdb
  check_aof,     // --check-aof [--fix] FILE, or called redis-check-aof / holdfast-check-aof
};

struct CommandLine {
  Mode mode = Mode::run;
  std::string config_file;  // absolute, or "" for none
  bool from_stdin = false;
  bool sentinel = false;               // --sentinel, or called redis-sentinel / holdfast-sentinel
  std::string options_text;            // the options as lines of a conf file
  std::vector<std::string> arguments;  // of the modes that take a file or a number
};

// `arguments` with the program's name first; `working_directory` makes the conf file's path absolute.
Result<CommandLine> parse_command_line(std::span<const std::string> arguments, const std::string& working_directory);

// The whole config: file, then standard input, then options. Line numbers of errors count in this text.
std::string combined_text(std::string_view file_text, std::string_view stdin_text, const CommandLine& line);

}  // namespace holdfast::config
