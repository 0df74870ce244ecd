// What the handlers have in common: Redis's error texts, and readers of arguments that answer the error themselves.
//
// A reader returns nothing (or false) after it has replied; the handler then just returns.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/base/text.h"
#include "node/commands/call.h"
#include "node/commands/config.h"

namespace holdfast::node {

inline constexpr std::string_view kSyntaxError = "ERR syntax error";
inline constexpr std::string_view kWrongType = "WRONGTYPE Operation against a key holding the wrong kind of value";
inline constexpr std::string_view kNotInteger = "ERR value is not an integer or out of range";
inline constexpr std::string_view kNotFloat = "ERR value is not a valid float";
inline constexpr std::string_view kNoSuchKey = "ERR no such key";
inline constexpr std::string_view kIndexOutOfRange = "ERR index out of range";
inline constexpr std::string_view kSameObject = "ERR source and destination objects are the same";

std::optional<int64_t> read_integer(Call& call, std::string_view text, std::string_view error = kNotInteger);
std::optional<int64_t> read_integer_in(Call& call, std::string_view text, int64_t low, int64_t high,
                                       std::string_view error);
// A database number for SELECT, MOVE, COPY, SWAPDB; `error` where it is no integer.
std::optional<int> read_database(Call& call, std::string_view text, std::string_view error);

// True if `entry` is null or a string; else WRONGTYPE has been answered.
inline bool string_or_none(Call& call, const Entry* entry) {
  if (entry == nullptr || entry->type() == ValueType::string) return true;
  call.reply.error(kWrongType);
  return false;
}

// How long a blocking command waits, given in seconds with a fraction; 0: for ever. (blocking.cc)
std::optional<Millis> read_timeout(Call& call, std::string_view text);

// How an expiry argument is given: relative or absolute, in seconds or milliseconds.
enum class ExpiryUnit : uint8_t { ex, px, exat, pxat };
// The expiry as unix milliseconds; refuses what is not positive or overflows ("invalid expire time in 'set' command").
std::optional<int64_t> read_expiry(Call& call, std::string_view text, ExpiryUnit unit);
// An expiry that has passed deletes the key at once, but only where keys may be deleted: not on replicas nor in a
// replay.
bool already_expired(Call& call, int64_t expires_ms);

// Whether the client is on this machine, for the options that say "local".
inline bool is_local(const server::Session& session) { return session.from_loopback() || session.from_unix_socket(); }

// OBJECT REFCOUNT: values have one owner here; small integers, which Redis shares unless
// each needs an idle time or a frequency of its own under maxmemory, are given its count for those.
int64_t reference_count(const Value& value, const NodeConfig& config);

// "DEL" or "UNLINK": what a deletion is told as.
std::string_view delete_command(bool lazy);
inline Keyspace::Free free_mode(bool lazy) { return lazy ? Keyspace::Free::lazily : Keyspace::Free::now; }

}  // namespace holdfast::node
