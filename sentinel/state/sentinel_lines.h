// The meaning of the `sentinel ...` lines of a configuration file, both ways. Pure.
//
// Reading is free of order: globals, then monitors, then the rest, as the reference does. Error texts are the reference's
// where it has one; what it would take for 0 or skip without a word is an error here.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <vector>

#include "sentinel/core/types.h"

namespace holdfast::sentinel {

// The words of one line after the word "sentinel", unquoted: {"monitor", "mymaster", "127.0.0.1", "6379", "2"}.
using LineWords = std::vector<std::string>;

struct LineError {
  size_t line = 0;  // the index into the input
  std::string text;
};

// Replicas and sentinels that nobody could use (`known-replica mymaster 10.0.0.1 0`, which the reference writes and reads)
// are left out of the state, and told to `left_out`: they were found once, and are found again.
std::expected<PersistentState, LineError> read_sentinel_lines(std::span<const LineWords> lines,
                                                              std::vector<LineError>* left_out = nullptr);

struct StateLine {
  LineWords words;
  bool append = true;  // false: a default, written only where the file has such a line
};

// Every line of a state, in the reference's order.
std::vector<StateLine> write_sentinel_lines(const PersistentState& state, const Faults& faults = {});

// Which line of a file a line replaces: its option, and its primary if it has one. known-slave is known-replica here.
std::string key_of_line(const LineWords& words);

}  // namespace holdfast::sentinel
