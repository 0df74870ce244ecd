// A hash: fields with values, each field with an expiry of its own if it was given one.
//
// Small hashes are one listpack, field, value, field, value ... ("listpack"); large ones, and those of which a field has
// an expiry, are a table of entries ("hashtable"), and stay one. The bounds are given with each change, so that they can
// be set at any time.
//
// A field's expiry is in unix milliseconds; the hash reads no clock. Whoever reads says which fields are over: those that
// expired before `hidden_before` (kHideNothing: none) are not found and not walked. They stay until they are removed:
// size() counts them. An index in the order of expiry finds the due ones without a walk.
// Executor thread only. Views are valid until the next change (or until the scratch goes).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "common/base/random.h"
#include "node/collections/limits.h"
#include "node/keyspace/dict.h"
#include "node/types/allocation.h"
#include "node/types/listpack.h"
#include "node/types/movable_allocator.h"
#include "node/types/object.h"

namespace holdfast::node {

class HashObject final : public Object {
 public:
  static constexpr ValueType kType = ValueType::hash;
  static constexpr int64_t kNoExpiry = Entry::kNoExpiry;
  static constexpr int64_t kHideNothing = INT64_MIN;
  using Scratch = Listpack::Scratch;

  HashObject() = default;
  HashObject(const HashObject& other);
  HashObject(HashObject&& other) noexcept = default;

  ValueType type() const override { return ValueType::hash; }
  std::string_view encoding() const override { return table_ ? "hashtable" : "listpack"; }
  size_t size() const override { return table_ ? table_->dict.size() : pack_.count() / 2; }
  size_t memory_bytes() const override {
    return allocation_size(sizeof(HashObject)) + (table_ ? large_bytes() : pack_.memory_bytes());
  }
  size_t effort() const override { return table_ ? table_->dict.size() : 1; }
  std::unique_ptr<Object> clone() const override { return std::make_unique<HashObject>(*this); }
  bool clear_some() override { return table_ != nullptr && table_->dict.clear_some(); }
  Object* relocate(Compaction& work) override;
  bool compact(CompactionCursor& cursor, Compaction& work) override;
  int64_t next_expiry_ms() const override {
    return table_ && !table_->expiring.empty() ? table_->expiring.begin()->first : kNoExpiry;
  }
  std::vector<std::string> remove_expired_elements(int64_t before_ms, size_t most) override;

  bool prefetch(unsigned step) const override {  // of the packed form
    if (step == 0) pack_.prefetch(Listpack::kPrefetchedBytes);
    return false;
  }

  // --- Reading ---
  struct Field {
    std::string_view value;
    int64_t expires_ms = kNoExpiry;
  };
  std::optional<Field> find(std::string_view field, Scratch& scratch, int64_t hidden_before = kHideNothing) const;
  std::optional<std::string_view> get(std::string_view field, Scratch& scratch,
                                      int64_t hidden_before = kHideNothing) const;
  bool contains(std::string_view field, int64_t hidden_before = kHideNothing) const;
  // Fields that are not hidden.
  size_t visible(int64_t hidden_before) const;
  // visit(field, value, expires_ms) for each; must not change the hash.
  template <class Visit>
  void for_each(Visit&& visit, int64_t hidden_before = kHideNothing) const;
  // A random field that is not hidden, each with about the same chance; there must be one.
  std::pair<std::string_view, std::string_view> random(RandomSource& random, Scratch& field, Scratch& value,
                                                       int64_t hidden_before = kHideNothing) const;
  // Visits some fields and returns the next cursor, 0 at the end; the packed form gives all at once. Dict::scan says what
  // is promised.
  using VisitPair = std::function<void(std::string_view field, std::string_view value)>;
  uint64_t scan(uint64_t cursor, const VisitPair& visit, int64_t hidden_before = kHideNothing) const;

  // --- Changing ---
  // True: the field is new. The field's expiry becomes `expires_ms`.
  bool set(std::string_view field, std::string_view value, const EncodingLimits& limits, int64_t expires_ms = kNoExpiry);
  bool erase(std::string_view field);
  // The field must be present; kNoExpiry takes the expiry away.
  void set_expiry(std::string_view field, int64_t expires_ms);
  // Large form where a field or value of this size asks for it.
  void convert_for(std::string_view text, const EncodingLimits& limits);

  // --- Saving and loading ---
  const Listpack* packed() const { return table_ ? nullptr : &pack_; }  // null in the large form
  // Of a valid listpack. False, and nothing has changed, when it is no hash: empty, a field without a value, or a field
  // twice. The hash must be empty.
  bool load_packed(Listpack pack, const EncodingLimits& limits);
  // Null in the packed form (DEBUG HTSTATS-KEY).
  const Dict* table() const override { return table_ ? &table_->dict : nullptr; }

 private:
  using Expiry = std::pair<int64_t, Entry*>;
  using Expiring = std::set<Expiry, std::less<Expiry>, MovableAllocator<Expiry>>;
  struct Table {
    Table();
    Dict dict;
    Expiring expiring;  // exactly the entries that have an expiry
  };
  class EntryMoves;
  void compact_index(CompactionCursor& cursor, Compaction& work);
  static bool hidden(int64_t expires_ms, int64_t before) { return expires_ms != kNoExpiry && expires_ms < before; }
  static int64_t expiry_of(const Entry& entry) { return entry.has_expiry() ? to_unix_ms(*entry.expires_at()) : kNoExpiry; }
  static std::string_view value_of(const Entry& entry) {
    Value::Scratch unused;  // values of fields are never kept as integers
    return entry.bytes(unused);
  }
  Listpack::Position find_packed(std::string_view field) const {
    return pack_.empty() ? Listpack::kEnd : pack_.find(pack_.first(), field, 2);
  }
  void convert();
  size_t large_bytes() const;  // of the table
  void index(Entry& entry) {
    if (entry.has_expiry()) table_->expiring.emplace(expiry_of(entry), &entry);
  }
  void unindex(Entry& entry) {
    if (entry.has_expiry()) table_->expiring.erase({expiry_of(entry), &entry});
  }

  Listpack pack_;  // of no use once there is a table
  std::unique_ptr<Table> table_;
};

template <class Visit>
void HashObject::for_each(Visit&& visit, int64_t hidden_before) const {
  if (table_) {
    table_->dict.for_each([&](const Entry& entry) {
      const int64_t expires_ms = expiry_of(entry);
      if (!hidden(expires_ms, hidden_before)) visit(entry.key(), value_of(entry), expires_ms);
    });
    return;
  }
  Scratch field, value;
  for (auto at = pack_.first(); at != Listpack::kEnd;) {
    const auto value_at = pack_.next(at);
    visit(pack_.get(at).view(field), pack_.get(value_at).view(value), kNoExpiry);
    at = pack_.next(value_at);
  }
}

}  // namespace holdfast::node
