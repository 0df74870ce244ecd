// Which transactions watch which keys: optimistic locking for MULTI/EXEC.
//
// Executor thread only. A transaction becomes stale when a key it watches is changed, deleted, expires after WATCH, or
// goes with its database (FLUSHDB, FLUSHALL, SWAPDB). A key that was expired already when it was watched counts as
// absent: its late deletion is no change.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/time/clock.h"
#include "node/keyspace/keyspace.h"
#include "node/transactions/transaction.h"

namespace holdfast::node {

class WatchTable {
 public:
  void watch(Transaction& transaction, const Keyspace& keys, int db, std::string_view key);
  void unwatch(Transaction& transaction);

  // A key that was alive at WATCH has passed its expiry without anyone having deleted it.
  static bool expired_since_watch(const Transaction& transaction, const Keyspace& keys);

  // From the keyspace's observer. The last two are called before it happens.
  void touched(const Keyspace& keys, int db, std::string_view key) {
    if (!watchers_.empty()) touch(keys, db, key);
  }
  void flushing(const Keyspace& keys, int db);
  void swapping(const Keyspace& keys, int a, int b);

  size_t watched_keys() const { return watchers_.size(); }

 private:
  void touch(const Keyspace& keys, int db, std::string_view key);

  struct Place {
    int db;
    std::string key;
    bool operator==(const Place&) const = default;
  };
  struct PlaceHash {
    size_t operator()(const Place& place) const {
      return std::hash<std::string_view>()(place.key) * 31 + static_cast<size_t>(place.db);
    }
  };
  static Transaction::Watched* watched_in(Transaction& transaction, int db, std::string_view key);
  // Database `db` is replaced by the contents of `by` (-1: by nothing).
  void replaced(const Keyspace& keys, int db, int by);

  std::unordered_map<Place, std::vector<Transaction*>, PlaceHash> watchers_;
};

}  // namespace holdfast::node
