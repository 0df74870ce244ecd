// The payload of DUMP and RESTORE: one value as an RDB file holds it, then the format's version and a checksum.
//
//   type (1 byte) | the value | RDB version (2 bytes, little-endian) | CRC-64 of all before (8 bytes, little-endian)
//
// The version is 10, which Redis 7.0 restores, or 12 for a hash with an expiry on a field. Payloads come from clients: nothing in them is trusted. Pure; safe from any thread.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "node/persistence/rdb_value.h"
#include "node/types/value.h"

namespace holdfast::node {

std::string dump_payload(const Value& value, bool compression);
// How many bytes the value itself takes there: DEBUG OBJECT's serializedlength.
size_t serialized_length(const Value& value, bool compression);

enum class PayloadCheck : uint8_t { full, version_only };
// Errors: "ERR DUMP payload version or checksum are wrong" and "ERR Bad data format", as RESTORE answers them. Bytes
// between the value and the footer are passed over, as Redis does.
Result<Value> restore_payload(std::string_view payload, const EncodingLimits& limits, PayloadCheck check = PayloadCheck::full);

}  // namespace holdfast::node
