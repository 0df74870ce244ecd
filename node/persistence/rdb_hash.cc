// Hashes: a listpack of fields and values in turn (type 16), or plain fields and values (4). Older: a ziplist (13), a
// zipmap (9). Where a field has an expiry, the formats of Redis 7.4:
//
//   24  earliest expiry (8 bytes, little endian, unix milliseconds) | count | per field: expiry - earliest + 1 as a
//       length (0: none), field, value
//   25  earliest expiry | listpack of field, value, expiry (0: none)
//   22, 23  the same of 7.4's release candidates: without the earliest expiry, all expiries absolute
#include <algorithm>
#include <utility>

#include "node/collections/hash_object.h"
#include "node/persistence/old_encodings.h"
#include "node/persistence/rdb_format.h"
#include "node/persistence/rdb_value.h"

namespace holdfast::node {

namespace {

constexpr std::string_view kDuplicate = "Duplicate hash fields detected";
// The latest expiry that a field can have, as HPEXPIREAT says.
constexpr uint64_t kMaxExpiry = (uint64_t{1} << 46) - 1;

void finish(std::unique_ptr<HashObject> hash, std::optional<Value>& value) {
  if (!hash->gone()) value = Value::object(std::move(hash));
}

// Takes texts in turn as fields and values; false when a field comes twice.
class PairTaker {
 public:
  PairTaker(HashObject& hash, const EncodingLimits& limits) : hash_(hash), limits_(limits) {}
  bool operator()(std::string_view text) {
    if (!field_) {
      field_ = text;
      return true;
    }
    const bool fresh = hash_.set(*field_, text, limits_);
    field_.reset();
    return fresh;
  }
  bool complete() const { return !field_; }

