#include "node/metrics/node_health.h"

#include <nlohmann/json.hpp>

#include "common/base/text.h"
#include "node/metrics/node_metrics.h"

namespace holdfast::node {
namespace {

using Role = NodeHealth::Role;

// A size as redis.conf writes it: 10mb is 10*1024*1024, 10m is 10*1000*1000.
std::optional<uint64_t> parse_size(std::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  const auto number = parse_uint64(text.substr(0, digits));
  if (!number) return std::nullopt;
  const std::string unit = to_lower(text.substr(digits));
  uint64_t scale = 0;
  if (unit.empty() || unit == "b") scale = 1;
  if (unit == "k") scale = 1000;
  if (unit == "kb") scale = 1024;
  if (unit == "m") scale = 1000 * 1000;
  if (unit == "mb") scale = 1024 * 1024;
  if (unit == "g") scale = 1000 * 1000 * 1000;
  if (unit == "gb") scale = 1024 * 1024 * 1024;
  uint64_t size = 0;
  if (scale == 0 || __builtin_mul_overflow(*number, scale, &size)) return std::nullopt;
  return size;
}

// Why it serves nobody at all; empty when it does.
std::string why_unavailable(const NodeHealth& facts, const http::Request& request) {
  if (facts.stopping) return "shutting down";
  if (facts.loading) return "loading the data set";
  if (request.snapshot_age > kSilent) return "the event loop has not answered for " +
                                             std::to_string(request.snapshot_age.count()) + " ms";
  return "";
}

std::string why_not_replica(const NodeHealth& facts, std::optional<uint64_t> most_lag) {
  if (facts.role != Role::replica) return "this is a primary";
  if (!facts.link_up) return "the link to the primary is down";
  if (!most_lag) return "";
  if (!facts.lag_bytes) return "the lag is not known";
  if (*facts.lag_bytes > *most_lag) return "too far behind the primary";
  return "";
}

std::string why_not(HealthCheck check, const NodeHealth& facts, const http::Request& request,
                    std::optional<uint64_t> most_lag) {
  const std::string unavailable = why_unavailable(facts, request);
  const bool hung = request.snapshot_age > kHung && !facts.loading;
  const bool out_of_step = facts.role == Role::replica && !facts.link_up;
  switch (check) {
    case HealthCheck::live:
      return hung ? unavailable : "";
    case HealthCheck::startup:
      return facts.started ? "" : "loading the data set";
    default:
      break;
  }
  if (!unavailable.empty()) return unavailable;
  switch (check) {
    case HealthCheck::primary:
      return facts.role == Role::primary ? "" : "this is a replica";
    case HealthCheck::replica:
      return why_not_replica(facts, most_lag);
    case HealthCheck::health:
      return facts.role == Role::primary && !facts.accepts_writes ? "writes are refused" : "";
    default:  // read_only, ready
      return out_of_step ? "the link to the primary is down" : "";
  }
}

}  // namespace

http::Response node_health(HealthCheck check, const NodeHealth& facts, const http::Request& request) {
  std::optional<uint64_t> most_lag;
  if (const auto lag = request.parameter("lag"); lag && check == HealthCheck::replica) {
    most_lag = parse_size(*lag);
    if (!most_lag) return http::error_response(400, "lag must be a size such as 10mb");
  }
  const std::string reason = why_not(check, facts, request, most_lag);
  nlohmann::ordered_json body = {{"status", reason.empty() ? "ok" : "unavailable"},
                                 {"role", facts.role == Role::primary ? "primary" : "replica"}};
  if (!reason.empty()) body["reason"] = reason;
  if (facts.loading) body["loading"] = facts.loading_progress.value_or(0);
  if (facts.role == Role::replica) {
    body["link"] = facts.link_up ? "up" : "down";
    if (facts.lag_bytes) body["lag_bytes"] = *facts.lag_bytes;
  }
  return {reason.empty() ? 200u : 503u, std::string(http::kJson), body.dump() + "\n"};
}

std::shared_ptr<const http::Snapshot> node_snapshot(std::shared_ptr<const NodeFacts> facts) {
  auto snapshot = std::make_shared<http::Snapshot>();
  snapshot->add("/metrics", [facts](const http::Request&) {
    return http::Response{200, std::string(metrics::kContentType), node_metrics(*facts).text()};
  });
  constexpr std::pair<std::string_view, HealthCheck> kChecks[] = {
      {"/primary", HealthCheck::primary}, {"/replica", HealthCheck::replica}, {"/read-only", HealthCheck::read_only},
      {"/health", HealthCheck::health},   {"/livez", HealthCheck::live},      {"/readyz", HealthCheck::ready},
      {"/startupz", HealthCheck::startup}};
  for (const auto& [path, check] : kChecks) {
    snapshot->add(std::string(path),
                  [facts, check](const http::Request& request) { return node_health(check, facts->health, request); });
  }
  return snapshot;
}

}  // namespace holdfast::node
