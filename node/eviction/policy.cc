#include "node/eviction/policy.h"

#include "common/base/assert.h"

namespace holdfast::node {

std::string_view policy_name(EvictionPolicy policy) {
  switch (policy) {
    case EvictionPolicy::volatile_lru: return "volatile-lru";
    case EvictionPolicy::volatile_lfu: return "volatile-lfu";
    case EvictionPolicy::volatile_random: return "volatile-random";
    case EvictionPolicy::volatile_ttl: return "volatile-ttl";
    case EvictionPolicy::allkeys_lru: return "allkeys-lru";
    case EvictionPolicy::allkeys_lfu: return "allkeys-lfu";
    case EvictionPolicy::allkeys_random: return "allkeys-random";
    case EvictionPolicy::noeviction: break;
  }
  return "noeviction";
}

uint64_t eviction_score(EvictionPolicy policy, const Entry& entry, int64_t now_ms, int decay_minutes) {
  if (by_recency(policy)) return static_cast<uint64_t>(entry.idle_ms(now_ms));
  if (by_frequency(policy)) return 255u - entry.access().frequency(now_ms, decay_minutes);
  HOLDFAST_ASSERT(policy == EvictionPolicy::volatile_ttl);
  const auto expires_at = entry.expires_at();
  // The earlier the higher; times before 1970 are the earliest.
  return expires_at && to_unix_ms(*expires_at) > 0 ? UINT64_MAX - static_cast<uint64_t>(to_unix_ms(*expires_at))
                                                   : UINT64_MAX;
}

}  // namespace holdfast::node
