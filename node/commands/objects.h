// How handlers get at values with elements: looked up by type, changed under the keyspace's eyes.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "node/commands/arguments.h"
#include "node/commands/call.h"
#include "node/types/object.h"

namespace holdfast::node {

// What a look-up of a certain type (a class with a member kType) found. `wrong`: WRONGTYPE has been answered.
template <class Type>
struct Found {
  const Type* object = nullptr;  // null: no such key
  bool wrong = false;
};

template <class Type>
Found<Type> typed(Call& call, const Entry* entry) {
  if (entry == nullptr) return {};
  if (entry->type() != Type::kType) {
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

// What an edit came to.
struct Edited {
  bool wrong = false;   // WRONGTYPE has been answered
  size_t changes = 0;
  bool gone = false;    // the object was left empty and the key has gone
  explicit operator bool() const { return !wrong; }
};

// edit_object() where the key has been looked up.
template <class Type, class Change>
Edited edit_object_at(Call& call, std::string_view key, const Dict::Place& place, IfAbsent absent, Change&& change) {
  if (place.entry == nullptr) {
    if (absent == IfAbsent::leave) return {};
    auto made = std::make_unique<Type>();
    const size_t changes = change(*made);
    if (changes == 0 || made->gone()) return {.changes = 0};
    call.keys.add_object(call.db(), key, std::move(made), changes);
    return {.changes = changes};
  }
  if (place.entry->type() != Type::kType) {
    call.reply.error(kWrongType);
    return {.wrong = true};
  }
  const auto done = call.keys.change_object<Type>(call.db(), place, change);
  return {.changes = done.changes, .gone = done.gone};
}

// Changes the object at `key`: `change(Type&)` returns how many changes it made (none: nothing is told to anybody).
// Creates the object before, or removes the key after that, as need be. Not called when there is no such key and none is
// to be created.
template <class Type, class Change>
Edited edit_object(Call& call, std::string_view key, IfAbsent absent, Change&& change) {
  return edit_object_at<Type>(call, key, call.keys.find_place(call.db(), key), absent, change);
}

// The keyspace events of an edit: the type's own, and "del" when the key has gone with it.
inline void notify_edit(Call& call, const Edited& edited, uint32_t event_class, std::string_view event,
                        std::string_view key) {
  if (edited.changes == 0) return;
  call.notify(event_class, event, key);
  if (edited.gone) call.notify(kNotifyGeneric, "del", key);
}

}  // namespace holdfast::node
