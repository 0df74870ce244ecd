#include "common/base/run_id.h"

#include "common/base/text.h"

namespace holdfast {

RunId RunId::random(RandomSource& source) {
  RunId id;
  for (size_t i = 0; i < kLength; i += 8) {
    uint64_t bits = source.next();
    for (size_t j = 0; j < 8; ++j, bits >>= 4) id.digits_[i + j] = "0123456789abcdef"[bits & 15];
  }
  return id;
}

std::optional<RunId> RunId::parse(std::string_view text) {
  if (text.size() != kLength) return std::nullopt;
  RunId id;
  for (size_t i = 0; i < kLength; ++i) {
    const char c = to_lower(text[i]);
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return std::nullopt;
    id.digits_[i] = c;
  }
  return id;
}

}  // namespace holdfast
