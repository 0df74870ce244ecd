#include "sentinel/io/failover_history.h"

namespace holdfast::sentinel {

namespace {

// How a failover ended, for the events that end one; "" for all others.
std::string_view result_of(Event event) {
  switch (event) {
    case Event::failover_end:
      return "success";
    case Event::failover_end_for_timeout:
      return "timeout";
    case Event::failover_abort_not_elected:
      return "not_elected";
    case Event::failover_abort_no_good_slave:
      return "no_good_replica";
    case Event::failover_abort_slave_timeout:
      return "replica_timeout";
    default:
      return "";
  }
}

// +sdown tells of replicas and sentinels as well; those payloads begin with their own kind.
bool of_primary(const Notice& notice) { return notice.payload.starts_with("master "); }

}  // namespace

void FailoverHistory::forced(const std::string& primary) { courses_[primary].forced = true; }

void FailoverHistory::observe(const Notice& notice, Nanos silent_for, Instant now) {
  if (notice.event == Event::vote_for_leader) ++votes_;
  if (notice.event == Event::unmonitor) courses_.erase(notice.primary);
  if (notice.primary.empty() || notice.event == Event::unmonitor) return;
  Course& course = courses_[notice.primary];
  switch (notice.event) {
    case Event::sdown:
      if (!of_primary(notice)) break;
      course.sdown = now;
      course.last_good = now - silent_for;
      break;
    case Event::sdown_end:
      if (of_primary(notice)) course.sdown = course.last_good = std::nullopt;
      break;
    case Event::odown:
      phase("detection", course.sdown, now);
      break;
    case Event::try_failover:
      course.started = now;
      break;
    case Event::elected_leader:
      course.elected = now;
      phase("election", course.started, now);
      break;
    case Event::promoted_slave:
      course.promoted = now;
      phase("promotion", course.elected, now);
      break;
    case Event::switch_master:
      if (course.last_good) unavailability_.observe(now - *course.last_good);
      course.sdown = course.last_good = std::nullopt;
      break;
    default:
      break;
  }
  if (const auto result = result_of(notice.event); !result.empty()) ended(notice.primary, course, result, now);
}

void FailoverHistory::ended(const std::string& primary, Course& course, std::string_view result, Instant now) {
  phase("reconfiguration", course.promoted, now);
  ++failovers_[{primary, course.forced ? "command" : "odown", std::string(result)}];
  Course next;
  next.sdown = course.sdown;
  next.last_good = course.last_good;
  course = next;
}

void FailoverHistory::phase(std::string_view name, const std::optional<Instant>& from, Instant now) {
  if (from) phases_[std::string(name)].observe(now - *from);
}

void FailoverHistory::fill(SentinelFacts& facts) const {
  facts.failovers = failovers_;
  facts.failover_phases = phases_;
  facts.failover_unavailability = unavailability_;
  facts.votes = votes_;
}

}  // namespace holdfast::sentinel
