// A host (name or address text, IPv6 without brackets) and a TCP port.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace holdfast {

struct Endpoint {
  std::string host;
  uint16_t port = 0;
  auto operator<=>(const Endpoint&) const = default;
};

}  // namespace holdfast
