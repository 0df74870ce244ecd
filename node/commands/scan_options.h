// What SCAN, SSCAN, HSCAN and ZSCAN have in common: cursor and options as they come, and how elements are answered.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "node/commands/call.h"

namespace holdfast::node {

struct ScanOptions {
  uint64_t cursor = 0;
  int64_t count = 10;
  std::optional<std::string_view> pattern;  // none for "*"
  std::optional<std::string_view> type;     // SCAN only

  bool matches(std::string_view name) const;
  // Sparse tables: a call gives up after ten times as many buckets as elements were asked for.
  int64_t most_buckets() const { return count > INT64_MAX / 10 ? INT64_MAX : count * 10; }
};

// All return false when an error has been answered.
bool parse_scan_cursor(Call& call, std::string_view text, ScanOptions& options);
// From argument `first` on.
enum class ScanOf : uint8_t { keys, elements };
bool parse_scan_options(Call& call, size_t first, ScanOf what, ScanOptions& options);

// The reply to SSCAN, HSCAN or ZSCAN of a key that does not exist.
void reply_empty_scan(Call& call);
// Walks on from the options' cursor and replies: `step` visits the elements of one bucket, with the text that comes
// behind each (none for sets), and returns the next cursor.
using VisitElement = std::function<void(std::string_view element, std::string_view second)>;
using ScanStep = std::function<uint64_t(uint64_t cursor, const VisitElement& visit)>;
void reply_scan(Call& call, const ScanOptions& options, bool pairs, const ScanStep& step);

}  // namespace holdfast::node
