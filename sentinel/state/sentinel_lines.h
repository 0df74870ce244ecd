// The meaning of the `sentinel ...` lines of a configuration file, both ways. Pure.
//
// Reading is free of order: globals, then monitors, then the rest, as the reference does. Errors are in its words; `line` is
// the index into the input of the line at fault.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sentinel/core/types.h"

namespace holdfast::sentinel {

// The words of one line after the word "sentinel", unquoted: {"monitor", "mymaster", "127.0.0.1", "6379", "2"}.
using SentinelLine = std::vector<std::string>;

struct LineError {
  size_t line = 0;
  std::string text;  // "No such master with specified name."
};

std::expected<PersistentState, LineError> read_sentinel_lines(std::span<const SentinelLine> lines);

// Every line of a state, in the reference's order, without the word "sentinel"; only what differs from a default.
std::vector<SentinelLine> write_sentinel_lines(const PersistentState& state, const Faults& faults = {});

// "sentinel auth-pass mymaster \"a b\"": values quoted where the grammar needs it.
std::string format_sentinel_line(const SentinelLine& line);

}  // namespace holdfast::sentinel
