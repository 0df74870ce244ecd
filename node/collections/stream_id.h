// The name of a stream's entry: a time in milliseconds and a number within it, ordered by both. Also how IDs are
// written and read ("1526919030474-55"), with Redis's rules. Pure values; safe from any thread.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::node {

struct StreamId {
  uint64_t ms = 0;
  uint64_t seq = 0;

  auto operator<=>(const StreamId&) const = default;
  bool is_zero() const { return ms == 0 && seq == 0; }

  // The neighbours; none beyond the ends.
  std::optional<StreamId> next() const;
  std::optional<StreamId> previous() const;

  struct Text {
    char bytes[44];
    uint8_t length;
    operator std::string_view() const { return {bytes, length}; }  // NOLINT(google-explicit-constructor)
  };
  Text text() const;

  // Big endian, so that byte order is ID order: the form in RDB files.
  static constexpr size_t kBytes = 16;
  std::array<char, kBytes> key() const;
  static StreamId from_key(const char* bytes);
};

inline constexpr StreamId kFirstStreamId{0, 0};
inline constexpr StreamId kLastStreamId{std::numeric_limits<uint64_t>::max(), std::numeric_limits<uint64_t>::max()};

// What the text of an ID says. Of "5" the number within the millisecond is missing, of "5-*" it is to be made.
struct StreamIdText {
  StreamId id;
  bool any_seq = false;  // "-*"
};
// Nothing when it is no ID. `missing_seq` is what "5" stands for. The words "-" and "+" are not understood here.
std::optional<StreamIdText> parse_stream_id(std::string_view text, uint64_t missing_seq);

}  // namespace holdfast::node
