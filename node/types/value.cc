#include "node/types/value.h"

#include "common/base/text.h"

namespace holdfast::node {

std::string_view type_name(ValueType type) {
  switch (type) {
    case ValueType::string:
      return "string";
    case ValueType::list:
      return "list";
    case ValueType::set:
      return "set";
    case ValueType::zset:
      return "zset";
    case ValueType::hash:
      return "hash";
    case ValueType::stream:
      return "stream";
  }
  return "none";
}

namespace {

constexpr size_t kLongestInteger = 20;   // "-9223372036854775808"
constexpr size_t kLongestEmbedded = 44;  // where Redis stops saying "embstr"

}  // namespace

Value Value::string(std::string_view bytes) {
  if (bytes.size() <= kLongestInteger) {
    if (const auto number = parse_int64(bytes)) return Value(*number);
  }
  return Value(std::string(bytes));
}

Value Value::borrowed_string(std::string_view bytes) {
  if (bytes.size() <= kLongestInteger) {
    if (const auto number = parse_int64(bytes)) return Value(*number);
  }
  return Value(bytes, false);
}

Value Value::clone() const {
  if (is_object()) return Value(object().clone());
  if (is_integer()) return Value(integer_value());
  Value copy{std::string(text())};
  copy.changed_in_place_ = changed_in_place_;
  return copy;
}

std::string_view Value::encoding() const {
  if (is_object()) return object().encoding();
  if (is_integer()) return "int";
  return text().size() <= kLongestEmbedded && !changed_in_place_ ? "embstr" : "raw";
}

std::unique_ptr<Object> Value::take_object() && {
  if (auto* owned = std::get_if<std::unique_ptr<Object>>(&data_)) return std::move(*owned);
  return object().clone();
}

std::string Value::take_text() && {
  if (auto* owned = std::get_if<std::string>(&data_)) return std::move(*owned);
  return std::string(text());
}

std::string& Value::mutable_bytes() {
  if (!std::holds_alternative<std::string>(data_)) {
    Scratch scratch;
    data_ = std::string(bytes(scratch));
  }
  changed_in_place_ = true;
  return std::get<std::string>(data_);
}

bool Value::operator==(const Value& other) const {
  if (is_object() || other.is_object()) return is_object() == other.is_object() && &object() == &other.object();
  if (is_integer() != other.is_integer()) return false;
  return is_integer() ? integer_value() == other.integer_value() : text() == other.text();
}

}  // namespace holdfast::node
