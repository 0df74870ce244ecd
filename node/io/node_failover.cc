// FAILOVER in a running node: NodeReplication drives the machine of node/replication/failover.h, as the primary that hands
// over and as the replica that takes over.

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "common/base/text.h"
#include "common/log/log.h"
#include "node/io/node_replication.h"

namespace holdfast::node {

Result<> NodeReplication::failover(std::span<const std::string_view> arguments) {
  const auto request = parse_failover(arguments);
  if (!request) return std::unexpected(request.error());
  if (request->abort) {
    auto step = failover_.abort();
    if (!step) return std::unexpected(step.error());
    perform(*step);
    return {};
  }
  if (auto started = failover_.start(*request, log_.is_replica(), feed_.rows(), clock_.now()); !started) return started;
  log::notice("FAILOVER requested{}.",
              request->target ? fmt::format(" to {}:{}", request->target->host, request->target->port) : "");
  host_.pause_writes(true);
  log_.set_quiet(true);
  poll_failover();
  return {};
}

// From the event loop: an acknowledgement may be one of several requests, and a change of role must not come between them.
void NodeReplication::poll_failover() {
  failover_timer_.expires_after(Nanos(0));
  failover_timer_.async_wait([this, alive = alive_](boost::system::error_code failed) {
    if (failed || !*alive) return;
    const auto patience = std::chrono::duration_cast<Millis>(config_.timeout);
    perform(failover_.poll(clock_.now(), patience, log_.offset(), feed_.rows()));
    const Instant deadline = failover_.deadline();
    if (deadline == Instant::max()) return;
    failover_timer_.expires_after(std::max(deadline - clock_.now(), Nanos(0)));
    failover_timer_.async_wait([this, alive](boost::system::error_code stopped) {
      if (!stopped && *alive) poll_failover();
    });
  });
}

void NodeReplication::perform(const Failover::Step& step) {
  switch (step.act) {
    case Failover::Step::Act::none: return;
    case Failover::Step::Act::ask: {
      log_.feed_getack(false);
      const int64_t first = log_.offset();
      log_.feed_getack(false);
      failover_.asked(first, log_.offset());
      return;
    }
    case Failover::Step::Act::hand_over:
      log::notice("Failing over to {}:{}: {}.", step.target.host, step.target.port, step.reason);
      log_.set_quiet(false);
      follow(step.target);
      return;
    case Failover::Step::Act::give_up:
      log::notice("Failover given up: {}.", step.reason);
      if (step.demoted) {
        become_primary();
      } else {
        end_failover();
      }
      return;
  }
}

void NodeReplication::end_failover() {
  failover_.end();
  failover_timer_.cancel();
  log_.set_quiet(false);
  host_.pause_writes(false);
}

void NodeReplication::on_takeover(const link_action::Takeover& news) {
  if (failover_.state() != FailoverState::in_progress) return;
  if (news.what == link_action::Takeover::What::asked) {
    failover_.takeover_asked();
    return;
  }
  // Later: what follows stops the link that tells of this, or lets clients go on.
  boost::asio::post(failover_timer_.get_executor(), [this, alive = alive_, news] {
    if (!*alive || failover_.state() != FailoverState::in_progress) return;
    if (news.what == link_action::Takeover::What::refused) {
      perform(failover_.refused(news.answer));
    } else {
      log::notice("The failover target is the primary now.");
      end_failover();
    }
  });
}

// PSYNC ... FAILOVER: the primary of this replica asks it to be the primary, before its PSYNC is answered.
std::optional<ProtocolReply> NodeReplication::take_over(const server::Session& session,
                                                        std::span<const std::string_view> argv) {
  if (feed_.is_attached(session)) return std::nullopt;
  const auto refuse = [](std::string text) { return ProtocolReply{ProtocolReply::Kind::error, std::move(text)}; };
  log::notice("Failover request received for replid {}.", argv[1].substr(0, RunId::kLength));
  if (!log_.is_replica()) return refuse("ERR PSYNC FAILOVER can't be sent to a master.");
  if (link_.loading() || !iequals(argv[1], log_.id().view())) return refuse("ERR PSYNC FAILOVER replid must match my replid.");
  become_primary();
  log::notice("Failover request was successful, promoting this server.");
  return std::nullopt;
}

}  // namespace holdfast::node
