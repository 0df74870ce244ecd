// Sorted sets: a listpack of members and scores in turn (type 17), or members with scores of 8 bytes (5), highest first.
// Older: scores as text (3), a ziplist (12).
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "common/base/text.h"
#include "node/collections/zset_object.h"
#include "node/persistence/old_encodings.h"
#include "node/persistence/rdb_format.h"
#include "node/persistence/rdb_value.h"

namespace holdfast::node {

namespace {

// One byte is the length of the text, or one of these.
enum ScoreMark : uint8_t { kNan = 253, kInfinity = 254, kMinusInfinity = 255 };

bool read_text_score(RdbDecoder& in, double& score) {
  uint8_t length = 0;
  if (!in.read_byte(length)) return false;
  constexpr double kInf = std::numeric_limits<double>::infinity();
  if (length == kInfinity || length == kMinusInfinity) {
    score = length == kInfinity ? kInf : -kInf;
    return true;
  }
  char text[kNan];
  if (length == kNan) return in.corrupt("Zset with NAN score detected");
  if (!in.read_bytes(text, length)) return false;
  const auto parsed = parse_double({text, length});
  if (!parsed) return in.corrupt("Invalid score of a sorted set");
  score = *parsed;
  return true;
}

bool read_binary_score(RdbDecoder& in, double& score) {
  uint64_t bits = 0;
  if (!in.read_little_endian(bits, 8)) return false;
  score = std::bit_cast<double>(bits);
  return true;
}

template <class ReadScore>
bool read_elements(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value, ReadScore&& read_score) {
  auto zset = std::make_unique<ZsetObject>();
  uint64_t count = 0;
  std::string member;
  if (!in.read_length(count)) return false;
  for (; count > 0; --count) {
    double score = 0;
    if (!in.read_string(member) || !read_score(in, score)) return false;
    if (std::isnan(score)) return in.corrupt("Zset with NAN score detected");
    if (zset->set(member, score, limits) != ZsetObject::Change::added) {
      return in.corrupt("Duplicate zset fields detected");
    }
  }
  if (!zset->gone()) value = Value::object(std::move(zset));
  return true;
}

}  // namespace

bool read_rdb_zset(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value) {
  return read_elements(in, limits, value, read_text_score);
}

bool read_rdb_zset_2(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value) {
  return read_elements(in, limits, value, read_binary_score);
}

bool read_rdb_zset_listpack(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value) {
  std::string_view block;
  if (!in.read_text(block)) return false;
  if (!Listpack::validate(block)) return in.corrupt("Zset listpack integrity check failed.");
  auto zset = ZsetObject::from_packed(Listpack::copy_of(block), limits);
  if (zset == nullptr) return in.corrupt("Zset listpack integrity check failed.");
  if (!zset->gone()) value = Value::object(std::move(zset));
  return true;
}

bool read_rdb_zset_ziplist(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value) {
  std::string_view block;
  if (!in.read_text(block)) return false;
  auto zset = std::make_unique<ZsetObject>();
  std::optional<std::string> member;
  const bool sound = walk_ziplist(block, [&](std::string_view text) {
    if (!member) {
      member = text;
      return true;
    }
    const auto score = parse_double(text);
    const bool added = score && !std::isnan(*score) && zset->set(*member, *score, limits) == ZsetObject::Change::added;
    member.reset();
    return added;
  });
  if (!sound || member) return in.corrupt("Zset ziplist integrity check failed.");
  if (!zset->gone()) value = Value::object(std::move(zset));
  return true;
}

uint8_t rdb_type_of(const ZsetObject& zset) {
  return zset.packed() != nullptr ? rdb::kTypeZsetListpack : rdb::kTypeZset2;
}

void write_rdb_zset(RdbOutput& out, const ZsetObject& zset) {
  if (const Listpack* pack = zset.packed()) return out.put_string(pack->bytes());
  out.put_length(zset.size());
  // From the end: who reads it inserts each at the beginning, which is the quick case for Redis.
  for (auto at = zset.at(zset.size() - 1); at; at.previous()) {
    out.put_string(at.member());
    out.put_little_endian(std::bit_cast<uint64_t>(at.score()), 8);
  }
}

}  // namespace holdfast::node
