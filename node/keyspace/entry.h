// One key with its value and expiry: one block of memory.
//
//   offset 0   header: payload kind (2 bits), has-expiry (1), access (29, see access.h), key length (16), value length (16)
//          8   [8] expiry, milliseconds since 1970 UTC            when it has one
//              [8] the integer, or the pointer to a std::string or an Object   for those payloads
//              [8] the key's length                               when it does not fit into the header
//              the key's bytes, then the value's bytes when they are embedded
//
// Strings of up to kMaxEmbedded bytes are embedded; longer ones, and those changed in place, are a std::string beside.
// Values with elements are an Object beside. The address is stable until the entry is changed (a
// change may need a larger block) or removed. Blocks are allocated in the allocator's own size classes, so what is
// counted is what is used. Executor thread only; only the keyspace changes an entry.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/time/clock.h"
#include "node/keyspace/access.h"
#include "node/types/allocation.h"
#include "node/types/value.h"

namespace holdfast::node {

class Entry {
 public:
  static constexpr int64_t kNoExpiry = INT64_MIN;
  static constexpr size_t kMaxEmbedded = 4000;

  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  std::string_view key() const { return {body() + key_offset(), key_length()}; }
  // key() == key, without a call for the usual lengths.
  bool has_key(std::string_view key) const {
    const size_t length = key_length();
    if (length != key.size()) return false;
    const char* const own = body() + key_offset();
    if (length < 8 || length > 32) return length == 0 || std::memcmp(own, key.data(), length) == 0;
    uint64_t differs = word_at(own + length - 8) ^ word_at(key.data() + length - 8);  // where alike names differ
    for (size_t i = 0; i + 8 < length; i += 8) differs |= word_at(own + i) ^ word_at(key.data() + i);
    return differs == 0;
  }
  // Borrowed from the entry: valid until it changes.
  Value value() const;
  ValueType type() const { return payload() == Payload::object ? object()->type() : ValueType::string; }
  // Only of a value with elements.
  const Object* object() const { return std::bit_cast<const Object*>(load(word_offset())); }
  // The bytes of a string: what value().bytes(scratch) gives, at less cost. Borrowed from the entry or from `scratch`.
  std::string_view bytes(Value::Scratch& scratch) const {
    if (embeds()) return {body() + key_offset() + key_length(), value_length_};
    if (payload() == Payload::external) return external();
    return value().bytes(scratch);
  }
  // What an expiry is kept as; the lowest numbers have other meanings.
  static int64_t expiry_ms(WallTime at) { return std::max(to_unix_ms(at), kNoExpiry + 2); }
  bool has_expiry() const { return has_expiry_ != 0; }
  std::optional<WallTime> expires_at() const {
    if (!has_expiry()) return std::nullopt;
    return from_unix_ms(expires_ms());
  }
  Access access() const { return Access(access_); }
  int64_t idle_ms(int64_t now_ms) const { return access().idle_ms(now_ms); }
  // The bytes of key, value and bookkeeping; the table's own slot is not counted.
  size_t memory_bytes() const { return block_bytes() + external_bytes(); }

 private:
  friend class Dict;
  friend class EntryBatch;
  friend class Keyspace;
  friend struct EntryDeleter;
  friend class Segment;

  enum class Payload : uint32_t { integer, embedded, embedded_raw, external, object };
  // Two bits for five kinds: an object is an external payload whose length says so.
  static constexpr uint16_t kObjectMark = 0xffff;
  static constexpr uint32_t kLongKey = 0xffff;

