// Keys on their way into the data set, many at a time: their entries are made and hashed where they are decoded, which
// may be another thread than the executor's, and Keyspace::insert_batch() puts them into the tables.
//
// One thread at a time. The rules come from the keyspace (load_rules()) and hold as long as no databases are swapped.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/time/clock.h"
#include "node/keyspace/entry.h"
#include "node/keyspace/seeded_hash.h"
#include "node/types/value.h"

namespace holdfast::node {

class EntryBatch {
 public:
  struct Rules {
    std::vector<HashSeed> seeds;  // of the databases
    Access access{0};             // of a new key
  };

  explicit EntryBatch(const Rules& rules) : rules_(&rules) {}  // these must outlive it

  // `db` must be one of the databases. The value is copied where it is borrowed.
  void add(int db, std::string_view key, Value&& value, std::optional<WallTime> expires_at);
  // The database is about to get so many keys: its table makes room in good time. A guess, which costs memory where it
  // is too high.
  void expect(int db, uint64_t keys) { expected_.push_back({db, keys}); }

  size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty() && expected_.empty(); }
  void clear() {
    items_.clear();
    expected_.clear();
  }

 private:
  friend class Keyspace;
  struct Item {
    uint64_t hash;
    EntryPtr entry;
    int db;
  };
  struct Expected {
    int db;
    uint64_t keys;
  };

  const Rules* rules_;
  std::vector<Item> items_;
  std::vector<Expected> expected_;
};

}  // namespace holdfast::node
