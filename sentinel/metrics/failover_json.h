// Records of failovers as JSON: one object each, for the HTTP API and for the file that keeps them. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "sentinel/core/failover_record.h"

namespace holdfast::sentinel {

using Json = nlohmann::ordered_json;

Json json_of(const Endpoint& address);
Json json_of(const CandidateVerdict& candidate);
Json json_of(const FailoverRecord& record);
std::string json_text(const Json& json);  // one line, without its end; what is no UTF-8 is replaced

// Nothing: not a record.
std::optional<FailoverRecord> record_of(std::string_view json);

}  // namespace holdfast::sentinel
