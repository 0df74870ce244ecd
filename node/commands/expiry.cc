// EXPIRE and its relatives, TTL and its relatives, PERSIST.
#include <limits>

#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"

namespace holdfast::node::handlers {
namespace {

struct ExpireOptions {
  bool nx = false, xx = false, gt = false, lt = false;
};

// False when answered.
bool parse_expire(Call& call, ExpireOptions& options) {
  for (const std::string_view word : call.args.subspan(3)) {
    if (iequals(word, "NX")) {
      options.nx = true;
    } else if (iequals(word, "XX")) {
      options.xx = true;
    } else if (iequals(word, "GT")) {
      options.gt = true;
    } else if (iequals(word, "LT")) {
      options.lt = true;
    } else {
      call.reply.error(fmt::format("ERR Unsupported option {}", word.substr(0, word.find('\0'))));
      return false;
    }
  }
  if (options.nx && (options.xx || options.gt || options.lt)) {
    call.reply.error("ERR NX and XX, GT or LT options at the same time are not compatible");
    return false;
  }
  if (options.gt && options.lt) {
    call.reply.error("ERR GT and LT options at the same time are not compatible");
    return false;
  }
  return true;
}

// Unlike SET's, these may lie in the past, even before 1970.
std::optional<int64_t> read_moment(Call& call, ExpiryUnit unit) {
  const auto number = read_integer(call, call.args[2]);
  if (!number) return std::nullopt;
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  const bool seconds = unit == ExpiryUnit::ex || unit == ExpiryUnit::exat;
  const int64_t base = unit == ExpiryUnit::ex || unit == ExpiryUnit::px ? call.now_ms() : 0;
  int64_t when = *number;
  const bool fits = !seconds || (when <= kMost / 1000 && when >= kLeast / 1000);
  if (fits && seconds) when *= 1000;
  if (!fits || when > kMost - base) {
    call.reply.error(fmt::format("ERR invalid expire time in '{}' command", call.command.name));
    return std::nullopt;
  }
  // (The least number stands for "no expiry" inside.)
  return std::max(when + base, kLeast + 1);
}

bool wanted(const ExpireOptions& options, const Entry& entry, int64_t when) {
  const auto current = entry.expires_at();
  if (options.nx && current) return false;
  if (options.xx && !current) return false;
  // Without an expiry a key lives for ever: longer than any.
  if (options.gt && (!current || when <= to_unix_ms(*current))) return false;
  return !(options.lt && current && when >= to_unix_ms(*current));
}

void expire_generic(Call& call, ExpiryUnit unit) {
  const std::string_view key = call.args[1];
  ExpireOptions options;
  if (!parse_expire(call, options)) return;
  const auto when = read_moment(call, unit);
  if (!when) return;
  const Entry* entry = call.keys.find(call.db(), key);
  if (entry == nullptr || !wanted(options, *entry, *when)) return call.reply.integer(0);
  if (already_expired(call, *when)) {
    call.keys.erase(call.db(), key, free_mode(call.node.config().lazyfree_expire));
    call.notify(kNotifyGeneric, "del", key);
    call.rewrite({delete_command(call.node.config().lazyfree_expire), key});
    return call.reply.integer(1);
  }
  call.keys.set_expiry(call.db(), key, from_unix_ms(*when));
  call.notify(kNotifyGeneric, "expire", key);
  if (unit != ExpiryUnit::pxat) {
    std::vector<std::string> words(call.args.begin(), call.args.end());
    words[0] = "PEXPIREAT";
    words[2] = fmt::format_int(*when).str();
    call.rewrite(std::move(words));
  }
  call.reply.integer(1);
}

// -2: no such key; -1: no expiry.
void reply_expiry(Call& call, bool absolute, bool seconds) {
  const Entry* entry = call.keys.glance(call.db(), call.args[1]);
  if (entry == nullptr) return call.reply.integer(-2);
  const auto expires_at = entry->expires_at();
  if (!expires_at) return call.reply.integer(-1);
  // Any 64-bit number may have been given: no sum or difference here may overflow.
  const int64_t when = to_unix_ms(*expires_at);
  const int64_t value = absolute ? when : when <= call.now_ms() ? 0 : when - call.now_ms();
  const int64_t rounded_up = value % 1000 >= 500 ? 1 : 0;
  call.reply.integer(seconds ? value / 1000 + rounded_up : value);
}

}  // namespace

void expire(Call& call) { expire_generic(call, ExpiryUnit::ex); }
void pexpire(Call& call) { expire_generic(call, ExpiryUnit::px); }
void expireat(Call& call) { expire_generic(call, ExpiryUnit::exat); }
void pexpireat(Call& call) { expire_generic(call, ExpiryUnit::pxat); }

void ttl(Call& call) { reply_expiry(call, false, true); }
void pttl(Call& call) { reply_expiry(call, false, false); }
void expiretime(Call& call) { reply_expiry(call, true, true); }
void pexpiretime(Call& call) { reply_expiry(call, true, false); }

void persist(Call& call) {
  const Entry* entry = call.keys.find(call.db(), call.args[1]);
  const bool changed = entry != nullptr && call.keys.set_expiry(call.db(), call.args[1], std::nullopt);
  if (changed) call.notify(kNotifyGeneric, "persist", call.args[1]);
  call.reply.integer(changed ? 1 : 0);
}

}  // namespace holdfast::node::handlers
