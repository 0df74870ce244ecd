// rdb-key-save-delay and key-load-delay: a data set that is slow to walk, a loader that is slow to fill. For tests of
// what happens meanwhile. A negative delay waits a microsecond once in so many keys on average.
//
// Used by the thread that saves or loads.
#pragma once

#include <chrono>

#include "common/base/random.h"
#include "node/keyspace/data_visitor.h"

namespace holdfast::node {

class KeyDelay {
 public:
  explicit KeyDelay(std::chrono::microseconds delay);
  void wait();
  Micros next();  // how long the next wait would be

 private:
  std::chrono::microseconds delay_;
  SeededRandom random_;
};

class SlowDataSource final : public DataSource {
 public:
  // Both live longer than this; the delay is read when a walk begins.
  SlowDataSource(const DataSource& source, const std::chrono::microseconds& delay) : source_(source), delay_(delay) {}
  size_t key_count(int db) const override { return source_.key_count(db); }
  size_t expire_count(int db) const override { return source_.expire_count(db); }
  int database_count() const override { return source_.database_count(); }
  Result<> for_each(const std::function<Result<>(const EntryView&)>& visit) const override;

 private:
  const DataSource& source_;
  const std::chrono::microseconds& delay_;
};

class SlowLoader final : public DataLoader {
 public:
  SlowLoader(DataLoader& loader, std::chrono::microseconds delay) : loader_(loader), delay_(delay) {}
  Result<> insert(int db, std::string_view key, Value value, std::optional<WallTime> expires_at) override;

 private:
  DataLoader& loader_;
  KeyDelay delay_;
};

}  // namespace holdfast::node
