// Texts of option values: what Redis accepts for each type, and how CONFIG GET and conf files show it.
//
// Pure. The error texts are Redis's own: they reach users of CONFIG SET and readers of a refused conf file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace holdfast::config {

// "100", "1k", "1kb", "2MB" ... in bytes; too large saturates at 2^64-1. nullopt for anything else.
std::optional<uint64_t> parse_memory(std::string_view text);
// The same with a unit where it is exact ("64mb"), as conf files are rewritten.
std::string format_memory_unit(uint64_t bytes);

// An amount of memory, or a percentage of maxmemory (maxmemory-clients).
struct MemoryOrPercent {
  uint64_t value = 0;  // bytes, or 0 to 100
  bool percent = false;
  bool operator==(const MemoryOrPercent&) const = default;
};

Result<bool> parse_yes_no(std::string_view text);
Result<int64_t> parse_integer(std::string_view text, int64_t min, int64_t max);
Result<unsigned> parse_octal(std::string_view text, unsigned max);
Result<uint64_t> parse_memory_in(std::string_view text, uint64_t min, uint64_t max);
Result<MemoryOrPercent> parse_memory_or_percent(std::string_view text);

}  // namespace holdfast::config
