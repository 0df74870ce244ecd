// How the commands of hashes get at one. A field that has expired is hidden from readers and from writers alike; one that
// a write names is deleted on the way, where expired data may be deleted (not on a replica), and told as HDEL. What no
// command names is left to the active expiry.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "node/collections/hash_object.h"
#include "node/commands/node.h"
#include "node/commands/objects.h"

namespace holdfast::node {

// The words of a command that name fields: args[first], and every `step`th after that, `count` of them.
struct FieldWords {
  size_t first = 2;
  size_t count = 1;
  size_t step = 1;
  std::string_view at(const Call& call, size_t i) const { return call.args[first + i * step]; }
};

// Deletes those of the named fields that have expired.
void expire_named_fields(Call& call, const Dict::Place& place, const FieldWords& fields);

// Readies the hash at `key` for a change of these fields.
inline Dict::Place find_hash_place(Call& call, std::string_view key, const FieldWords& fields) {
  const Dict::Place place = call.keys.find_place(call.db(), key);
  if (place.entry == nullptr || place.entry->type() != ValueType::hash) return place;
  const int64_t next = place.entry->object()->next_expiry_ms();
  if (next == Object::kNoElementExpiry || next >= call.keys.hidden_before_ms()) return place;
  expire_named_fields(call, place, fields);
  return call.keys.find_place(call.db(), key);
}

// edit_object() for hashes.
template <class Change>
Edited edit_hash(Call& call, std::string_view key, const FieldWords& fields, IfAbsent absent, Change&& change) {
  return edit_object_at<HashObject>(call, key, find_hash_place(call, key, fields), absent, change);
}

}  // namespace holdfast::node
