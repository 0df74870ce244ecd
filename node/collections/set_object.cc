#include "node/collections/set_object.h"

#include <algorithm>
#include <charconv>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "node/keyspace/seeded_hash.h"
#include "node/types/allocation.h"

namespace holdfast::node {

namespace {

Dict new_table() { return Dict(collection_seed(), Dict::Scale::collection); }

void insert_absent(Dict& dict, std::string_view member, uint64_t hash) {
  dict.insert(hash, member, Value::borrowed_bytes({}, false), Entry::kNoExpiry);
}

}  // namespace

std::string_view SetObject::text_of(int64_t number, Scratch& scratch) {
  const char* end = std::to_chars(scratch.text, scratch.text + sizeof scratch.text, number).ptr;
  return {scratch.text, static_cast<size_t>(end - scratch.text)};
}

SetObject::SetObject(const SetObject& other) : Object(other) {
  if (const Intset* integers = other.intset()) {
    form_ = *integers;
    return;
  }
  auto copy = std::make_unique<Dict>(new_table());
  other.for_each([&](std::string_view member) { insert_absent(*copy, member, copy->hash(member)); });
  form_ = std::move(copy);
}

size_t SetObject::memory_bytes() const {
  const size_t own = allocation_size(sizeof(SetObject));
  return own + (intset() != nullptr ? intset()->memory_bytes() : allocation_size(sizeof(Dict)) + table()->memory_bytes());
}

bool SetObject::contains(std::string_view member) const {
  if (const Intset* integers = intset()) {
    const auto number = parse_int64(member);
    return number && integers->contains(*number);
  }
  return table()->find(member) != nullptr;
}

std::string_view SetObject::random(RandomSource& random, Scratch& scratch) const {
  if (const Intset* integers = intset()) return text_of((*integers)[random.below(integers->size())], scratch);
  return table()->random(random)->key();
}

uint64_t SetObject::scan(uint64_t cursor, const std::function<void(std::string_view)>& visit) const {
  if (intset() != nullptr) {
    for_each(visit);
    return 0;
  }
  return table()->scan(cursor, [&](Entry& entry) { visit(entry.key()); });
}

size_t SetObject::most_integers(const EncodingLimits& limits) {
  return std::min<uint64_t>(limits.set_intset_entries, uint64_t{1} << 30);
}

void SetObject::convert() {
  auto table = std::make_unique<Dict>(new_table());
  for_each([&](std::string_view member) { insert_absent(*table, member, table->hash(member)); });
  form_ = std::move(table);
}

bool SetObject::add(std::string_view member, const EncodingLimits& limits) {
  if (Intset* integers = small()) {
    if (const auto number = parse_int64(member)) {
      if (!integers->insert(*number)) return false;
      if (integers->size() > most_integers(limits)) convert();
      return true;
    }
    convert();
  }
  Dict& dict = large();
  const Dict::Place place = dict.locate(member);
  if (place.entry != nullptr) return false;
  insert_absent(dict, member, place.hash);
  return true;
}

bool SetObject::remove(std::string_view member) {
  if (Intset* integers = small()) {
    const auto number = parse_int64(member);
    return number && integers->erase(*number);
  }
  const Dict::Place place = large().locate(member);
  if (place.entry == nullptr) return false;
  large().release(place);
  return true;
}

void SetObject::rebuild(const EncodingLimits& limits) {
  SetObject fresh;
  for_each([&](std::string_view member) { fresh.add(member, limits); });
  form_ = std::move(fresh.form_);
}

void SetObject::load_intset(Intset set, const EncodingLimits& limits) {
  HOLDFAST_ASSERT(size() == 0);
  form_ = std::move(set);
  if (size() > most_integers(limits)) convert();
}

void SetObject::load_large() {
  if (intset() != nullptr) convert();
}

}  // namespace holdfast::node
