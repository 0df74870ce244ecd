// DEBUG DIGEST: a fingerprint of the data set that does not depend on the order of keys, equal to Redis's for equal
// data, so that tests can compare nodes of both makes. Pure reading; executor thread only.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "node/keyspace/keyspace.h"

namespace holdfast::node {

using Digest = std::array<uint8_t, 20>;

Digest data_set_digest(const Keyspace& keys);
// DEBUG DIGEST-VALUE: of one value; all zeros for an absent key.
Digest value_digest(const Entry* entry);
std::string to_hex(const Digest& digest);

}  // namespace holdfast::node
