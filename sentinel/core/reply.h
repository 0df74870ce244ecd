// A reply as the core reads it: RESP2's types, owned. The driver converts what it received, unchecked: the core treats
// every shape that it does not expect as an error reply.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace holdfast::sentinel {

struct Reply {
  enum class Type : uint8_t { status, error, integer, bulk, null, array };

  Type type = Type::null;
  std::string text;      // status, error (without the sign), bulk
  int64_t integer = 0;
  std::vector<Reply> elements;

  static Reply status(std::string text) { return {Type::status, std::move(text), 0, {}}; }
  static Reply error(std::string text) { return {Type::error, std::move(text), 0, {}}; }
  static Reply bulk(std::string text) { return {Type::bulk, std::move(text), 0, {}}; }
  static Reply number(int64_t value) { return {Type::integer, {}, value, {}}; }
  static Reply array(std::vector<Reply> elements) { return {Type::array, {}, 0, std::move(elements)}; }

  bool is_error() const { return type == Type::error; }
  bool is_ok() const { return type == Type::status && text == "OK"; }
};

}  // namespace holdfast::sentinel
