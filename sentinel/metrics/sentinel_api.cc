#include "sentinel/metrics/sentinel_api.h"

#include <fmt/format.h>

#include "common/base/text.h"
#include "sentinel/metrics/failover_json.h"

namespace holdfast::sentinel {

namespace {

constexpr int kReconnectMs = 500;  // what clients of the event stream are told to wait

http::Response reply(const Json& body) { return {200, std::string(http::kJson), json_text(body) + "\n"}; }

Json json_of(const InstanceFacts& instance) {
  Json json = {{"ip", instance.address.host}, {"port", instance.address.port},
               {"runid", instance.run_id},    {"flags", instance.flags},
               {"up", instance.up},           {"connected", instance.connected}};
  json["probe_rtt_ms"] = instance.probe_rtt ? Json(static_cast<double>(instance.probe_rtt->count()) / 1e6) : Json();
  if (instance.kind != InstanceFacts::Kind::sentinel) json["offset"] = instance.offset;
  if (instance.lag_bytes) json["lag_bytes"] = *instance.lag_bytes;
  return json;
}

Json json_of(const MonitoredPrimaryFacts& primary) {
  Json node, replicas = Json::array(), sentinels = Json::array();
  for (const InstanceFacts& instance : primary.instances) {
    switch (instance.kind) {
      case InstanceFacts::Kind::primary:
        node = json_of(instance);
        break;
      case InstanceFacts::Kind::replica:
        replicas.push_back(json_of(instance));
        break;
      case InstanceFacts::Kind::sentinel:
        sentinels.push_back(json_of(instance));
        break;
    }
  }
  return {{"name", primary.name},
          {"ip", primary.address.host},
          {"port", primary.address.port},
          {"status", primary.status},
          {"failover_in_progress", primary.failover_in_progress},
          {"config_epoch", primary.config_epoch},
          {"quorum",
           {{"quorum", primary.quorum},
            {"sentinels", primary.sentinels},
            {"usable_sentinels", primary.ok_sentinels},
            {"reachable", primary.quorum_reachable},
            {"message", primary.quorum_message}}},
          {"node", std::move(node)},
          {"replicas", std::move(replicas)},
          {"other_sentinels", std::move(sentinels)}};
}

http::Response topology(const SentinelFacts& facts) {
  Json masters = Json::array();
  for (const MonitoredPrimaryFacts& primary : facts.primaries) masters.push_back(json_of(primary));
  return reply({{"runid", facts.run_id},
                {"current_epoch", facts.current_epoch},
                {"tilt", facts.tilt},
                {"ready", facts.ready},
                {"masters", std::move(masters)}});
}

http::Response one_master(const SentinelFacts& facts, const http::Request& request) {
  for (const MonitoredPrimaryFacts& primary : facts.primaries) {
    if (primary.name != request.rest) continue;
    Json json = json_of(primary);
    Json candidates = Json::array(), promoted;
    for (const CandidateVerdict& candidate : primary.candidates) {
      candidates.push_back(sentinel::json_of(candidate));
      if (candidate.verdict == "chosen") promoted = sentinel::json_of(candidate.address);
    }
    json["would_promote"] = std::move(promoted);
    json["candidates"] = std::move(candidates);
    json["failover"] = primary.failover ? sentinel::json_of(*primary.failover) : Json();
    return reply(json);
  }
  return http::error_response(404, "No such master with that name");
}

http::Response history(const SentinelFacts& facts, const http::Request& request) {
  const auto wanted = request.parameter("master");
  Json failovers = Json::array();
  if (facts.history != nullptr) {
    for (const FailoverRecord& record : *facts.history) {
      if (!wanted || record.primary == *wanted) failovers.push_back(sentinel::json_of(record));
    }
  }
  return reply({{"failovers", std::move(failovers)}});
}

http::Response events(const SentinelFacts& facts, const http::Request& request) {
  const uint64_t seen = parse_uint64(request.last_event_id).value_or(0);
  std::string body = fmt::format("retry: {}\n\n", kReconnectMs);
  if (facts.events != nullptr) {
    for (const ToldEvent& event : *facts.events) {
      if (event.id <= seen) continue;
      const Json data = {{"event", event.name}, {"payload", event.payload}, {"unix_ms", event.unix_ms}};
      body += fmt::format("id: {}\ndata: {}\n\n", event.id, json_text(data));
    }
  }
  return {200, "text/event-stream", std::move(body)};
}

}  // namespace

void add_api(http::Snapshot& snapshot, const std::shared_ptr<const SentinelFacts>& facts) {
  snapshot.add("/api/v1/topology", [facts](const http::Request&) { return topology(*facts); });
  snapshot.add_prefix("/api/v1/masters/",
                      [facts](const http::Request& request) { return one_master(*facts, request); });
  snapshot.add("/api/v1/history", [facts](const http::Request& request) { return history(*facts, request); });
  snapshot.add("/api/v1/events", [facts](const http::Request& request) { return events(*facts, request); });
}

}  // namespace holdfast::sentinel
