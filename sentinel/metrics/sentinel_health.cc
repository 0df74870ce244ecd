#include "sentinel/metrics/sentinel_health.h"

#include "sentinel/metrics/failover_json.h"
#include "sentinel/metrics/sentinel_api.h"
#include "sentinel/metrics/sentinel_metrics.h"

namespace holdfast::sentinel {
namespace {

http::Response reply(std::string_view reason, Json details) {
  Json body = {{"status", reason.empty() ? "ok" : "unavailable"}};
  if (!reason.empty()) body["reason"] = reason;
  body.update(details);
  return {reason.empty() ? 200u : 503u, std::string(http::kJson),
          body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

const MonitoredPrimaryFacts* find(const SentinelFacts& facts, std::string_view name) {
  for (const MonitoredPrimaryFacts& primary : facts.primaries) {
    if (primary.name == name) return &primary;
  }
  return nullptr;
}

constexpr std::string_view kSilentReason = "the event loop does not answer";

}  // namespace

http::Response live_response(const SentinelFacts&, const http::Request& request) {
  return reply(request.snapshot_age > kHung ? kSilentReason : "", Json::object());
}

http::Response ready_response(const SentinelFacts& facts, const http::Request& request) {
  std::string_view reason;
  if (request.snapshot_age > kSilent) {
    reason = kSilentReason;
  } else if (!facts.ready) {
    reason = "starting or stopping";
  }
  return reply(reason, {{"masters", facts.primaries.size()}, {"tilt", facts.tilt}});
}

http::Response quorum_response(const SentinelFacts& facts, const http::Request& request) {
  const MonitoredPrimaryFacts* primary = find(facts, request.rest);
  if (primary == nullptr) return http::error_response(404, "No such master with that name");
  std::string_view reason;
  if (request.snapshot_age > kSilent) {
    reason = kSilentReason;
  } else if (!primary->quorum_reachable) {
    reason = "quorum or majority cannot be reached";
  }
  return reply(reason, {{"master", primary->name},
                        {"quorum", primary->quorum},
                        {"sentinels", primary->sentinels},
                        {"usable_sentinels", primary->ok_sentinels},
                        {"message", primary->quorum_message}});
}

http::Response primary_response(const SentinelFacts& facts, const http::Request& request) {
  const MonitoredPrimaryFacts* primary = find(facts, request.rest);
  if (primary == nullptr) return http::error_response(404, "No such master with that name");
  std::string_view reason;
  if (request.snapshot_age > kSilent) {
    reason = kSilentReason;
  } else if (primary->failover_in_progress) {
    reason = "failover in progress";
  } else if (primary->status == "odown") {
    reason = "the primary is down";
  }
  return reply(reason, {{"master", primary->name},
                        {"ip", primary->address.host},
                        {"port", primary->address.port},
                        {"state", primary->status},
                        {"config_epoch", primary->config_epoch}});
}

std::shared_ptr<const http::Snapshot> sentinel_snapshot(std::shared_ptr<const SentinelFacts> facts) {
  auto snapshot = std::make_shared<http::Snapshot>();
  snapshot->add("/metrics", [facts](const http::Request&) {
    return http::Response{200, std::string(metrics::kContentType), sentinel_metrics(*facts).text()};
  });
  snapshot->add("/livez", [facts](const http::Request& request) { return live_response(*facts, request); });
  snapshot->add("/readyz", [facts](const http::Request& request) { return ready_response(*facts, request); });
  snapshot->add_prefix("/quorum/", [facts](const http::Request& request) { return quorum_response(*facts, request); });
  snapshot->add_prefix("/primary/", [facts](const http::Request& request) { return primary_response(*facts, request); });
  add_api(*snapshot, facts);
  return snapshot;
}

}  // namespace holdfast::sentinel
