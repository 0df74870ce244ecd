// A value on its way into or out of the data set: a string, or an object of another type (object.h).
//
// The keyspace stores values in its own form (see keyspace/entry.h); a Value is the handle that travels: it either owns
// its bytes or borrows them (from an entry, from a request) and is then valid as long as they are. Move-only: a copy
// that owns its bytes is asked for by name (clone). Executor thread only.
#pragma once

#include <charconv>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "node/types/object.h"

namespace holdfast::node {

class Value {
 public:
  // Room for the decimal text of an integer-encoded string.
  struct Scratch {
    char text[24];
  };

  // A string; text that is a canonical 64-bit integer of up to 20 characters is kept as the integer.
  static Value string(std::string_view bytes);
  // The same without a copy: `bytes` must outlive the value. For what goes straight into the keyspace.
  static Value borrowed_string(std::string_view bytes);
  // Kept as bytes whatever they look like.
  static Value raw_string(std::string bytes) { return Value(std::move(bytes)); }
  static Value integer(int64_t number) { return Value(number); }
  // The bytes of a stored string, as they are.
  static Value borrowed_bytes(std::string_view bytes, bool changed_in_place) { return Value(bytes, changed_in_place); }

  static Value object(std::unique_ptr<Object> object) { return Value(std::move(object)); }
  static Value borrowed_object(const Object& object) { return Value(&object); }

  Value(Value&&) noexcept = default;
  Value& operator=(Value&&) noexcept = default;
  Value clone() const;

  ValueType type() const { return is_object() ? object().type() : ValueType::string; }
  std::string_view encoding() const;  // OBJECT ENCODING's name: "int", "embstr", "raw" or the object's

  bool is_object() const {
    return std::holds_alternative<const Object*>(data_) || std::holds_alternative<std::unique_ptr<Object>>(data_);
  }
  const Object& object() const {
    if (const auto* borrowed = std::get_if<const Object*>(&data_)) return **borrowed;
    return *std::get<std::unique_ptr<Object>>(data_);
  }
  // The same as the caller's own; a borrowed one is cloned.
  std::unique_ptr<Object> take_object() &&;

  // Strings. `bytes` is valid until the value changes or `scratch` goes; a borrowed value's outlive the handle.
  bool is_integer() const { return std::holds_alternative<int64_t>(data_); }
  int64_t integer_value() const { return std::get<int64_t>(data_); }
  std::string_view bytes(Scratch& scratch) const {
    if (const auto* number = std::get_if<int64_t>(&data_)) {
      const char* end = std::to_chars(scratch.text, scratch.text + sizeof scratch.text, *number).ptr;
      return {scratch.text, static_cast<size_t>(end - scratch.text)};
    }
    return text();
  }
  // The bytes of a string that is not an integer.
  std::string_view text() const {
    if (const auto* borrowed = std::get_if<std::string_view>(&data_)) return *borrowed;
    return std::get<std::string>(data_);
  }
  // The same taken out of the handle.
  std::string take_text() &&;
  // The bytes for change in place; an integer becomes its text first. The encoding is "raw" from then on.
  std::string& mutable_bytes();
  bool changed_in_place() const { return changed_in_place_; }

  bool operator==(const Value& other) const;

 private:
  explicit Value(std::unique_ptr<Object> object) : data_(std::move(object)) {}
  explicit Value(const Object* object) : data_(object) {}
  explicit Value(int64_t number) : data_(number) {}
  explicit Value(std::string bytes) : data_(std::move(bytes)) {}
  Value(std::string_view bytes, bool changed_in_place) : data_(bytes), changed_in_place_(changed_in_place) {}

  std::variant<int64_t, std::string, std::string_view, std::unique_ptr<Object>, const Object*> data_;
  bool changed_in_place_ = false;  // such strings stay "raw" however short
};

}  // namespace holdfast::node
