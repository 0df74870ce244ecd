// The data of a simulated node: two databases of sixteen keys, each a number, changed by commands as they stand in the
// replication stream. One of them (MIX) depends on the value before it, so a command that is lost, repeated or out of
// order changes the digest.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::replication_simulation {

constexpr size_t kDatabases = 2;
constexpr size_t kKeys = 16;

class DataSet {
 public:
  // SET key number [padding], MIX key number [padding], FLUSHALL; anything else changes nothing.
  void apply(int db, std::span<const std::string_view> argv);
  uint64_t digest() const { return digest_; }

  std::string serialize() const;
  static DataSet parse(std::string_view text);

 private:
  void store(size_t db, size_t key, uint64_t value);

  std::array<std::array<uint64_t, kKeys>, kDatabases> values_{};  // 0: no such key
  uint64_t digest_ = 0;
};

// A client of the node, or the primary's stream: the selected database and an open MULTI.
class StreamSession {
 public:
  explicit StreamSession(int db = 0) : db_(db) {}
  int db() const { return db_; }
  void execute(DataSet& data, std::span<const std::string_view> argv);

 private:
  void execute_now(DataSet& data, std::span<const std::string_view> argv);

  int db_;
  bool queueing_ = false;
  std::vector<std::vector<std::string>> queued_;
};

}  // namespace holdfast::replication_simulation
