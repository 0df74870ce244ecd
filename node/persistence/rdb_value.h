// Values in the RDB format: one row per RDB type, one source file per family of types (rdb_string.cc ...).
//
// A new type is a reader function in its own file, its name in the table of rdb_value.cc, and a case in write_value.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "node/persistence/rdb_decoder.h"
#include "node/persistence/rdb_encoder.h"
#include "node/types/value.h"

namespace holdfast::node {

struct RdbValueType {
  uint8_t type;
  std::string_view name;
  // Reads the value after its type byte and key; false with the decoder's error latched. Null: refused.
  bool (*read)(RdbDecoder&, std::optional<Value>&);
};

// The row of an RDB type byte; null where the format has no such type.
const RdbValueType* find_rdb_value_type(uint8_t type);

// The type byte under which `value` is written, and its bytes (which follow the key).
uint8_t rdb_type_of(const Value& value);
void write_rdb_value(RdbEncoder& out, const Value& value);

// rdb_string.cc
bool read_rdb_string(RdbDecoder& in, std::optional<Value>& value);
void write_rdb_string(RdbEncoder& out, const Value& value);

}  // namespace holdfast::node
