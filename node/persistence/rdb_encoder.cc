#include "node/persistence/rdb_encoder.h"

#include <liblzf/lzf.h>

#include <limits>

#include "common/base/text.h"
#include "node/persistence/crc64.h"
#include "node/persistence/rdb_format.h"

namespace holdfast::node {

namespace {
constexpr size_t kWriteBufferBytes = 64 * 1024;
constexpr size_t kShort = ShortLzf::kMaxBytes;
}  // namespace

RdbEncoder::RdbEncoder(ByteSink& sink, Options options) : sink_(sink), options_(options) {
  buffer_.reserve(kWriteBufferBytes + 64);
}

void RdbEncoder::put_bytes(std::string_view bytes) {
  if (buffer_.size() + bytes.size() > kWriteBufferBytes) (void)flush();
  if (bytes.size() < kWriteBufferBytes) {
    buffer_.append(bytes);
  } else {
    hand_over(bytes);  // large: not worth a copy
  }
}

void RdbEncoder::put_string(std::string_view text) {
  if (text.size() <= rdb::kMaxIntegerText) {
    const auto number = parse_int64(text);
    if (number && *number >= std::numeric_limits<int32_t>::min() && *number <= std::numeric_limits<int32_t>::max()) {
      put_encoded_integer(static_cast<int32_t>(*number));
      return;
    }
  }
  if (options_.compression && text.size() > rdb::kMinLzfBytes && worth_compressing(text.size())) {
    const bool shorter = put_lzf(text);
    if (shorter || text.size() <= kShort) vain_ = shorter ? 0 : vain_ + 1;
    if (shorter) return;
  }
  put_length(text.size());
  put_bytes(text);
}

// Trying costs more than all the rest for a short string: where none of the last could be made shorter, few are tried.
bool RdbEncoder::worth_compressing(size_t bytes) {
  constexpr unsigned kPatience = 64, kOneIn = 16;
  if (bytes > kShort || vain_ < kPatience) return true;
  return ++vain_ % kOneIn == 0;
}

bool RdbEncoder::put_lzf(std::string_view text) {
  const std::string_view packed =
      options_.short_lzf && text.size() <= kShort ? short_lzf_.compress(text) : compress(text);
  if (packed.empty() || packed.size() + rdb::kLzfGain > text.size()) return false;
  put_byte((rdb::kLengthEncoded << 6) | rdb::kEncodingLzf);
  put_length(packed.size());
  put_length(text.size());
  put_bytes(packed);
  return true;
}

// Empty where that would gain too little.
std::string_view RdbEncoder::compress(std::string_view text) {
  if (text.size() > std::numeric_limits<unsigned>::max()) return {};
  const size_t room = text.size() - rdb::kLzfGain;
  if (compressed_.size() < room) compressed_.resize(room);
  return {compressed_.data(), lzf_compress(text.data(), static_cast<unsigned>(text.size()), compressed_.data(),
                                           static_cast<unsigned>(room))};
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
