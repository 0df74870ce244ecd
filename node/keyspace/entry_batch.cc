#include "node/keyspace/entry_batch.h"

#include <algorithm>
#include <utility>

#include "common/base/assert.h"

namespace holdfast::node {

void EntryBatch::add(int db, std::string_view key, Value&& value, std::optional<WallTime> expires_at) {
  HOLDFAST_ASSERT(db >= 0 && static_cast<size_t>(db) < rules_->seeds.size());
  const int64_t expires_ms = expires_at ? Entry::expiry_ms(*expires_at) : Entry::kNoExpiry;
  EntryPtr entry = Entry::create(key, std::move(value), expires_ms);
  entry->set_access(rules_->access);
  items_.push_back({seeded_hash(key, rules_->seeds[static_cast<size_t>(db)]), std::move(entry), db});
}

}  // namespace holdfast::node
