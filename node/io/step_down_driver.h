// Carries out what node/replication/step_down.h decides: hands it the hellos published on this node, asks the successor
// that one names, and follows it once it has confirmed. Executor thread only; nothing here blocks.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/endpoint.h"
#include "common/net/resp_link.h"
#include "common/time/clock.h"
#include "node/replication/config.h"
#include "node/replication/replication.h"
#include "node/replication/replication_log.h"
#include "node/replication/step_down.h"

namespace holdfast::node {

class StepDownDriver final : private net::RespLink::Handler {
 public:
  static constexpr Millis kPatience{1000};  // for the successor, from connecting to its answers

  struct Environment {
    boost::asio::io_context& io;
    const Clock& clock;
    const ReplicationConfig& config;
    const ReplicationLog& log;
    std::function<std::vector<ReplicaRow>()> replicas;
    std::function<bool()> may_follow;  // no other change of role is under way
    std::function<Result<std::string>(const Endpoint& successor)> follow;
  };

  explicit StepDownDriver(Environment environment) : env_(std::move(environment)), timer_(env_.io) {}
  ~StepDownDriver() override { end_look(); }

  // PUBLISH __sentinel__:hello by a client.
  void heard(std::string_view message);
  // The role has changed, or is about to.
  void forget();

 private:
  void on_link_up(net::RespLink&, const std::string&) override {}
  void on_link_down(net::RespLink&, const Error& error) override { give_up(error.text); }
  void on_link_push(net::RespLink&, const resp::Reply&) override {}

  bool names_us(const Endpoint& address) const;
  void look(const Endpoint& successor);
  void answered(std::span<const resp::Reply> answers);
  void give_up(std::string_view why);
  void end_look();

  Environment env_;
  StepDown decision_;
  std::string announcement_;  // what is being looked into, for the log
  Endpoint successor_;
  std::shared_ptr<net::RespLink> link_;
  boost::asio::steady_timer timer_;
};

}  // namespace holdfast::node
