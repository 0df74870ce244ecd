#include "node/persistence/rdb_output.h"

#include <charconv>
#include <limits>

#include "node/persistence/rdb_format.h"

namespace holdfast::node {

void RdbOutput::put_little_endian(uint64_t number, size_t bytes) {
  char text[8];
  for (size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(number >> (8 * i));
  put_bytes({text, bytes});
}

void RdbOutput::put_length(uint64_t length) {
  char text[9];
  size_t size = 1;
  if (length < (1U << 6)) {
    text[0] = static_cast<char>(length);
  } else if (length < (1U << 14)) {
    text[0] = static_cast<char>((rdb::kLength14Bit << 6) | (length >> 8));
    text[1] = static_cast<char>(length);
    size = 2;
  } else {
    const bool wide = length > std::numeric_limits<uint32_t>::max();
    const size_t width = wide ? 8 : 4;
    text[0] = static_cast<char>(wide ? rdb::kLength64Bit : rdb::kLength32Bit);
    for (size_t i = 0; i < width; ++i) text[1 + i] = static_cast<char>(length >> (8 * (width - 1 - i)));
    size = 1 + width;
  }
  put_bytes({text, size});
}

void RdbOutput::put_encoded_integer(int32_t number) {
  const auto lead = [](uint8_t encoding) { return static_cast<uint8_t>((rdb::kLengthEncoded << 6) | encoding); };
  if (number >= std::numeric_limits<int8_t>::min() && number <= std::numeric_limits<int8_t>::max()) {
    put_byte(lead(rdb::kEncodingInt8));
    put_byte(static_cast<uint8_t>(number));
  } else if (number >= std::numeric_limits<int16_t>::min() && number <= std::numeric_limits<int16_t>::max()) {
    put_byte(lead(rdb::kEncodingInt16));
    put_little_endian(static_cast<uint16_t>(number), 2);
  } else {
    put_byte(lead(rdb::kEncodingInt32));
    put_little_endian(static_cast<uint32_t>(number), 4);
  }
}

void RdbOutput::put_integer_string(int64_t number) {
  if (number >= std::numeric_limits<int32_t>::min() && number <= std::numeric_limits<int32_t>::max()) {
    put_encoded_integer(static_cast<int32_t>(number));
    return;
  }
  char text[24];
  const char* end = std::to_chars(text, text + sizeof text, number).ptr;
  put_length(static_cast<uint64_t>(end - text));
  put_bytes({text, static_cast<size_t>(end - text)});
}

}  // namespace holdfast::node
