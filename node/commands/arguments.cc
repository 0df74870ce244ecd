#include "node/commands/arguments.h"

#include <limits>

#include "node/commands/node.h"

namespace holdfast::node {

std::optional<int64_t> read_integer(Call& call, std::string_view text, std::string_view error) {
  const auto number = parse_int64(text);
  if (!number) call.reply.error(error);
  return number;
}

std::optional<int64_t> read_integer_in(Call& call, std::string_view text, int64_t low, int64_t high,
                                       std::string_view error) {
  const auto number = parse_int64(text);
  if (number && *number >= low && *number <= high) return number;
  call.reply.error(error);
  return std::nullopt;
}

std::optional<int> read_database(Call& call, std::string_view text, std::string_view error) {
  const auto number = parse_int64(text);
  if (!number) {
    call.reply.error(error);
    return std::nullopt;
  }
  if (*number < std::numeric_limits<int>::min() || *number > std::numeric_limits<int>::max()) {
    call.reply.error("ERR value is out of range, value must between -2147483648 and 2147483647");
    return std::nullopt;
  }
  if (*number < 0 || *number >= call.keys.database_count()) {
    call.reply.error("ERR DB index is out of range");
    return std::nullopt;
  }
  return static_cast<int>(*number);
}

std::optional<int64_t> read_expiry(Call& call, std::string_view text, ExpiryUnit unit) {
  const auto number = read_integer(call, text);
  if (!number) return std::nullopt;
  const bool seconds = unit == ExpiryUnit::ex || unit == ExpiryUnit::exat;
  const bool relative = unit == ExpiryUnit::ex || unit == ExpiryUnit::px;
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  int64_t when = *number;
  const bool fits = when > 0 && (!seconds || when <= kMost / 1000);
  if (fits && seconds) when *= 1000;
  if (!fits || (relative && when > kMost - call.now_ms())) {
    call.reply.error(fmt::format("ERR invalid expire time in '{}' command", call.command.name));
    return std::nullopt;
  }
  return relative ? when + call.now_ms() : when;
}

bool already_expired(Call& call, int64_t expires_ms) {
  return expires_ms <= call.now_ms() && call.origin == Origin::client && !call.node.is_replica();
}

int64_t reference_count(const Value& value, const NodeConfig& config) {
  constexpr int64_t kSharedCount = std::numeric_limits<int32_t>::max();
  constexpr int64_t kSharedIntegers = 10000;
  const bool each_tracked =
      config.max_memory_bytes != 0 && (by_recency(config.eviction_policy) || by_frequency(config.eviction_policy));
  const bool shared = value.is_integer() && value.integer_value() >= 0 && value.integer_value() < kSharedIntegers;
  return shared && !each_tracked ? kSharedCount : 1;
}

std::string_view delete_command(bool lazy) { return lazy ? "UNLINK" : "DEL"; }

}  // namespace holdfast::node
