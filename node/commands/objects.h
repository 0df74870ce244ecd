// How handlers get at values with elements: looked up by type, changed under the keyspace's eyes.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "node/commands/arguments.h"
#include "node/commands/call.h"
#include "node/types/object.h"

namespace holdfast::node {

// The type that a class of objects has; specialised beside each class's handlers.
template <class Type>
inline constexpr ValueType kTypeOf = Type::kType;

// What a look-up of a certain type found. `wrong`: WRONGTYPE has been answered.
template <class Type>
struct Found {
  const Type* object = nullptr;  // null: no such key
  bool wrong = false;
};

template <class Type>
Found<Type> typed(Call& call, const Entry* entry) {
  if (entry == nullptr) return {};
  if (entry->type() != kTypeOf<Type>) {
    call.reply.error(kWrongType);
    return {nullptr, true};
  }
  return {static_cast<const Type*>(entry->object())};
}

// For commands that only read: counts a hit or miss.
template <class Type>
Found<Type> read_object(Call& call, std::string_view key) {
  return typed<Type>(call, call.keys.read(call.db(), key));
}

// For commands that look before they change.
template <class Type>
Found<Type> find_object(Call& call, std::string_view key) {
  return typed<Type>(call, call.keys.find(call.db(), key));
}

enum class IfAbsent : uint8_t { leave, create };

// Changes the object at `key`: `change(Type&)` returns how many changes it made (none: nothing is told to anybody).
// Creates the object before, or removes the key after that, as need be; the key's removal is told ("del"). Nothing when
// the key has another type, which has been answered; 0 when there is none and none was to be created.
template <class Type, class Change>
std::optional<size_t> edit_object(Call& call, std::string_view key, IfAbsent absent, Change&& change) {
  const Entry* entry = call.keys.find(call.db(), key);
  if (entry == nullptr) {
    if (absent == IfAbsent::leave) return 0;
    auto made = std::make_unique<Type>();
    const size_t changes = change(*made);
    if (changes > 0 && !made->gone()) call.keys.add_object(call.db(), key, std::move(made), changes);
    return changes;
  }
  if (entry->type() != kTypeOf<Type>) {
    call.reply.error(kWrongType);
    return std::nullopt;
  }
  return call.keys.change_object(call.db(), *entry, [&](Object& object) { return change(static_cast<Type&>(object)); });
}

}  // namespace holdfast::node