  static std::unique_ptr<Entry, struct EntryDeleter> create(std::string_view key, Value&& value, int64_t expires_ms);
  // With the string beside whatever its length.
  static std::unique_ptr<Entry, struct EntryDeleter> create_external(std::string_view key, std::string text,
                                                                     int64_t expires_ms);
  // Writes value and expiry over the old ones when the result needs a block of the same size; false when it does not,
  // and then nothing has changed, `value` included. `value` must not borrow from this entry.
  bool assign_in_place(Value& value, int64_t expires_ms);
  // The usual case of that: a value of the same kind and length, and an expiry where there was one. Nothing moves.
  bool overwrite(const Value& value, int64_t expires_ms) {
    if ((expires_ms != kNoExpiry) != has_expiry() || value.is_object()) return false;
    if (value.is_integer()) {
      if (payload() != Payload::integer) return false;
      store(word_offset(), value.integer_value());
    } else {
      const std::string_view text = value.text();
      if (text.size() != value_length_ || payload() != (value.changed_in_place() ? Payload::embedded_raw : Payload::embedded)) {
        return false;
      }
      std::memcpy(body() + key_offset() + key_length(), text.data(), text.size());
    }
    if (has_expiry()) store(0, expires_ms);
    return true;
  }
  // The same for the expiry alone.
  bool set_expiry_in_place(int64_t expires_ms);
  // The value, leaving an entry fit only for destruction.
  Value take_value();
  // Only with an external payload.
  std::string& external() const;

  Entry() = default;
  ~Entry() = default;

  static constexpr uint32_t kExternalBits = static_cast<uint32_t>(Payload::external);
  bool has_word() const { return payload_ == static_cast<uint32_t>(Payload::integer) || payload_ == kExternalBits; }
  bool embeds() const { return !has_word(); }
  bool lies_beside() const { return payload_ == kExternalBits; }  // a string or an object
  Payload payload() const {
    return payload_ == kExternalBits && value_length_ == kObjectMark ? Payload::object : static_cast<Payload>(payload_);
  }
  static bool is_word(Payload kind) { return kind == Payload::integer || kind >= Payload::external; }
  void set_payload_bits(Payload kind) { payload_ = std::min(static_cast<uint32_t>(kind), kExternalBits); }
  void drop_payload();
  Object& mutable_object() const { return *std::bit_cast<Object*>(load(word_offset())); }
  char* body() { return reinterpret_cast<char*>(this + 1); }
  const char* body() const { return reinterpret_cast<const char*>(this + 1); }
  static uint64_t word_at(const char* from) {
    uint64_t word;
    std::memcpy(&word, from, sizeof word);
    return word;
  }
  size_t key_offset() const {
    return 8 * (static_cast<size_t>(has_expiry_) + static_cast<size_t>(has_word()) +
                static_cast<size_t>(key_length_ == kLongKey));
  }
  size_t key_length() const {
    return key_length_ != kLongKey ? key_length_ : static_cast<size_t>(load(key_offset() - 8));
  }
  int64_t expires_ms() const { return has_expiry() ? load(0) : kNoExpiry; }
  size_t word_offset() const { return static_cast<size_t>(has_expiry_) * 8; }
  int64_t load(size_t offset) const {
    int64_t word;
    std::memcpy(&word, body() + offset, sizeof word);
    return word;
  }
  void store(size_t offset, int64_t word) { std::memcpy(body() + offset, &word, sizeof word); }
  size_t used_bytes() const { return sizeof(Entry) + key_offset() + key_length() + (embeds() ? value_length_ : 0); }
  size_t block_bytes() const { return allocation_size(used_bytes()); }
  size_t external_bytes() const;
  void set_access(Access access) { access_ = access.bits(); }
  void write_payload(Value& value, Payload kind);
  static Payload payload_for(const Value& value);
  static std::unique_ptr<Entry, struct EntryDeleter> create(std::string_view key, Value& value, Payload kind,
                                                            int64_t expires_ms);

  uint32_t payload_ : 2 = 0;
  uint32_t has_expiry_ : 1 = 0;
  uint32_t access_ : 29 = 0;
  uint16_t key_length_ = 0;
  uint16_t value_length_ = 0;
};
static_assert(sizeof(Entry) == 8 && alignof(Entry) <= 8);

struct EntryDeleter {
  void operator()(Entry* entry) const;
};
using EntryPtr = std::unique_ptr<Entry, EntryDeleter>;

}  // namespace holdfast::node
