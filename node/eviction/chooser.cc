#include "node/eviction/chooser.h"

#include <algorithm>
#include <functional>

namespace holdfast::node {

namespace {

size_t eligible(const Keyspace& keys, int db, EvictionPolicy policy) {
  return only_volatile(policy) ? keys.expire_count(db) : keys.key_count(db);
}

}  // namespace

std::optional<EvictionChooser::Victim> EvictionChooser::choose(const Keyspace& keys, EvictionPolicy policy, int samples,
                                                               int64_t now_ms, RandomSource& random) {
  if (policy != policy_) pool_.clear();
  policy_ = policy;
  if (policy == EvictionPolicy::noeviction) return std::nullopt;
  if (by_chance(policy)) return choose_by_chance(keys, random);
  while (fill(keys, samples, now_ms, random)) {
    while (auto best = pool_.take()) {
      // Since it was seen it may have gone, or lost its expiry.
      const Entry* entry = keys.find_raw(best->db, best->key);
      if (entry == nullptr || (only_volatile(policy) && !entry->has_expiry())) continue;
      // Used since: it goes back to where it belongs.
      const uint64_t score = eviction_score(policy, *entry, now_ms, keys.access_rules().decay_minutes);
      if (score < best->score) {
        pool_.offer(score, best->db, best->key);
        continue;
      }
      return Victim{best->db, std::move(best->key)};
    }
  }
  return std::nullopt;
}

bool EvictionChooser::fill(const Keyspace& keys, int samples, int64_t now_ms, RandomSource& random) {
  bool any = false;
  int db = 0;
  const auto offer = [&](const Entry& entry) {
    pool_.offer(eviction_score(policy_, entry, now_ms, keys.access_rules().decay_minutes), db, entry.key());
  };
  for (; db < keys.database_count(); ++db) {
    if (eligible(keys, db, policy_) == 0) continue;
    any = true;
    keys.sample(db, static_cast<size_t>(std::max(samples, 1)), only_volatile(policy_), random, std::ref(offer));
  }
  return any;
}

std::optional<EvictionChooser::Victim> EvictionChooser::choose_by_chance(const Keyspace& keys, RandomSource& random) {
  for (int tries = 0; tries < keys.database_count(); ++tries) {
    const int db = next_db_ % keys.database_count();
    next_db_ = (db + 1) % keys.database_count();
    if (eligible(keys, db, policy_) == 0) continue;
    std::optional<Victim> victim;
    keys.sample(db, 1, only_volatile(policy_), random,
                [&](const Entry& entry) { victim = Victim{db, std::string(entry.key())}; });
    return victim;
  }
  return std::nullopt;
}

}  // namespace holdfast::node
