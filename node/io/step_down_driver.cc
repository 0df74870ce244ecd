#include "node/io/step_down_driver.h"

#include <fmt/format.h>

#include "common/hello/hello.h"
#include "common/log/log.h"
#include "node/io/own_address.h"

namespace holdfast::node {

bool StepDownDriver::names_us(const Endpoint& address) const {
  const ReplicationConfig& config = env_.config;
  const uint16_t announced = config.announce_port != 0 ? config.announce_port : config.port;
  if (!config.announce_ip.empty() && address == Endpoint{config.announce_ip, announced}) return true;
  return (address.port == config.port || address.port == announced) && is_own_address(address.host);
}

void StepDownDriver::heard(std::string_view message) {
  if (!env_.config.step_down_on_hello || !env_.may_follow()) return;
  const std::optional<Hello> hello = parse_hello(message);
  if (!hello) return;
  std::vector<Endpoint> replicas;
  for (ReplicaRow& row : env_.replicas()) replicas.push_back({std::move(row.ip), row.port});
  const auto successor = decision_.heard(*hello, names_us(hello->primary), replicas, env_.clock.now());
  if (!successor) return;
  announcement_ =
      fmt::format("sentinel {}:{} announces {}:{} as the primary of {} in config epoch {}", hello->sentinel.host,
                  hello->sentinel.port, successor->host, successor->port, hello->primary_name, hello->config_epoch);
  look(*successor);
}

void StepDownDriver::look(const Endpoint& successor) {
  const ReplicationConfig& config = env_.config;
  successor_ = successor;
  link_ = net::RespLink::open(env_.io, {.address = successor, .source_address = config.bind_source}, *this);
  timer_.expires_after(kPatience);
  timer_.async_wait([this, asked = link_](boost::system::error_code cancelled) {
    if (!cancelled && asked == link_) give_up("it does not answer");
  });
  std::vector<net::RespLink::Command> commands;
  if (!config.primary_password.empty()) {
    commands.push_back({"AUTH"});
    if (!config.primary_user.empty()) commands.back().push_back(config.primary_user);
    commands.back().push_back(config.primary_password);
    link_->send(commands, [this](std::span<const resp::Reply> replies) {
      if (replies[0].is_error()) log::notice("AUTH at {}:{}: {}", successor_.host, successor_.port, replies[0].text);
    });
    commands.clear();
  }
  commands = {{"ROLE"}, {"INFO", "replication"}};
  link_->send(commands, [this](std::span<const resp::Reply> replies) { answered(replies); });
}

void StepDownDriver::answered(std::span<const resp::Reply> answers) {
  if (!env_.may_follow()) return give_up("another change of role is under way");
  const HistoryPosition own{env_.log.id(), env_.log.offset()};
  if (auto confirmed = StepDown::confirm(answers, own); !confirmed) return give_up(confirmed.error().text);
  const Endpoint successor = successor_;
  log::warning("Stepping down: {}, and that node confirms that it was promoted from this node's data.", announcement_);
  end_look();
  decision_.forget();
  if (auto followed = env_.follow(successor); !followed) log::warning("Not stepping down: {}", followed.error().text);
}

void StepDownDriver::give_up(std::string_view why) {
  log::notice("Not stepping down: {}, but: {}.", announcement_, why);
  end_look();
  decision_.failed(env_.clock.now());
}

void StepDownDriver::forget() {
  end_look();
  decision_.forget();
}

void StepDownDriver::end_look() {
  timer_.cancel();
  if (link_ != nullptr) link_->close();
  link_.reset();
}

}  // namespace holdfast::node
