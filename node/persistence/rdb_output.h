// The primitives that values are written with in the RDB format, wherever the bytes go: into a file (RdbEncoder), or into
// the records that a snapshot hands to its writer (RecordStream), which leaves strings to be encoded there.
#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast::node {

class RdbOutput {
 public:
  virtual ~RdbOutput() = default;

  virtual void put_bytes(std::string_view bytes) = 0;
  // A string in its shortest form: integer, LZF or raw.
  virtual void put_string(std::string_view text) = 0;
  void put_byte(uint8_t byte) { put_bytes({reinterpret_cast<const char*>(&byte), 1}); }
  void put_little_endian(uint64_t number, size_t bytes);
  void put_length(uint64_t length);
  // An integer as a string.
  void put_integer_string(int64_t number);
  // The integer encodings, for a number that fits.
  void put_encoded_integer(int32_t number);
};

}  // namespace holdfast::node
