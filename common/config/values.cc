#include "common/config/values.h"

#include <charconv>
#include <limits>

#include "common/base/text.h"

namespace holdfast::config {

std::optional<uint64_t> parse_memory(std::string_view text) {
  struct Unit {
    std::string_view name;
    uint64_t factor;
  };
  static constexpr Unit kUnits[] = {{"", 1},
                                    {"b", 1},
                                    {"k", 1000},
                                    {"kb", 1024},
                                    {"m", 1000 * 1000},
                                    {"mb", 1024 * 1024},
                                    {"g", 1000L * 1000 * 1000},
                                    {"gb", 1024L * 1024 * 1024}};
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  uint64_t value = 0;
  size_t at = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    const auto digit = static_cast<uint64_t>(text[at] - '0');
    value = value > (kMax - digit) / 10 ? kMax : value * 10 + digit;
  }
  if (at == 0 && !text.empty()) return std::nullopt;
  for (const Unit& unit : kUnits) {
    if (iequals(text.substr(at), unit.name)) return value > kMax / unit.factor ? kMax : value * unit.factor;
  }
  return std::nullopt;
}

std::string format_memory_unit(uint64_t bytes) {
  constexpr uint64_t kKilo = 1024;
  if (bytes != 0 && bytes % (kKilo * kKilo * kKilo) == 0) return fmt::format("{}gb", bytes / (kKilo * kKilo * kKilo));
  if (bytes != 0 && bytes % (kKilo * kKilo) == 0) return fmt::format("{}mb", bytes / (kKilo * kKilo));
  if (bytes != 0 && bytes % kKilo == 0) return fmt::format("{}kb", bytes / kKilo);
  return fmt::format("{}", bytes);
}

Result<bool> parse_yes_no(std::string_view text) {
  if (iequals(text, "yes")) return true;
  if (iequals(text, "no")) return false;
  return fail("argument must be 'yes' or 'no'");
}

Result<int64_t> parse_integer(std::string_view text, int64_t min, int64_t max) {
  const auto value = parse_int64(text);
  if (!value) return fail("argument couldn't be parsed into an integer");
  if (*value < min || *value > max) return fail("argument must be between {} and {} inclusive", min, max);
  return *value;
}

Result<unsigned> parse_octal(std::string_view text, unsigned max) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail("argument couldn't be parsed as an octal number");
  }
  if (value > max) return fail("argument must be between 0 and {:o} inclusive", max);
  return value;
}

Result<uint64_t> parse_memory_in(std::string_view text, uint64_t min, uint64_t max) {
  const auto value = parse_memory(text);
  if (!value) return fail("argument must be a memory value");
  if (*value < min || *value > max) return fail("argument must be between {} and {} inclusive", min, max);
  return *value;
}

Result<MemoryOrPercent> parse_memory_or_percent(std::string_view text) {
  if (text.ends_with('%')) {
    const auto value = parse_uint64(text.substr(0, text.size() - 1));
    if (!value) return fail("argument must be a memory or percent value");
    if (*value > 100) return fail("percentage argument must be less or equal to 100");
    return MemoryOrPercent{*value, true};
  }
  const auto value = parse_memory(text);
  if (!value) return fail("argument must be a memory or percent value");
  return MemoryOrPercent{*value, false};
}

}  // namespace holdfast::config
