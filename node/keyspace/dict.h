// The hash table of one database: seeded hash, chains, a power-of-two number of buckets, rehash at once.
//
// Executor thread only. Entries have stable addresses from insert to erase or release. The hash is seeded at random, so
// a client cannot choose keys that collide.
//
// scan() walks buckets by a reverse-binary cursor: the cursor's bits are counted from the top, so a bucket of a small
// table stands for the same keys as its descendants in a larger one. An entry that is present from the first call to
// the last is returned at least once, whatever the table grows or shrinks in between; some may be returned twice.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/random.h"
#include "common/time/clock.h"
#include "node/types/value.h"

namespace holdfast::node {

// One key with its value. Only the keyspace changes it; everyone else reads.
class Entry {
 public:
  static constexpr int64_t kNoExpiry = INT64_MIN;

  std::string_view key() const { return key_; }
  const Value& value() const { return value_; }
  bool has_expiry() const { return expires_ms_ != kNoExpiry; }
  std::optional<WallTime> expires_at() const {
    if (!has_expiry()) return std::nullopt;
    return from_unix_ms(expires_ms_);
  }
  // The last access in milliseconds since 1970 UTC, to 1/10 s or better.
  int64_t accessed_ms() const { return accessed_ms_; }
  // Heap bytes of key, value and bookkeeping; the table's own slot is not counted.
  size_t memory_bytes() const {
    return sizeof(Entry) + (key_.capacity() > 15 ? key_.capacity() + 1 : 0) + value_.memory_bytes();
  }

 private:
  friend class Dict;
  friend class Keyspace;
  Entry(std::string_view key, Value value, uint64_t hash) : hash_(hash), key_(key), value_(std::move(value)) {}

  std::unique_ptr<Entry> next_;
  uint64_t hash_;
  int64_t expires_ms_ = kNoExpiry;
  int64_t accessed_ms_ = 0;
  uint32_t expiring_index_ = 0;  // the place in Database::expiring while it has an expiry
  std::string key_;
  Value value_;
};

// SipHash-1-3 of `bytes` under a key of 128 bits.
struct HashSeed {
  uint64_t k0 = 0;
  uint64_t k1 = 0;
};
uint64_t seeded_hash(std::string_view bytes, HashSeed seed);

class Dict {
 public:
  explicit Dict(HashSeed seed) : seed_(seed) {}
  ~Dict() { clear(); }
  Dict(Dict&& other) noexcept;
  Dict& operator=(Dict&& other) noexcept;

  size_t size() const { return size_; }
  size_t bucket_count() const { return buckets_.size(); }
  Entry* find(std::string_view key) const;
  // The key must be absent.
  Entry& insert(std::string_view key, Value value);
  // Takes the entry out; null when absent.
  std::unique_ptr<Entry> release(std::string_view key);
  void clear();
  void reserve(size_t keys);

  // Any entry with about equal chance; null when empty.
  Entry* random(RandomSource& source) const;
  // Visits the entries of one cursor's bucket and returns the next cursor; 0 ends. `visit` must not change the table.
  uint64_t scan(uint64_t cursor, const std::function<void(Entry&)>& visit) const;

  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& head : buckets_) {
      for (Entry* entry = head.get(); entry != nullptr; entry = entry->next_.get()) visit(*entry);
    }
  }

 private:
  size_t bucket_of(uint64_t hash) const { return hash & (buckets_.size() - 1); }
  void resize(size_t buckets);

  HashSeed seed_;
  size_t size_ = 0;
  std::vector<std::unique_ptr<Entry>> buckets_;
};

}  // namespace holdfast::node
