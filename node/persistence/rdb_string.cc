// Strings in the RDB format.
#include "node/persistence/rdb_value.h"

namespace holdfast::node {

bool read_rdb_string(RdbDecoder& in, const EncodingLimits&, std::optional<Value>& value) { return in.read_string_value(value); }

void write_rdb_string(RdbOutput& out, const Value& value) {
  if (value.is_integer()) {
    out.put_integer_string(value.integer_value());
    return;
  }
  Value::Scratch scratch;
  out.put_string(value.bytes(scratch));
}

}  // namespace holdfast::node
