// All that is in a keyspace and must be the same at a node that follows its effects, as text: more than the digest of
// DEBUG DIGEST tells, which knows neither when keys and fields expire nor a stream's groups.
//
// Left out of a stream's groups is what Redis does not tell replicas of either: how far a group has read counted in
// entries, when consumers were last seen, and what XREADGROUP's history adds to the deliveries.
#pragma once

#include <map>
#include <string>

#include "node/keyspace/keyspace.h"

namespace holdfast::fuzz {

std::string value_text(const node::Entry& entry);

// By database and name.
using DataText = std::map<std::string, std::string>;
DataText data_text(const node::Keyspace& keys);

// The first that is not the same in both; empty when all are.
std::string first_difference(const DataText& here, const DataText& there);

}  // namespace holdfast::fuzz
