#include "node/persistence/rdb_decoder.h"

#include <liblzf/lzf.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

#include "node/persistence/crc64.h"
#include "node/persistence/rdb_format.h"

namespace holdfast::node {

namespace {
constexpr size_t kReadBufferBytes = 256 * 1024;
constexpr size_t kGrowBytes = 1024 * 1024;  // most that is allocated ahead of the bytes that fill it
}  // namespace

RdbDecoder::RdbDecoder(ByteSource& source, bool checksum) : source_(source), checksum_(checksum) {
  buffer_.resize(kReadBufferBytes);
}

bool RdbDecoder::corrupt(std::string_view what) {
  return failed({fmt::format("Internal error in RDB reading offset {} -> {}", offset(), what), 0});
}

bool RdbDecoder::failed(Error error) {
  if (!error_) error_ = std::move(error);
  return false;
}

bool RdbDecoder::refill() {
  if (error_) return false;
  if (checksum_) crc_ = crc64(crc_, {buffer_.data() + summed_, size_ - summed_});
  base_offset_ += size_;
  position_ = size_ = summed_ = 0;
  auto count = source_.read(buffer_);
  if (!count) return failed(std::move(count.error()));
  if (*count == 0) return failed({std::string(kShortRead), 0});
  size_ = *count;
  if (on_refill_) {
    if (auto done = on_refill_(); !done) return failed(std::move(done.error()));
  }
  return true;
}

uint64_t RdbDecoder::checksum() {
  if (checksum_) crc_ = crc64(crc_, {buffer_.data() + summed_, position_ - summed_});
  summed_ = position_;
  return crc_;
}

bool RdbDecoder::read_byte(uint8_t& byte) {
  if (error_ || (position_ == size_ && !refill())) return false;
  byte = static_cast<uint8_t>(buffer_[position_++]);
  return true;
}

bool RdbDecoder::read_bytes(char* out, size_t count) {
  if (error_) return false;
  while (count > 0) {
    if (position_ == size_ && !refill()) return false;
    const size_t part = std::min(count, size_ - position_);
    std::memcpy(out, buffer_.data() + position_, part);
    position_ += part;
    out += part;
    count -= part;
  }
  return true;
}

bool RdbDecoder::read_little_endian(uint64_t& number, size_t bytes) {
  unsigned char text[8];
  if (!read_bytes(reinterpret_cast<char*>(text), bytes)) return false;
  number = 0;
  for (size_t i = 0; i < bytes; ++i) number |= uint64_t{text[i]} << (8 * i);
  return true;
}

bool RdbDecoder::read_length_or_encoding(Length& length) {
  uint8_t first = 0;
  if (!read_byte(first)) return false;
  const uint8_t form = first >> 6;
  length.encoded = form == rdb::kLengthEncoded;
  if (form == rdb::kLength6Bit || length.encoded) {
    length.value = first & 0x3F;
    return true;
  }
  if (form == rdb::kLength14Bit) {
    uint8_t second = 0;
    if (!read_byte(second)) return false;
    length.value = (uint64_t{first & 0x3FU} << 8) | second;
    return true;
  }
  if (first != rdb::kLength32Bit && first != rdb::kLength64Bit) {
    return corrupt(fmt::format("Unknown length encoding {} in rdbLoadLen()", first));
  }
  unsigned char text[8];
  const size_t width = first == rdb::kLength32Bit ? 4 : 8;
  if (!read_bytes(reinterpret_cast<char*>(text), width)) return false;
  length.value = 0;
  for (size_t i = 0; i < width; ++i) length.value = (length.value << 8) | text[i];
  return true;
}

bool RdbDecoder::read_length(uint64_t& length) {
  Length any;
  if (!read_length_or_encoding(any)) return false;
  if (any.encoded) return corrupt("a length was expected, a string encoding was found");
  length = any.value;
  return true;
}

bool RdbDecoder::read_encoded_integer(uint64_t encoding, int64_t& number) {
  uint64_t bits = 0;
  switch (encoding) {
    case rdb::kEncodingInt8:
      if (!read_little_endian(bits, 1)) return false;
      number = static_cast<int8_t>(bits);
      return true;
    case rdb::kEncodingInt16:
      if (!read_little_endian(bits, 2)) return false;
      number = static_cast<int16_t>(bits);
      return true;
    case rdb::kEncodingInt32:
      if (!read_little_endian(bits, 4)) return false;
      number = static_cast<int32_t>(bits);
      return true;
    default:
      return corrupt(fmt::format("Unknown RDB string encoding type {}", encoding));
  }
}

bool RdbDecoder::read_raw(uint64_t length, std::string& text) {
  text.clear();
  while (text.size() < length) {
    const size_t done = text.size();
    const size_t part = static_cast<size_t>(std::min<uint64_t>(length - done, std::max(kGrowBytes, done)));
    text.resize(done + part);
    if (!read_bytes(text.data() + done, part)) return false;
  }
  return true;
}

bool RdbDecoder::read_lzf(std::string& text) {
  uint64_t packed = 0;
  uint64_t full = 0;
  if (!read_length(packed) || !read_length(full)) return false;
  if (packed == 0 || full == 0 || packed > std::numeric_limits<unsigned>::max() ||
      full > std::numeric_limits<unsigned>::max() || full > packed * rdb::kMaxLzfRatio) {
    return corrupt("Invalid LZF compressed string");
  }
  std::string_view from;
  if (packed <= size_ - position_) {
    from = {buffer_.data() + position_, static_cast<size_t>(packed)};
    position_ += from.size();
  } else {
    if (!read_raw(packed, compressed_)) return false;
    from = compressed_;
  }
  text.resize(full);
  const unsigned size =
      lzf_decompress(from.data(), static_cast<unsigned>(packed), text.data(), static_cast<unsigned>(full));
  if (size != full) return corrupt("Invalid LZF compressed string");
  return true;
}

bool RdbDecoder::read_string(std::string& text) {
  Length length;
  return read_length_or_encoding(length) && read_string_of(length, text);
}

bool RdbDecoder::read_string_of(const Length& length, std::string& text) {
  if (!length.encoded) return read_raw(length.value, text);
  if (length.value == rdb::kEncodingLzf) return read_lzf(text);
  int64_t number = 0;
  if (!read_encoded_integer(length.value, number)) return false;
  char digits[24];
  text.assign(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
  return true;
}

bool RdbDecoder::read_text(std::string_view& text) {
  Length length;
  if (!read_length_or_encoding(length)) return false;
  if (!length.encoded && length.value <= size_ - position_) {
    text = {buffer_.data() + position_, static_cast<size_t>(length.value)};
    position_ += text.size();
    return true;
  }
  if (!read_string_of(length, scratch_)) return false;
  text = scratch_;
  return true;
}

bool RdbDecoder::read_texts_in_place(std::string_view& first, std::string_view& second) {
  const char* at = buffer_.data() + position_;
  const char* const end = buffer_.data() + size_;
  for (std::string_view* text : {&first, &second}) {
    if (end - at < 2) return false;
    size_t length = static_cast<uint8_t>(*at++);
    if (const size_t form = length >> 6; form == rdb::kLength14Bit) {
      length = (length & 0x3F) << 8 | static_cast<uint8_t>(*at++);
    } else if (form != rdb::kLength6Bit) {
      return false;
    }
    if (static_cast<size_t>(end - at) < length) return false;
    *text = {at, length};
    at += length;
  }
  position_ = static_cast<size_t>(at - buffer_.data());
  return true;
}

bool RdbDecoder::read_string_value(std::optional<Value>& value, Lifetime lifetime) {
  const auto string_of = lifetime == Lifetime::own ? Value::string : Value::borrowed_string;
  Length length;
  if (!read_length_or_encoding(length)) return false;
  if (length.encoded && length.value != rdb::kEncodingLzf) {
    int64_t number = 0;
    if (!read_encoded_integer(length.value, number)) return false;
    value = Value::integer(number);
    return true;
  }
  if (!length.encoded && length.value <= size_ - position_) {  // whole in the buffer: one copy, into the value
    value = string_of({buffer_.data() + position_, static_cast<size_t>(length.value)});
    position_ += length.value;
    return true;
  }
  constexpr size_t kLarge = 4000;  // becomes the value's own memory; what is smaller is copied into an entry
  if (!(length.encoded ? read_lzf(scratch_) : read_raw(length.value, scratch_))) return false;
  value = scratch_.size() <= kLarge ? string_of(scratch_) : Value::raw_string(std::exchange(scratch_, {}));
  return true;
}

}  // namespace holdfast::node
