#include "node/persistence/rdb_encoder.h"

#include <liblzf/lzf.h>

#include <charconv>
#include <limits>

#include "common/base/text.h"
#include "node/persistence/crc64.h"
#include "node/persistence/rdb_format.h"

namespace holdfast::node {

namespace {
constexpr size_t kBufferBytes = 64 * 1024;
}

RdbEncoder::RdbEncoder(ByteSink& sink, Options options) : sink_(sink), options_(options) {
  buffer_.reserve(kBufferBytes + 64);
}

void RdbEncoder::put_byte(uint8_t byte) {
  if (buffer_.size() >= kBufferBytes) (void)flush();
  buffer_.push_back(static_cast<char>(byte));
}

void RdbEncoder::put_bytes(std::string_view bytes) {
  if (buffer_.size() + bytes.size() > kBufferBytes) (void)flush();
  if (bytes.size() < kBufferBytes) {
    buffer_.append(bytes);
  } else {
    hand_over(bytes);  // large: not worth a copy
  }
}

void RdbEncoder::put_little_endian(uint64_t number, size_t bytes) {
  char text[8];
  for (size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(number >> (8 * i));
  put_bytes({text, bytes});
}

void RdbEncoder::put_length(uint64_t length) {
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

void RdbEncoder::put_encoded_integer(int32_t number) {
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

void RdbEncoder::put_integer_string(int64_t number) {
  if (number >= std::numeric_limits<int32_t>::min() && number <= std::numeric_limits<int32_t>::max()) {
    put_encoded_integer(static_cast<int32_t>(number));
    return;
  }
  char text[24];
  const char* end = std::to_chars(text, text + sizeof text, number).ptr;
  put_length(static_cast<uint64_t>(end - text));
  put_bytes({text, static_cast<size_t>(end - text)});
}

void RdbEncoder::put_string(std::string_view text) {
  if (text.size() <= rdb::kMaxIntegerText) {
    const auto number = parse_int64(text);
    if (number && *number >= std::numeric_limits<int32_t>::min() && *number <= std::numeric_limits<int32_t>::max()) {
      put_encoded_integer(static_cast<int32_t>(*number));
      return;
    }
  }
  if (options_.compression && text.size() > rdb::kMinLzfBytes && put_lzf(text)) return;
  put_length(text.size());
  put_bytes(text);
}

bool RdbEncoder::put_lzf(std::string_view text) {
  if (text.size() > std::numeric_limits<unsigned>::max()) return false;
  const size_t room = text.size() - rdb::kLzfGain;
  if (compressed_.size() < room) compressed_.resize(room);
  const unsigned size =
      lzf_compress(text.data(), static_cast<unsigned>(text.size()), compressed_.data(), static_cast<unsigned>(room));
  if (size == 0) return false;
  put_byte((rdb::kLengthEncoded << 6) | rdb::kEncodingLzf);
  put_length(size);
  put_length(text.size());
  put_bytes({compressed_.data(), size});
  return true;
}

void RdbEncoder::put_checksum() {
  (void)flush();  // brings crc_ up to date
  const uint64_t footer = options_.checksum ? crc_ : 0;
  put_little_endian(footer, 8);
  (void)flush();
}

Result<> RdbEncoder::flush() {
  hand_over(buffer_);
  buffer_.clear();
  return status_;
}

void RdbEncoder::hand_over(std::string_view bytes) {
  if (!status_ || bytes.empty()) return;
  if (options_.checksum) crc_ = crc64(crc_, bytes);
  status_ = sink_.write(bytes);
  flushed_ += bytes.size();
}

}  // namespace holdfast::node
