// How saved data travels between the keyspace and the formats of persistence/ and replication/, neither knowing the
// other. Executor thread (or the child of a save) only.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "common/base/result.h"
#include "common/time/clock.h"
#include "node/keyspace/entry_batch.h"
#include "node/types/value.h"

namespace holdfast::node {

// One key as a save sees it. Views are valid during the call.
struct EntryView {
  int db = 0;
  std::string_view key;
  const Value& value;
  std::optional<WallTime> expires_at;
};

// Where a save reads from. Entries of one database come together, databases in ascending order.
class DataSource {
 public:
  virtual ~DataSource() = default;
  virtual size_t key_count(int db) const = 0;
  virtual size_t expire_count(int db) const = 0;
  virtual int database_count() const = 0;
  // Whether any value has elements that expire.
  virtual bool has_element_expiry() const { return false; }
  // Stops at the first error and returns it.
  virtual Result<> for_each(const std::function<Result<>(const EntryView&)>& visit) const = 0;
};

// Where a load writes to. A duplicate key is an error of the file.
class DataLoader {
 public:
  virtual ~DataLoader() = default;
  virtual Result<> insert(int db, std::string_view key, Value value, std::optional<WallTime> expires_at) = 0;
  // A loader that takes keys by the batch says how they are to be made (and gets none one by one then); others say nothing.
  virtual std::optional<EntryBatch::Rules> load_rules() const { return std::nullopt; }
  // Takes all and leaves the batch empty. The keys before one that is there already are taken.
  virtual Result<> insert_batch(EntryBatch& batch) {
    batch.clear();
    return fail("keys by the batch are not taken here");
  }
  virtual void end_load() {}  // no more of this file
};

}  // namespace holdfast::node
