// Conf files, standard input and command line options into a registry: one grammar, one order, last value wins.
//
// The directives are found by our own tokenizer (redis.conf's grammar is none of Boost.Program_options' own) and handed
// to its store() and notify() as basic_parsed_options, under exact names only. All mistakes of all sources are
// collected, in the order of reading: a server reports the first and stops, --check-config reports all.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/registry.h"
#include "common/fs/file_system.h"

namespace holdfast::config {

// A mistake in a conf file, or a warning about one.
struct ConfigError {
  std::string file;  // "" for the main text (file, standard input and options together)
  int line = 0;      // 0 where no line is at fault: `reason` then says it all
  std::string text;  // the line, trimmed; values of sensitive options left out
  std::string reason;
  std::optional<std::string> suggestion;  // a directive that may have been meant
};

struct LoadReport {
  std::vector<ConfigError> errors;    // in order of reading
  std::vector<ConfigError> warnings;  // options accepted without effect
  bool ok() const { return errors.empty(); }
};

// Loads `text`; each option takes all its occurrences over its default. Included files are read through `fs`, relative
// paths from the working directory. Options that are not named are left at their present value.
LoadReport load(std::string_view text, Registry& registry, FileSystem& fs);

// The block Redis prints to standard error before it exits with 1:
//   *** FATAL CONFIG FILE ERROR (Redis 7.0.15) *** / Reading the configuration file, at line N / >>> 'line' / reason
std::string fatal_block(const ConfigError& error);

// What --check-config prints: a line for each error and warning, then a verdict.
std::string check_report(const LoadReport& report, std::string_view config_file);

// What --print-config prints: every option's value as a conf file, defaults commented out, sensitive values left out.
std::string print_config(const Registry& registry);

}  // namespace holdfast::config
