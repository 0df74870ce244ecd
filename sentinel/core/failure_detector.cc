#include "sentinel/core/failure_detector.h"

#include <algorithm>

namespace holdfast::sentinel {

bool acceptable_ping_reply(const Reply& reply) {
  if (reply.type == Reply::Type::status) return reply.text == "PONG";
  return reply.is_error() && (reply.text.starts_with("LOADING") || reply.text.starts_with("MASTERDOWN"));
}

Instant down_from(const DownEvidence& evidence) {
  Instant from = evidence.last_ok + evidence.down_after;
  if (evidence.reports_replica_since) {
    from = std::min(from, *evidence.reports_replica_since + evidence.down_after + kWrongRoleGrace);
  }
  if (evidence.rebooted_since && evidence.reboot_down_after > Millis(0)) {
    from = std::min(from, *evidence.rebooted_since + evidence.reboot_down_after);
  }
  if (evidence.crashed_since) from = std::min(from, *evidence.crashed_since);
  if (evidence.empty_since) from = std::min(from, *evidence.empty_since);
  return from;
}

}  // namespace holdfast::sentinel
