#include "sentinel/metrics/failover_json.h"

#include <cmath>

namespace holdfast::sentinel {

namespace {

double milliseconds(Nanos value) {
  const auto microseconds = std::chrono::duration_cast<Micros>(value).count();
  return static_cast<double>(microseconds) / 1e3;
}

Nanos from_milliseconds(double value) { return Nanos(static_cast<int64_t>(std::llround(value * 1e3)) * 1000); }

Endpoint endpoint_of(const Json& json) { return {json.at("ip").get<std::string>(), json.at("port").get<uint16_t>()}; }

FailoverRecord read_record(const Json& json) {
  FailoverRecord record;
  record.primary = json.at("master").get<std::string>();
  record.epoch = Epoch{json.at("epoch").get<uint64_t>()};
  record.leader = json.at("role").get<std::string>() == "leader";
  record.trigger = json.at("trigger").get<std::string>();
  record.result = json.at("result").get<std::string>();
  record.attempts = json.at("attempts").get<unsigned>();
  record.from = endpoint_of(json.at("from"));
  if (!json.at("to").is_null()) record.to = endpoint_of(json.at("to"));
  record.started_unix_ms = json.at("started_unix_ms").get<int64_t>();
  record.duration = from_milliseconds(json.at("duration_ms").get<double>());
  if (!json.at("unavailable_ms").is_null()) {
    record.unavailable = from_milliseconds(json.at("unavailable_ms").get<double>());
  }
  for (const auto& [name, at] : json.at("phases").items()) {
    record.phases.push_back({name, from_milliseconds(at.get<double>())});
  }
  for (const Json& candidate : json.at("candidates")) {
    record.candidates.push_back({.address = endpoint_of(candidate),
                                 .run_id = candidate.at("runid").get<std::string>(),
                                 .priority = candidate.at("priority").get<int32_t>(),
                                 .offset = candidate.at("offset").get<uint64_t>(),
                                 .verdict = candidate.at("verdict").get<std::string>()});
  }
  return record;
}

}  // namespace

Json json_of(const Endpoint& address) { return {{"ip", address.host}, {"port", address.port}}; }

Json json_of(const CandidateVerdict& candidate) {
  return {{"ip", candidate.address.host},   {"port", candidate.address.port}, {"runid", candidate.run_id},
          {"priority", candidate.priority}, {"offset", candidate.offset},     {"verdict", candidate.verdict}};
}

Json json_of(const FailoverRecord& record) {
  Json phases = Json::object();
  for (const auto& phase : record.phases) phases[phase.name] = milliseconds(phase.at);
  Json candidates = Json::array();
  for (const CandidateVerdict& candidate : record.candidates) candidates.push_back(json_of(candidate));
  return {{"master", record.primary},
          {"epoch", record.epoch.value},
          {"role", record.leader ? "leader" : "observer"},
          {"trigger", record.trigger},
          {"result", record.result},
          {"attempts", record.attempts},
          {"from", json_of(record.from)},
          {"to", record.to ? json_of(*record.to) : Json()},
          {"started_unix_ms", record.started_unix_ms},
          {"duration_ms", milliseconds(record.duration)},
          {"unavailable_ms", record.unavailable ? Json(milliseconds(*record.unavailable)) : Json()},
          {"phases", std::move(phases)},
          {"candidates", std::move(candidates)}};
}

std::string json_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::optional<FailoverRecord> record_of(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  try {
    return read_record(json);
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace holdfast::sentinel
