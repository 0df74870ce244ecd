// The process's log, in Redis's line format: `pid:R dd Mon yyyy hh:mm:ss.mmm L message`.
//
// R is the role (M primary, S replica, X sentinel, C child of a save), L the level (. debug, - verbose, * notice,
// # warning). One log for each process, safe from any thread. Pure code does not log: it returns notices.
// The file is opened for each line, as Redis does, so that it may be rotated by rename; "" is standard output.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace holdfast::log {

enum class Level : uint8_t { debug, verbose, notice, warning, nothing };
std::optional<Level> parse_level(std::string_view name);
std::string_view level_name(Level level);

void set_level(Level level);
Level level();
Result<> set_file(std::string path);  // "" = standard output. An error: it cannot be written to (errno)
void set_role(char role);
void set_syslog(bool enabled, const std::string& identity, int facility);  // in addition to the file
// "user", "local0" to "local7" in any case; others are local0.
int syslog_facility(std::string_view name);

void write(Level level, std::string_view message);

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (level() <= Level::debug) write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void verbose(fmt::format_string<Args...> format, Args&&... args) {
  if (level() <= Level::verbose) write(Level::verbose, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void notice(fmt::format_string<Args...> format, Args&&... args) {
  if (level() <= Level::notice) write(Level::notice, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  if (level() <= Level::warning) write(Level::warning, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace holdfast::log
