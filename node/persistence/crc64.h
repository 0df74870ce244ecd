// CRC-64/Jones (reflected), the checksum of RDB files and DUMP payloads. "123456789" has e9c6d914c4b8d9ca.
// Pure; safe from any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast::node {

// The checksum of what `crc` covers followed by `bytes`; start with 0.
uint64_t crc64(uint64_t crc, std::string_view bytes);

}  // namespace holdfast::node