 private:
  HashObject& hash_;
  const EncodingLimits& limits_;
  std::optional<std::string> field_;
};

template <class Walk>
bool read_old_block(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value, Walk&& walk,
                    std::string_view fault) {
  std::string_view block;
  if (!in.read_text(block)) return false;
  auto hash = std::make_unique<HashObject>();
  PairTaker take(*hash, limits);
  if (!walk(block, std::ref(take)) || !take.complete()) return in.corrupt(fault);
  finish(std::move(hash), value);
  return true;
}

// The fields of types 22 and 24; `base` is what their expiries are counted from.
bool read_fields_with_expiry(RdbDecoder& in, const EncodingLimits& limits, uint64_t base, std::optional<Value>& value) {
  auto hash = std::make_unique<HashObject>();
  uint64_t count = 0;
  std::string field;
  std::string_view text;
  if (!in.read_length(count)) return false;
  for (; count > 0; --count) {
    uint64_t expiry = 0;
    if (!in.read_length(expiry) || !in.read_string(field) || !in.read_text(text)) return false;
    if (expiry != 0 && (base > kMaxExpiry || expiry > kMaxExpiry - base)) {
      return in.corrupt("Hash field with an invalid expiry");
    }
    if (expiry != 0) expiry += base;
    const int64_t expires_ms = expiry == 0 ? HashObject::kNoExpiry : static_cast<int64_t>(expiry);
    if (!hash->set(field, text, limits, expires_ms)) return in.corrupt(kDuplicate);
  }
  finish(std::move(hash), value);
  return true;
}

bool read_listpack_with_expiry(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value) {
  constexpr std::string_view kFault = "Hash listpack integrity check failed.";
  std::string_view block;
  if (!in.read_text(block)) return false;
  if (!Listpack::validate(block)) return in.corrupt(kFault);
  const Listpack pack = Listpack::copy_of(block);
  if (pack.count() % 3 != 0) return in.corrupt(kFault);
  auto hash = std::make_unique<HashObject>();
  Listpack::Scratch field, text;
  for (auto at = pack.first(); at != Listpack::kEnd;) {
    const auto value_at = pack.next(at);
    const auto expiry_at = pack.next(value_at);
    const Listpack::Element expiry = pack.get(expiry_at);
    if (!expiry.integer || *expiry.integer < 0 || static_cast<uint64_t>(*expiry.integer) > kMaxExpiry) {
      return in.corrupt(kFault);
    }
    const int64_t expires_ms = *expiry.integer == 0 ? HashObject::kNoExpiry : *expiry.integer;
    if (!hash->set(pack.get(at).view(field), pack.get(value_at).view(text), limits, expires_ms)) {
      return in.corrupt(kFault);
    }
    at = pack.next(expiry_at);
  }
  finish(std::move(hash), value);
  return true;
}

void write_with_expiry(RdbOutput& out, const HashObject& hash) {
  const int64_t earliest = hash.next_expiry_ms();
  out.put_little_endian(static_cast<uint64_t>(earliest), 8);
  out.put_length(hash.size());
  hash.for_each([&](std::string_view field, std::string_view value, int64_t expires_ms) {
    out.put_length(expires_ms == HashObject::kNoExpiry ? 0 : static_cast<uint64_t>(expires_ms - earliest) + 1);
    out.put_string(field);
    out.put_string(value);
  });
}

}  // namespace

bool read_rdb_hash(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value) {
  auto hash = std::make_unique<HashObject>();
  uint64_t count = 0;
  std::string field;
  std::string_view text;
  if (!in.read_length(count)) return false;
  for (; count > 0; --count) {
    if (!in.read_string(field) || !in.read_text(text)) return false;
    if (!hash->set(field, text, limits)) return in.corrupt(kDuplicate);
  }
  finish(std::move(hash), value);
  return true;
}

bool read_rdb_hash_listpack(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value) {
  std::string_view block;
  if (!in.read_text(block)) return false;
  if (!Listpack::validate(block)) return in.corrupt("Hash listpack integrity check failed.");
  Listpack pack = Listpack::copy_of(block);
  if (pack.empty()) return true;
  auto hash = std::make_unique<HashObject>();
  if (!hash->load_packed(std::move(pack), limits)) return in.corrupt("Hash listpack integrity check failed.");
  finish(std::move(hash), value);
  return true;
}

bool read_rdb_hash_ziplist(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value) {
  return read_old_block(in, limits, value, walk_ziplist, "Hash ziplist integrity check failed.");
}

bool read_rdb_hash_zipmap(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value) {
  return read_old_block(in, limits, value, walk_zipmap, "Zipmap integrity check failed.");
}

bool read_rdb_hash_metadata(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value) {
  uint64_t earliest = 0;
  if (!in.read_little_endian(earliest, 8)) return false;
  // Without any expiry the earliest is a mark outside of the range.
  return read_fields_with_expiry(in, limits, earliest == 0 ? 0 : earliest - 1, value);
}

bool read_rdb_hash_metadata_pre_ga(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value) {
  return read_fields_with_expiry(in, limits, 0, value);
}

bool read_rdb_hash_listpack_ex(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value) {
  uint64_t earliest = 0;  // a hint: the listpack's expiries are absolute
  return in.read_little_endian(earliest, 8) && read_listpack_with_expiry(in, limits, value);
}

bool read_rdb_hash_listpack_ex_pre_ga(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value) {
  return read_listpack_with_expiry(in, limits, value);
}

uint8_t rdb_type_of(const HashObject& hash) {
  if (hash.packed() != nullptr) return rdb::kTypeHashListpack;
  return hash.next_expiry_ms() != Object::kNoElementExpiry ? rdb::kTypeHashMetadata : rdb::kTypeHash;
}

void write_rdb_hash(RdbOutput& out, const HashObject& hash) {
  if (const Listpack* pack = hash.packed()) return out.put_string(pack->bytes());
  if (hash.next_expiry_ms() != Object::kNoElementExpiry) return write_with_expiry(out, hash);
  out.put_length(hash.size());
  hash.for_each([&](std::string_view field, std::string_view value, int64_t) {
    out.put_string(field);
    out.put_string(value);
  });
}

}  // namespace holdfast::node
