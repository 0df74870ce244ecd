#include "node/replication/failover.h"

#include <algorithm>

#include "common/base/assert.h"
#include "common/base/text.h"

namespace holdfast::node {

namespace {

bool is(const ReplicaRow& row, const Endpoint& target) { return row.port == target.port && iequals(row.ip, target.host); }

}  // namespace

std::string_view failover_state_name(FailoverState state) {
  switch (state) {
    case FailoverState::none: return "no-failover";
    case FailoverState::waiting_for_sync: return "waiting-for-sync";
    case FailoverState::in_progress: return "failover-in-progress";
  }
  return "unknown";
}

Result<FailoverRequest> parse_failover(std::span<const std::string_view> arguments) {
  FailoverRequest request;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    const size_t left = arguments.size() - i - 1;
    if (iequals(word, "abort") && arguments.size() == 1) {
      request.abort = true;
    } else if (iequals(word, "timeout") && left >= 1 && !request.timeout) {
      const auto timeout = parse_int64(arguments[++i]);
      if (!timeout) return fail("ERR value is not an integer or out of range");
      if (*timeout <= 0) return fail("ERR FAILOVER timeout must be greater than 0");
      request.timeout = Millis(std::min<int64_t>(*timeout, int64_t{1000} * 3600 * 24 * 365));
    } else if (iequals(word, "to") && left >= 2 && !request.target) {
      const auto port = parse_int64(arguments[i + 2]);
      if (!port) return fail("ERR value is not an integer or out of range");
      // No replica has a port out of range, so none will be found.
      request.target = Endpoint{std::string(arguments[i + 1]),
                                static_cast<uint16_t>(*port < 0 || *port > 65535 ? 0 : *port)};
      i += 2;
    } else if (iequals(word, "force") && !request.force) {
      request.force = true;
    } else {
      return fail("ERR syntax error");
    }
  }
  return request;
}

Result<> Failover::start(const FailoverRequest& request, bool is_replica, const std::vector<ReplicaRow>& replicas,
                         Instant now) {
  if (state_ != FailoverState::none) return fail("ERR FAILOVER already in progress.");
  if (is_replica) return fail("ERR FAILOVER is not valid when server is a replica.");
  if (replicas.empty()) return fail("ERR FAILOVER requires connected replicas.");
  if (request.force && (!request.timeout || !request.target)) {
    return fail("ERR FAILOVER with force option requires both a timeout and target HOST and IP.");
  }
  if (request.target) {
    const auto row = std::ranges::find_if(replicas, [&](const auto& candidate) { return is(candidate, *request.target); });
    if (row == replicas.end()) return fail("ERR FAILOVER target HOST and PORT is not a replica.");
    if (row->state != "online") return fail("ERR FAILOVER target replica is not online.");
  }
  end();
  state_ = FailoverState::waiting_for_sync;
  request_ = request;
  if (request.timeout) deadline_ = now + *request.timeout;
  return {};
}

void Failover::end() { *this = Failover(); }

void Failover::asked(int64_t first, int64_t second) {
  wanted_ = first;
  asked_end_ = second;
}

Failover::Step Failover::give_up(std::string reason) {
  Step step{.act = Step::Act::give_up, .demoted = state_ == FailoverState::in_progress, .reason = std::move(reason)};
  end();
  return step;
}

Failover::Step Failover::poll(Instant now, Millis patience, int64_t offset, const std::vector<ReplicaRow>& replicas) {
  if (state_ == FailoverState::none) return {};
  if (state_ == FailoverState::in_progress) {
    if (requests_ == 0 && now >= deadline_) return give_up("The target could not be reached");
    return {};
  }
  const auto hand_over = [&](const Endpoint& target, std::string reason) {
    state_ = FailoverState::in_progress;
    target_ = target;
    deadline_ = now + patience;
    return Step{.act = Step::Act::hand_over, .target = target, .reason = std::move(reason)};
  };
  // Something was written in spite of the pause (or nothing was asked yet).
  if (!wanted_ || offset != asked_end_) {
    if (now < deadline_) return {.act = Step::Act::ask};
  } else {
    for (const ReplicaRow& row : replicas) {
      if (row.state != "online" || row.offset < *wanted_ || (request_.target && !is(row, *request_.target))) continue;
      return hand_over({row.ip, row.port}, "it has everything");
    }
  }
  if (now < deadline_) return {};
  if (request_.force) return hand_over(*request_.target, "the timeout is over");
  return give_up("Replica never caught up before timeout");
}

Failover::Step Failover::refused(std::string_view answer) {
  if (state_ != FailoverState::in_progress) return {};
  // An earlier request was heard after all, and made it a primary.
  if (requests_ > 1 && answer.find("can't be sent to a master") != std::string_view::npos) {
    followed_ = true;
    return {};
  }
  return give_up("Failover target rejected psync request");
}

Result<Failover::Step> Failover::abort() {
  if (state_ == FailoverState::none) return fail("ERR No failover in progress.");
  return give_up("Failover manually aborted");
}

}  // namespace holdfast::node
