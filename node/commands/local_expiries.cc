#include "node/commands/local_expiries.h"

namespace holdfast::node {

void LocalExpiries::note(const Keyspace& keys, int db, std::string_view key) {
  const Entry* entry = keys.find_raw(db, key);
  if (entry != nullptr && entry->has_expiry()) names_.emplace(db, key);
}

void LocalExpiries::forget_database(int db) {
  names_.erase(names_.lower_bound({db, ""}), names_.lower_bound({db + 1, ""}));
}

void LocalExpiries::expire(Keyspace& keys, WallTime now, size_t budget) {
  keys.begin(now, ExpiryMode::remove);
  auto name = names_.lower_bound(next_);
  for (budget = std::min(budget, names_.size()); budget > 0; --budget) {
    if (name == names_.end()) name = names_.begin();
    const auto& [db, key] = *name;
    const Entry* entry = keys.peek(db, key);  // an expired one goes, and the observer is told
    name = entry == nullptr || !entry->has_expiry() ? names_.erase(name) : std::next(name);
  }
  next_ = name == names_.end() ? Name() : *name;
}

}  // namespace holdfast::node
