// A value of the data set. Strings are all there is so far; every further type becomes one more alternative here.
//
// Owned by the keyspace and touched by the executor thread only. Move-only: a copy is asked for by name (clone).
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace holdfast::node {

enum class ValueType : uint8_t { string, list, set, zset, hash, stream };
std::string_view type_name(ValueType type);  // as TYPE answers

class Value {
 public:
  // Room for the decimal text of an integer-encoded string.
  struct Scratch {
    char text[24];
  };

  // A string; text that is a canonical 64-bit integer of up to 20 characters is kept as the integer.
  static Value string(std::string_view bytes);
  // Kept as bytes whatever they look like.
  static Value raw_string(std::string bytes) { return Value(std::move(bytes)); }
  static Value integer(int64_t number) { return Value(number); }

  Value(Value&&) noexcept = default;
  Value& operator=(Value&&) noexcept = default;
  Value clone() const;

  ValueType type() const { return ValueType::string; }
  std::string_view encoding() const;  // OBJECT ENCODING's name: "int", "embstr", "raw"

  // Strings. `bytes` is valid until the value changes or `scratch` goes.
  bool is_integer() const { return std::holds_alternative<int64_t>(data_); }
  int64_t integer_value() const { return std::get<int64_t>(data_); }
  std::string_view bytes(Scratch& scratch) const {
    if (const auto* number = std::get_if<int64_t>(&data_)) {
      const char* end = std::to_chars(scratch.text, scratch.text + sizeof scratch.text, *number).ptr;
      return {scratch.text, static_cast<size_t>(end - scratch.text)};
    }
    return std::get<std::string>(data_);
  }
  // The bytes for change in place (APPEND, SETRANGE, SETBIT); an integer becomes its text first. The encoding is "raw"
  // from then on.
  std::string& mutable_bytes();

  size_t memory_bytes() const;  // heap beyond sizeof(Value)

  bool operator==(const Value& other) const { return data_ == other.data_; }

 private:
  explicit Value(int64_t number) : data_(number) {}
  explicit Value(std::string bytes) : data_(std::move(bytes)) {}

  std::variant<int64_t, std::string> data_;
  bool changed_in_place_ = false;  // such strings stay "raw" however short
};

}  // namespace holdfast::node
