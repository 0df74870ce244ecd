// A data set in memory for tests of the formats: both ends of a save and a load.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "node/keyspace/data_visitor.h"

namespace holdfast::test {

class MemoryDataSet final : public node::DataSource, public node::DataLoader {
 public:
  struct Entry {
    std::string bytes;
    bool integer = false;  // kept as an integer
    std::optional<int64_t> expires_ms;
    bool operator==(const Entry&) const = default;
  };
  using Database = std::map<std::string, Entry>;

  static Entry text(std::string bytes, std::optional<int64_t> expires_ms = std::nullopt) {
    const bool integer = node::Value::string(bytes).is_integer();
    return {std::move(bytes), integer, expires_ms};
  }
  void put(int db, std::string key, std::string bytes, std::optional<int64_t> expires_ms = std::nullopt) {
    databases[db].insert_or_assign(std::move(key), text(std::move(bytes), expires_ms));
  }

  size_t key_count(int db) const override { return databases.contains(db) ? databases.at(db).size() : 0; }
  size_t expire_count(int db) const override {
    size_t count = 0;
    if (databases.contains(db)) {
      for (const auto& [key, entry] : databases.at(db)) count += entry.expires_ms.has_value();
    }
    return count;
  }
  int database_count() const override { return 16; }

  Result<> for_each(const std::function<Result<>(const node::EntryView&)>& visit) const override {
    for (const auto& [db, entries] : databases) {
      for (const auto& [key, entry] : entries) {
        const node::Value value =
            entry.integer ? node::Value::string(entry.bytes) : node::Value::raw_string(entry.bytes);
        std::optional<WallTime> expires_at;
        if (entry.expires_ms) expires_at = from_unix_ms(*entry.expires_ms);
        if (auto done = visit({db, key, value, expires_at}); !done) return done;
      }
    }
    return {};
  }

  Result<> insert(int db, std::string_view key, node::Value value, std::optional<WallTime> expires_at) override {
    node::Value::Scratch scratch;
    // Of a value with elements only the type is kept.
    const std::string_view bytes = value.is_object() ? node::type_name(value.type()) : value.bytes(scratch);
    Entry entry{std::string(bytes), value.is_integer(), std::nullopt};
    if (expires_at) entry.expires_ms = to_unix_ms(*expires_at);
    if (!databases[db].emplace(key, std::move(entry)).second)
      return fail("RDB has duplicated key '{}' in DB {}", key, db);
    return {};
  }

  std::map<int, Database> databases;
};

}  // namespace holdfast::test
