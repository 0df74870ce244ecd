// The end of a DUMP payload, for payloads made by hand or changed on purpose.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "node/persistence/crc64.h"

namespace holdfast::node::test {

inline constexpr size_t kFooterBytes = 10;

// `body` with the version of the format and the checksum that fits.
inline std::string sealed(std::string body, int version = 10) {
  body += static_cast<char>(version & 0xff);
  body += static_cast<char>(version >> 8);
  const uint64_t crc = crc64(0, body);
  for (int i = 0; i < 8; ++i) body += static_cast<char>(crc >> (8 * i));
  return body;
}

}  // namespace holdfast::node::test
