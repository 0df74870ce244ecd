// Sets: an intset (type 11), plain members (2), or since Redis 7.2 a listpack of them (20).
#include <utility>

#include "node/collections/set_object.h"
#include "node/persistence/rdb_format.h"
#include "node/persistence/rdb_value.h"
#include "node/types/listpack.h"

namespace holdfast::node {

bool read_rdb_set(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value) {
  auto set = std::make_unique<SetObject>();
  uint64_t count = 0;
  if (!in.read_length(count)) return false;
  for (; count > 0; --count) {
    std::string_view member;
    if (!in.read_text(member)) return false;
    if (!set->add(member, limits)) return in.corrupt("Duplicate set members detected");
  }
  if (!set->gone()) value = Value::object(std::move(set));
  return true;
}

bool read_rdb_set_intset(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value) {
  std::string_view block;
  if (!in.read_text(block)) return false;
  if (!Intset::validate(block)) return in.corrupt("Intset integrity check failed.");
  auto set = std::make_unique<SetObject>();
  set->load_intset(Intset::copy_of(block), limits);
  if (!set->gone()) value = Value::object(std::move(set));
  return true;
}

bool read_rdb_set_listpack(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value) {
  std::string_view block;
  if (!in.read_text(block)) return false;
  if (!Listpack::validate(block)) return in.corrupt("Set listpack integrity check failed.");
  const Listpack pack = Listpack::copy_of(block);
  auto set = std::make_unique<SetObject>();
  Listpack::Scratch scratch;
  for (auto at = pack.first(); at != Listpack::kEnd; at = pack.next(at)) {
    if (!set->add(pack.get(at).view(scratch), limits)) return in.corrupt("Set listpack integrity check failed.");
  }
  if (!set->gone()) value = Value::object(std::move(set));
  return true;
}

uint8_t rdb_type_of(const SetObject& set) { return set.intset() != nullptr ? rdb::kTypeSetIntset : rdb::kTypeSet; }

void write_rdb_set(RdbOutput& out, const SetObject& set) {
  if (const Intset* integers = set.intset()) return out.put_string(integers->bytes());
  out.put_length(set.size());
  set.for_each([&](std::string_view member) { out.put_string(member); });
}

}  // namespace holdfast::node
