// What maxmemory-policy says: which keys may go, and which of them first. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "node/keyspace/entry.h"

namespace holdfast::node {

enum class EvictionPolicy : uint8_t {
  volatile_lru,
  volatile_lfu,
  volatile_random,
  volatile_ttl,
  allkeys_lru,
  allkeys_lfu,
  allkeys_random,
  noeviction,
};

std::string_view policy_name(EvictionPolicy policy);  // as CONFIG GET shows it

// Only keys with an expiry may go.
constexpr bool only_volatile(EvictionPolicy policy) { return policy <= EvictionPolicy::volatile_ttl; }
constexpr bool by_frequency(EvictionPolicy policy) {
  return policy == EvictionPolicy::volatile_lfu || policy == EvictionPolicy::allkeys_lfu;
}
constexpr bool by_recency(EvictionPolicy policy) {
  return policy == EvictionPolicy::volatile_lru || policy == EvictionPolicy::allkeys_lru;
}
constexpr bool by_chance(EvictionPolicy policy) {
  return policy == EvictionPolicy::volatile_random || policy == EvictionPolicy::allkeys_random;
}

// The higher the sooner the key should go. Not for policies of chance, nor for noeviction.
uint64_t eviction_score(EvictionPolicy policy, const Entry& entry, int64_t now_ms, int decay_minutes);

}  // namespace holdfast::node
