// The primitives of the RDB format in the reading direction: bytes, lengths, strings, running checksum.
//
// The input is hostile: memory grows as bytes arrive, never by a length field alone. The first failure is latched
// (every later read returns false); error() tells it. The end of the source in the middle of anything is kShortRead.
// One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "node/persistence/byte_stream.h"
#include "node/types/value.h"

namespace holdfast::node {

class RdbDecoder {
 public:
  static constexpr std::string_view kShortRead = "Short read or OOM loading DB. Unrecoverable error, aborting now.";

  RdbDecoder(ByteSource& source, bool checksum);

  bool read_byte(uint8_t& byte);
  bool read_bytes(char* out, size_t count);
  bool read_little_endian(uint64_t& number, size_t bytes);
  bool read_length(uint64_t& length);  // an encoding in its place is corruption
  bool read_string(std::string& text);
  // The same without a copy where there can be one: valid until the next read.
  bool read_text(std::string_view& text);
  // Two strings that lie in the buffer, whole and as they are: no copies, and both are valid until the next read. False:
  // they do not, and nothing was read.
  bool read_texts_in_place(std::string_view& first, std::string_view& second);
  // A borrowed value is valid until the next read.
  enum class Lifetime : uint8_t { own, borrowed };
  bool read_string_value(std::optional<Value>& value, Lifetime lifetime = Lifetime::own);
  bool skip_string() { return read_string(scratch_); }

  // Called about each kReadBufferBytes, in the middle of long values too. An error ends the reading.
  void on_refill(std::function<Result<>()> callback) { on_refill_ = std::move(callback); }

  // Latches the error that offset() of the file holds what it must not; returns false.
  bool corrupt(std::string_view what);
  bool failed(Error error);  // latches as it is

  bool ok() const { return !error_; }
  const Error& error() const { return *error_; }  // after a read returned false
  uint64_t offset() const { return base_offset_ + position_; }
  uint64_t checksum();  // of all bytes read so far

 private:
  struct Length {
    uint64_t value = 0;  // a length, or where `encoded` the encoding
    bool encoded = false;
  };
  bool read_length_or_encoding(Length& length);
  bool read_encoded_integer(uint64_t encoding, int64_t& number);
  bool read_string_of(const Length& length, std::string& text);
  bool read_raw(uint64_t length, std::string& text);
  bool read_lzf(std::string& text);
  bool refill();

  ByteSource& source_;
  const bool checksum_;
  std::string buffer_;
  size_t position_ = 0;       // next byte to read in buffer_
  size_t size_ = 0;           // bytes valid in buffer_
  size_t summed_ = 0;         // bytes of buffer_ that crc_ covers
  uint64_t base_offset_ = 0;  // file offset of buffer_[0]
  uint64_t crc_ = 0;
  std::function<Result<>()> on_refill_;
  std::string compressed_;
  std::string scratch_;
  std::optional<Error> error_;
};

}  // namespace holdfast::node
