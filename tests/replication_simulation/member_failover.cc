// FAILOVER among simulated nodes, wired as node/io/node_failover.cc wires it: the primary that hands over, and the replica
// that takes over.
#include <algorithm>
#include <utility>

#include "tests/replication_simulation/member.h"
#include "tests/replication_simulation/world.h"

namespace holdfast::replication_simulation {

using namespace node;

void Member::fail_over(const FailoverRequest& request) {
  const Instant now = world_.events().now();
  if (loading_ || !failover_.start(request, log_.is_replica(), table_.rows(now), now)) return;
  world_.note(index_, "FAILOVER to {}{}", request.target ? std::to_string(request.target->port) : "any",
              request.force ? ", forced" : "");
  failover_began_ = now;
  log_.set_quiet(true);
  poll_failover();
}

void Member::abort_failover() {
  if (const auto step = failover_.abort()) perform(*step);
}

void Member::poll_failover() {
  const uint64_t poll = ++failover_poll_;  // a later one takes this one's place
  after(Nanos(0), [this, poll] {
    if (poll != failover_poll_) return;
    const Instant now = world_.events().now();
    perform(failover_.poll(now, std::chrono::duration_cast<Millis>(config_.timeout), log_.offset(), table_.rows(now)));
    const Instant deadline = failover_.deadline();
    if (deadline == Instant::max()) return;
    after(std::max(deadline - now, Nanos(0)), [this, poll] {
      if (poll == failover_poll_) poll_failover();
    });
  });
}

void Member::perform(const Failover::Step& step) {
  switch (step.act) {
    case Failover::Step::Act::none: return;
    case Failover::Step::Act::ask: {
      log_.feed_getack(false);
      recorded();
      const int64_t first = world_.faults().hand_over_unasked ? 0 : log_.offset();
      log_.feed_getack(false);
      recorded();
      failover_.asked(first, log_.offset());
      pump_all();
      if (world_.faults().hand_over_unasked) poll_failover();
      return;
    }
    case Failover::Step::Act::hand_over:
      world_.note(index_, "hands over to {}: {}", step.target.port, step.reason);
      handed_over_whole_ = step.reason == "it has everything";
      log_.set_quiet(false);
      follow_now(step.target.port);
      return;
    case Failover::Step::Act::give_up:
      world_.note(index_, "failover given up: {}", step.reason);
      if (step.demoted) {
        become_primary();
      } else {
        end_failover();
      }
      return;
  }
}

void Member::end_failover() {
  failover_.end();
  ++failover_poll_;
  log_.set_quiet(false);
}

void Member::perform(link_action::Takeover& news) {
  if (failover_.state() != FailoverState::in_progress) return;
  if (news.what == link_action::Takeover::What::asked) {
    failover_.takeover_asked();
    return;
  }
  after(Nanos(0), [this, news] {
    if (failover_.state() != FailoverState::in_progress) return;
    if (news.what == link_action::Takeover::What::refused) {
      perform(failover_.refused(news.answer));
    } else {
      ++world_.outcome().failovers;
      end_failover();
    }
  });
}

// PSYNC ... FAILOVER. False: refused, and the answer is written.
bool Member::take_over(Session& session, std::string_view id, int64_t offset) {
  if (session.attached) return true;
  if (!log_.is_replica()) {
    session.text += "-ERR PSYNC FAILOVER can't be sent to a master.\r\n";
    return false;
  }
  if (loading_ || id != log_.id().view()) {
    session.text += "-ERR PSYNC FAILOVER replid must match my replid.\r\n";
    return false;
  }
  // A switch that nobody forced loses nothing, unless this node lost data since it was chosen.
  const Member* from = world_.peer(session.wire, *this);
  if (from && from->handed_over_whole_ && from->failover_.state() == FailoverState::in_progress &&
      data_since_ < from->failover_began_ && world_.history().digest_at(log_.id(), offset - 1) != data_.digest()) {
    world_.fail("member {} takes over at {} without all that was written until {}", index_, log_.offset(), offset - 1);
  }
  become_primary();
  return true;
}

}  // namespace holdfast::replication_simulation
