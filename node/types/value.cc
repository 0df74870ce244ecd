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

Value Value::string(std::string_view bytes) {
  if (bytes.size() <= 20) {
    if (const auto number = parse_int64(bytes)) return Value(*number);
  }
  return Value(std::string(bytes));
}

Value Value::clone() const {
  if (is_integer()) return Value(integer_value());
  Value copy(std::get<std::string>(data_));
  copy.changed_in_place_ = changed_in_place_;
  return copy;
}

std::string_view Value::encoding() const {
  if (is_integer()) return "int";
  return std::get<std::string>(data_).size() <= 44 && !changed_in_place_ ? "embstr" : "raw";
}

std::string& Value::mutable_bytes() {
  if (is_integer()) {
    Scratch scratch;
    data_ = std::string(bytes(scratch));
  }
  changed_in_place_ = true;
  return std::get<std::string>(data_);
}

size_t Value::memory_bytes() const {
  const auto* text = std::get_if<std::string>(&data_);
  if (text == nullptr || text->capacity() < sizeof(std::string) / 2) return 0;
  return text->capacity() + 1;
}

}  // namespace holdfast::node
