#include "node/transactions/watch_table.h"

#include <algorithm>

namespace holdfast::node {
namespace {

bool past_expiry(const Keyspace& keys, const Entry* entry) {
  return entry != nullptr && entry->has_expiry() && keys.now() > *entry->expires_at();
}

// What watching a key takes: its name here and there, and the places.
size_t watched_bytes(std::string_view key) { return 2 * key.size() + 160; }

}  // namespace

Transaction::Watched* WatchTable::watched_in(Transaction& transaction, int db, std::string_view key) {
  for (auto& watched : transaction.watched_) {
    if (watched.db == db && watched.key == key) return &watched;
  }
  return nullptr;
}

void WatchTable::watch(Transaction& transaction, const Keyspace& keys, int db, std::string_view key) {
  if (watched_in(transaction, db, key) != nullptr) return;
  const bool expired = past_expiry(keys, keys.find_raw(db, key));
  transaction.watched_.push_back({db, std::string(key), expired});
  transaction.watched_bytes_ += watched_bytes(key);
  watchers_[Place{db, std::string(key)}].push_back(&transaction);
}

void WatchTable::unwatch(Transaction& transaction) {
  for (const auto& watched : transaction.watched_) {
    const auto found = watchers_.find(Place{watched.db, watched.key});
    std::erase(found->second, &transaction);
    if (found->second.empty()) watchers_.erase(found);
  }
  transaction.watched_.clear();
  transaction.watched_bytes_ = 0;
  transaction.stale_ = false;
}

bool WatchTable::expired_since_watch(const Transaction& transaction, const Keyspace& keys) {
  return std::ranges::any_of(transaction.watched_, [&](const Transaction::Watched& watched) {
    return !watched.expired && past_expiry(keys, keys.find_raw(watched.db, watched.key));
  });
}

void WatchTable::touch(const Keyspace& keys, int db, std::string_view key) {
  const auto found = watchers_.find(Place{db, std::string(key)});
  if (found == watchers_.end()) return;
  for (Transaction* transaction : found->second) {
    Transaction::Watched* watched = watched_in(*transaction, db, key);
    if (watched->expired && keys.find_raw(db, key) == nullptr) {
      watched->expired = false;  // what was logically absent is now absent
      continue;
    }
    transaction->stale_ = true;
  }
}

void WatchTable::replaced(const Keyspace& keys, int db, int by) {
  for (auto& [place, transactions] : watchers_) {
    if (place.db != db) continue;
    const Entry* old_entry = keys.find_raw(db, place.key);
    const Entry* new_entry = by < 0 ? nullptr : keys.find_raw(by, place.key);
    if (old_entry == nullptr && new_entry == nullptr) continue;
    for (Transaction* transaction : transactions) {
      Transaction::Watched* watched = watched_in(*transaction, db, place.key);
      const bool absent_before = watched->expired || old_entry == nullptr;
      const bool absent_after = new_entry == nullptr || past_expiry(keys, new_entry);
      if (absent_before && absent_after) {
        watched->expired = new_entry != nullptr;
      } else {
        transaction->stale_ = true;
      }
    }
  }
}

void WatchTable::flushing(const Keyspace& keys, int db) { replaced(keys, db, -1); }

void WatchTable::swapping(const Keyspace& keys, int a, int b) {
  replaced(keys, a, b);
  replaced(keys, b, a);
}

}  // namespace holdfast::node
