#include "tests/simulation/sentinel_process.h"

#include "common/base/assert.h"
#include "tests/simulation/world.h"

namespace holdfast::simulation {

namespace {

constexpr const char* kConfigPath = "etc/sentinel.conf";

}  // namespace

void SentinelProcess::boot(const std::string& config_text) {
  files_.put(kConfigPath, config_text);
  start();
}

void SentinelProcess::start() {
  up = true;
  store_ = std::make_unique<sentinel::ConfigFileStore>(files_, kConfigPath, world_.faults());
  auto state = store_->load();
  if (!state) return world_.fail("a sentinel cannot read its own file: " + state.error().text);
  core_ = std::make_unique<sentinel::Sentinel>(sentinel::Sentinel::Options{.state = std::move(*state),
                                                                            .listen_port = address.port,
                                                                            .seed = world_.random().next(),
                                                                            .timings = world_.timings(),
                                                                            .faults = world_.faults()},
                                               world_.events().now());
  (void)store_->settle();  // as the driver does
  perform(core_->start(world_.events().now()));
  settle_later();
}

// The configuration file catches up with the journal now and then.
void SentinelProcess::settle_later() {
  world_.events().after(Millis(100 + static_cast<int64_t>(world_.random().below(900))), [this, meant = incarnation] {
    execute(world_.events(), meant, [this] {
      if (!store_->settled()) {
        if (world_.crashes_now(*this)) return;
        (void)store_->settle();
        if (world_.crashes_now(*this)) return;
      }
      settle_later();
    });
  });
}

void SentinelProcess::crash() {
  if (!up) return;
  up = false;
  ++incarnation;
  world_.sentinel_crashed(*this);
  for (const auto& [link, outgoing] : links_) world_.client_closed(*this, *outgoing.server, link);
  world_.server_vanished(*this);
  links_.clear();
  timer_at_ = Instant::max();
  stalled_until = Instant{};
  files_.clear_failures();
  files_.crash(&world_.random());
}

void SentinelProcess::perform(sentinel::Actions actions, std::function<void(bool)> answer) {
  const uint64_t alive = incarnation;
  bool saved = true;
  if (actions.persist_first) {
    if (world_.crashes_now(*this)) return;
    saved = store_->save(*actions.persist_first).has_value();
    if (saved) world_.saved(*this, *actions.persist_first);
    if (world_.crashes_now(*this)) return;
  }
  if (answer) answer(saved);
  for (sentinel::Effect& effect : actions.sends) perform_effect(effect);
  if (saved) {
    for (sentinel::Effect& effect : actions.after_persist) perform_effect(effect);
  }
  for (const sentinel::Notice& notice : actions.notices) world_.noticed(*this, notice);
  if (actions.persist_first && world_.crashes_now(*this)) return;
  if (incarnation != alive) return;
  if (!saved) return perform(core_->persist_failed(world_.events().now()));
  set_timer();
}

void SentinelProcess::perform_effect(sentinel::Effect& effect) {
  if (auto* connecting = std::get_if<sentinel::ConnectLink>(&effect)) {
    connect(*connecting);
  } else if (auto* closing = std::get_if<sentinel::CloseLink>(&effect)) {
    const auto found = links_.find(closing->link);
    if (found == links_.end()) return;
    world_.client_closed(*this, *found->second.server, closing->link);
    links_.erase(found);
  } else {
    send(std::get<sentinel::SendRequest>(effect));
  }
}

void SentinelProcess::connect(const sentinel::ConnectLink& connect) {
  Process* server = world_.process_at(connect.address);
  links_[connect.link] = Outgoing{.server = server, .kind = connect.kind};
  HOLDFAST_ASSERT(server != nullptr);
  const ClientLink client{index_, incarnation, connect.link, connect.kind};
  world_.network().send(host, server->host, [this, server, client] {
    if (!server->up) {
      const auto how = server->vanished ? sentinel::LinkEnd::lost : sentinel::LinkEnd::refused;
      return world_.network().send(server->host, host, [this, client, how] {
        execute(world_.events(), client.incarnation, [this, client, how] { link_down(client.link, how); });
      });
    }
    // The kernel accepts also for a process that is stalled.
    const uint64_t server_incarnation = server->incarnation;
    world_.accepted(*server, client);
    world_.network().send(server->host, host, [this, client, server_incarnation] {
      execute(world_.events(), client.incarnation, [this, client, server_incarnation] {
        link_up(client.link, server_incarnation);
      });
    });
  });
}

void SentinelProcess::send(const sentinel::SendRequest& send) {
  const auto found = links_.find(send.link);
  if (found == links_.end()) return;
  Process* server = found->second.server;
  world_.sending(*this, *server, send.request);
  const uint64_t meant = found->second.server_incarnation;
  const ClientLink client{index_, incarnation, send.link, found->second.kind};
  world_.network().send(host, server->host, [this, server, meant, client, send] {
    if (!server->up || server->incarnation != meant) {  // its kernel knows no such connection
      return world_.network().send(server->host, host, [this, client] {
        execute(world_.events(), client.incarnation, [this, client] { link_down(client.link); });
      });
    }
    server->execute(world_.events(), meant, [this, server, client, send] { world_.serve(*server, client, send); });
  });
}

void SentinelProcess::link_up(sentinel::LinkId link, uint64_t server_incarnation) {
  const auto found = links_.find(link);
  if (found == links_.end() || found->second.server_incarnation != 0) return;
  found->second.server_incarnation = server_incarnation;
  perform(core_->link_up(link, address.host, world_.events().now()));
}

void SentinelProcess::link_down(sentinel::LinkId link, sentinel::LinkEnd how) {
  if (links_.erase(link) == 0) return;
  perform(core_->link_down(link, world_.events().now(), how));
}

void SentinelProcess::replied(sentinel::LinkId link, sentinel::RequestId id, std::vector<sentinel::Reply> replies) {
  if (!links_.contains(link)) return;
  perform(core_->replied(link, id, replies, world_.events().now()));
}

void SentinelProcess::hello(sentinel::LinkId link, const std::string& text) {
  if (!links_.contains(link)) return;
  perform(core_->hello_on_link(link, text, world_.events().now()));
}

void SentinelProcess::failover(const std::string& name, const sentinel::FailoverOrder& order) {
  perform(core_->failover(name, order, world_.events().now()).actions);
}

// A peer's request.
void SentinelProcess::serve(const ClientLink& client, const sentinel::SendRequest& send) {
  using sentinel::Reply;
  const sentinel::Request& request = send.request;
  const auto reply = [&](Reply value) { world_.reply(*this, client, send.id, {std::move(value)}); };
  switch (request.kind) {
    case sentinel::Request::Kind::ping: return reply(Reply::status("PONG"));
    case sentinel::Request::Kind::publish_hello:
      reply(Reply::number(1));
      return perform(core_->hello_published(request.text, world_.events().now()));
    case sentinel::Request::Kind::ask_master_down: {
      auto [answer, actions] = core_->ask({request.target, request.epoch, request.candidate}, world_.events().now());
      return perform(std::move(actions), [&, answer = answer](bool saved) {
        const sentinel::BallotAnswer given = saved ? answer : answer.without_vote();
        if (given.leader) world_.voted(*this, *given.leader, given.leader_epoch, request.target);
        reply(Reply::array({Reply::number(given.down ? 1 : 0),
                            Reply::bulk(given.leader ? given.leader->str() : "*"),
                            Reply::number(static_cast<int64_t>(given.leader_epoch.value))}));
      });
    }
    case sentinel::Request::Kind::ask_configuration:
      return serve_configuration(client, send);
    default: return reply(Reply::error("ERR unknown command"));
  }
}

void SentinelProcess::serve_configuration(const ClientLink& client, const sentinel::SendRequest& send) {
  using sentinel::Reply;
  const auto fields = core_->primary_fields(send.request.text, world_.events().now());
  const auto address = core_->primary_address(send.request.text);
  if (!fields || !address) return;
  std::vector<Reply> map;
  for (const auto& [name, value] : *fields) {
    map.push_back(Reply::bulk(std::string(name)));
    map.push_back(Reply::bulk(value));
  }
  auto [answer, actions] =
      core_->ask({send.request.target, sentinel::Epoch{}, send.request.candidate}, world_.events().now());
  perform(std::move(actions), [&, answer = answer](bool saved) {
    const sentinel::BallotAnswer given = saved ? answer : answer.without_vote();
    world_.reply(
        *this, client, send.id,
        {Reply::array(map), Reply::array({Reply::bulk(address->host), Reply::bulk(std::to_string(address->port))}),
         Reply::array({Reply::number(given.down ? 1 : 0), Reply::bulk(given.leader ? given.leader->str() : "*"),
                       Reply::number(static_cast<int64_t>(given.leader_epoch.value))})});
  });
}

void SentinelProcess::set_timer() {
  const Instant deadline = core_->next_deadline();
  if (deadline >= timer_at_) return;
  timer_at_ = deadline;
  world_.events().at(deadline, [this, meant = incarnation, deadline] {
    execute(world_.events(), meant, [this, deadline] { on_timer(deadline); });
  });
}

void SentinelProcess::on_timer(Instant when) {
  if (when != timer_at_) return;  // an earlier one took its place
  timer_at_ = Instant::max();
  if (core_->next_deadline() <= world_.events().now()) {
    perform(core_->advance(world_.events().now()));
  } else {
    set_timer();
  }
}

}  // namespace holdfast::simulation
