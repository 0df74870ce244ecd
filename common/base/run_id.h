// The 40 hexadecimal digits that name one run of a process, or one replication history (Redis's runid and replid).
#pragma once

#include <array>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/random.h"

namespace holdfast {

class RunId {
 public:
  static constexpr size_t kLength = 40;

  RunId() { digits_.fill('0'); }  // "no id": all zeros, as Redis shows it
  static RunId random(RandomSource& source);
  // Exactly 40 characters of [0-9a-f] (upper case is lowered); else nothing.
  static std::optional<RunId> parse(std::string_view text);

  std::string_view view() const { return {digits_.data(), digits_.size()}; }
  std::string str() const { return std::string(view()); }
  bool is_zero() const { return *this == RunId(); }
  auto operator<=>(const RunId&) const = default;

 private:
  std::array<char, kLength> digits_;
};

}  // namespace holdfast
