#include "node/collections/stream_id.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "common/base/text.h"

namespace holdfast::node {

namespace {

constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
constexpr size_t kLongestText = 127;

// Digits as Redis takes them here: leniently, with leading zeros, blanks or a plus sign.
std::optional<uint64_t> parse_part(const std::string& text) {
  if (const auto number = parse_int64(text)) {
    return *number < 0 ? std::nullopt : std::optional<uint64_t>(static_cast<uint64_t>(*number));
  }
  if (text.empty()) return std::nullopt;
  char* end = nullptr;
  errno = 0;
  const unsigned long long number = std::strtoull(text.c_str(), &end, 10);
  if (errno != 0 || *end != '\0') return std::nullopt;
  return number;
}

constexpr auto kPairs = [] {
  std::array<char, 200> pairs{};
  for (size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

// Two digits at a time; every XADD writes an ID.
char* put_decimal(char* to, uint64_t number) {
  char digits[20];
  char* at = digits + sizeof digits;
  for (; number >= 100; number /= 100) std::memcpy(at -= 2, &kPairs[number % 100 * 2], 2);
  if (number >= 10) {
    std::memcpy(at -= 2, &kPairs[number * 2], 2);
  } else {
    *--at = static_cast<char>('0' + number);
  }
  const auto length = static_cast<size_t>(digits + sizeof digits - at);
  std::memcpy(to, at, length);
  return to + length;
}

}  // namespace

std::optional<StreamId> StreamId::next() const {
  if (seq < kMost) return StreamId{ms, seq + 1};
  if (ms < kMost) return StreamId{ms + 1, 0};
  return std::nullopt;
}

std::optional<StreamId> StreamId::previous() const {
  if (seq > 0) return StreamId{ms, seq - 1};
  if (ms > 0) return StreamId{ms - 1, kMost};
  return std::nullopt;
}

StreamId::Text StreamId::text() const {
  Text text;
  char* at = put_decimal(text.bytes, ms);
  *at++ = '-';
  at = put_decimal(at, seq);
  text.length = static_cast<uint8_t>(at - text.bytes);
  return text;
}

std::array<char, StreamId::kBytes> StreamId::key() const {
  std::array<char, kBytes> bytes;
  for (size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<char>(ms >> (56 - 8 * i));
    bytes[8 + i] = static_cast<char>(seq >> (56 - 8 * i));
  }
  return bytes;
}

StreamId StreamId::from_key(const char* bytes) {
  StreamId id;
  for (size_t i = 0; i < 8; ++i) {
    id.ms = id.ms << 8 | static_cast<uint8_t>(bytes[i]);
    id.seq = id.seq << 8 | static_cast<uint8_t>(bytes[8 + i]);
  }
  return id;
}

std::optional<StreamIdText> parse_stream_id(std::string_view text, uint64_t missing_seq) {
  if (text.size() > kLongestText) return std::nullopt;
  text = text.substr(0, text.find('\0'));
  const size_t dash = text.find('-');
  const auto ms = parse_part(std::string(text.substr(0, dash)));
  if (!ms) return std::nullopt;
  StreamIdText parsed{.id = {*ms, missing_seq}};
  if (dash == std::string_view::npos) return parsed;
  const std::string_view rest = text.substr(dash + 1);
  if (rest == "*") {
    parsed.id.seq = 0;
    parsed.any_seq = true;
    return parsed;
  }
  const auto seq = parse_part(std::string(rest));
  if (!seq) return std::nullopt;
  parsed.id.seq = *seq;
  return parsed;
}

}  // namespace holdfast::node
