// Loading: keys come in by the batch, and the memory they go to is asked for some keys ahead.
#include <algorithm>

#include "common/base/assert.h"
#include "node/keyspace/keyspace.h"

namespace holdfast::node {

std::optional<EntryBatch::Rules> Keyspace::load_rules() const {
  EntryBatch::Rules rules{{}, Access::of_new_key(to_unix_ms(now_), rules_)};
  for (const Database& database : databases_) rules.seeds.push_back(database.dict.seed());
  return rules;
}

Result<> Keyspace::insert_batch(EntryBatch& batch) {
  constexpr size_t kAhead = 24;
  for (const auto& expected : batch.expected_) {
    if (expected.db < 0 || expected.db >= database_count()) continue;
    Dict& dict = databases_[expected.db].dict;
    dict.expect_size(dict.size() + expected.keys);
  }
  auto& items = batch.items_;
  const auto fetch = [&](const EntryBatch::Item& item) { databases_[item.db].dict.prefetch_vacancy(item.hash); };
  for (size_t i = 0; i < std::min(kAhead, items.size()); ++i) fetch(items[i]);
  for (size_t i = 0; i < items.size(); ++i) {
    if (i + kAhead < items.size()) fetch(items[i + kAhead]);
    EntryBatch::Item& item = items[i];
    Database& database = databases_[item.db];
    const Entry& entry = *item.entry;
    before(item.db, entry.key(), nullptr);
    if (!database.dict.adopt(item.hash, item.entry)) {
      auto twice = fail("the key '{}' appears twice in database {}", entry.key(), item.db);
      batch.clear();
      return twice;
    }
    note_elements(database, entry);
  }
  batch.clear();
  return {};
}

void Keyspace::exchange(Keyspace& other) {
  HOLDFAST_ASSERT(database_count() == other.database_count());
  databases_.swap(other.databases_);
  for (int db = 0; observer_ != nullptr && db < database_count(); ++db) observer_->before_flush(db);
}

void Keyspace::end_load() {
  for (Database& database : databases_) database.dict.expect_size(0);
}

}  // namespace holdfast::node
