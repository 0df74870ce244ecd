// A driver of one Sentinel for tests: servers that answer at once, as each test scripts them, and time that moves from one
// deadline to the next. Everything sent and reported is kept.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sentinel/core/sentinel.h"

namespace holdfast::sentinel::test {

inline RunId id(char digit) { return *RunId::parse(std::string(40, digit)); }

struct FakeServer {
  bool refuses = false;   // connections
  bool vanished = false;  // no connection is refused by it: nothing answers
  bool silent = false;   // takes requests, answers nothing
  Reply ping = Reply::status("PONG");
  bool is_primary = false;
  Endpoint follows;
  bool link_up = true;
  uint64_t offset = 100;
  int priority = 100;
  std::vector<Endpoint> replicas;
  bool refuses_role = false;
  bool refuses_hellos = false;
  bool refuses_info = false;
  std::string version = "7.0.15";
  std::string history;  // replication id; "": it tells none
  uint64_t keys = 10;
  std::string run_id;  // "": it tells none
  std::string more;    // lines of INFO besides
  enum class OnFailover {
    succeeds,
    hangs,      // nothing comes of it
    refuses,
    goes_back,  // the target takes over, but this one remains a primary
  } on_failover = OnFailover::succeeds;
  // Of a sentinel: its answer to an ask; [0, "*", 0] by default.
  std::function<Reply(const Request&)> answer;
  std::vector<Request> received;
  // Of a sentinel: the configuration it has, and the epoch of its newest vote. Nothing: it knows no such primary.
  struct Configuration {
    Endpoint address;
    uint64_t epoch = 0;
    uint64_t voted = 0;
    std::string flags = "master";
  };
  std::optional<Configuration> configured;

  std::vector<Reply> configuration(const Request&) const {
    const Reply number = Reply::number(0);
    if (!configured) {
      return {Reply::error("ERR No such master with that name"), Reply{},
              Reply::array({number, Reply::bulk("*"), number})};
    }
    const std::string port = std::to_string(configured->address.port);
    return {Reply::array({Reply::bulk("flags"), Reply::bulk(configured->flags), Reply::bulk("config-epoch"),
                          Reply::bulk(std::to_string(configured->epoch))}),
            Reply::array({Reply::bulk(configured->address.host), Reply::bulk(port)}),
            Reply::array({number, Reply::bulk("*"), Reply::number(static_cast<int64_t>(configured->voted))})};
  }

  std::string info() const {
    std::string head = "redis_version:" + version + "\r\n";
    if (!run_id.empty()) head += "run_id:" + run_id + "\r\n";
    head += more;
    if (!history.empty()) head += "master_replid:" + history + "\r\n";
    if (keys > 0) head += "db0:keys=" + std::to_string(keys) + ",expires=0,avg_ttl=0\r\n";
    if (is_primary) {
      std::string text = head + "role:master\r\n";
      for (size_t i = 0; i < replicas.size(); ++i) {
        text += "slave" + std::to_string(i) + ":ip=" + replicas[i].host + ",port=" + std::to_string(replicas[i].port) +
                ",state=online,offset=1,lag=0\r\n";
      }
      return text + "master_repl_offset:" + std::to_string(offset) + "\r\n";
    }
    return head + "role:slave\r\nmaster_host:" + follows.host + "\r\nmaster_port:" + std::to_string(follows.port) +
           "\r\nmaster_link_status:" + (link_up ? "up" : "down") +
           "\r\nmaster_link_down_since_seconds:0\r\nslave_repl_offset:" + std::to_string(offset) +
           "\r\nslave_priority:" + std::to_string(priority) + "\r\n";
  }
  size_t count(Request::Kind kind) const {
    size_t n = 0;
    for (const Request& request : received) n += request.kind == kind ? 1 : 0;
    return n;
  }
  const Request* last(Request::Kind kind) const {
    for (auto it = received.rbegin(); it != received.rend(); ++it) {
      if (it->kind == kind) return &*it;
    }
    return nullptr;
  }
};

class Harness {
 public:
  explicit Harness(PersistentState state, Faults faults = {}, Timings timings = {})
      : core({.state = std::move(state), .listen_port = 26379, .seed = 1, .timings = timings, .faults = faults}, now) {}

  void start() { perform(core.start(now)); }

  void perform(Actions actions) {
    const auto enqueue = [this](std::vector<Effect>& effects) {
      queue_.insert(queue_.end(), std::make_move_iterator(effects.begin()), std::make_move_iterator(effects.end()));
    };
    enqueue(actions.sends);
    bool saved = true;
    if (actions.persist_first) {
      now += save_time;
      saved = !save_fails;
      if (saved) {
        saved_state = *actions.persist_first;
        ++saves;
      }
    }
    if (saved) enqueue(actions.after_persist);
    for (Notice& notice : actions.notices) notices.push_back(notice.log_line());
    for (FailoverRecord& record : actions.records) records.push_back(std::move(record));
    if (!saved) perform(core.persist_failed(now));
    if (actions.persist_first && save_time > Nanos(0)) perform(core.advance(now));  // events that waited for the disk
    if (draining_) return;  // what an answer leads to comes after what was on its way
    draining_ = true;
    while (!queue_.empty()) {
      Effect effect = std::move(queue_.front());
      queue_.pop_front();
      execute(effect);
    }
    draining_ = false;
  }

  // Moves time on, acting at each deadline.
  void run_for(Nanos duration) {
    const Instant end = now + duration;
    for (int i = 0; i < 200000 && core.next_deadline() <= end; ++i) {
      now = std::max(now, core.next_deadline());
      perform(core.advance(now));
    }
    ASSERT_GT(core.next_deadline(), end);
    now = end;
  }
  // True if `condition` became true within `limit`.
  bool run_until(const std::function<bool()>& condition, Nanos limit) {
    const Instant end = now + limit;
    while (!condition()) {
      if (core.next_deadline() > end) return false;
      now = std::max(now, core.next_deadline());
      perform(core.advance(now));
    }
    return true;
  }

  FakeServer& server(const Endpoint& address) { return servers[address]; }

  void disconnect(const Endpoint& address) {
    std::vector<LinkId> closed;
    for (const auto& [link, target] : links) {
      if (target.first == address) closed.push_back(link);
    }
    for (const LinkId link : closed) {
      links.erase(link);
      perform(core.link_down(link, now));
    }
  }
  void kill(const Endpoint& address) {
    server(address).refuses = true;
    disconnect(address);
  }

  BallotAnswer ask(const Ballot& ballot) {
    auto [answer, actions] = core.ask(ballot, now);
    last_ask_saved_first = actions.persist_first != nullptr;
    const bool failed = actions.persist_first && save_fails;
    perform(std::move(actions));
    return failed ? answer.without_vote() : answer;
  }

  bool noticed(const std::string& prefix) const { return index_of(prefix) != notices.size(); }
  size_t index_of(const std::string& prefix) const {
    for (size_t i = 0; i < notices.size(); ++i) {
      if (notices[i].starts_with(prefix)) return i;
    }
    return notices.size();
  }
  size_t times_noticed(const std::string& prefix) const {
    size_t n = 0;
    for (const std::string& notice : notices) n += notice.starts_with(prefix) ? 1 : 0;
    return n;
  }

  Instant now{std::chrono::hours(1)};
  Sentinel core;
  std::map<Endpoint, FakeServer> servers;
  std::map<LinkId, std::pair<Endpoint, LinkKind>> links;  // up
  std::vector<ConnectLink> connects;
  std::vector<std::string> notices;
  std::vector<FailoverRecord> records;
  std::optional<PersistentState> saved_state;
  int saves = 0;
  bool save_fails = false;
  Nanos save_time{0};
  bool last_ask_saved_first = false;

 private:
  std::deque<Effect> queue_;
  bool draining_ = false;

  void execute(Effect& effect) {
    if (const auto* connect = std::get_if<ConnectLink>(&effect)) {
      connects.push_back(*connect);
      if (server(connect->address).refuses) {
        return perform(
            core.link_down(connect->link, now, server(connect->address).vanished ? LinkEnd::lost : LinkEnd::refused));
      }
      links[connect->link] = {connect->address, connect->kind};
      perform(core.link_up(connect->link, "10.9.9.9", now));
    } else if (const auto* close = std::get_if<CloseLink>(&effect)) {
      links.erase(close->link);
    } else {
      serve(std::get<SendRequest>(effect));
    }
  }

  void serve(const SendRequest& send) {
    const auto link = links.find(send.link);
    if (link == links.end()) return;
    FakeServer& target = server(link->second.first);
    target.received.push_back(send.request);
    if (target.silent) return;
    std::vector<Reply> replies;
    const Reply denied = Reply::error("NOPERM this user has no permissions to run this command");
    switch (send.request.kind) {
      case Request::Kind::ping: replies = {target.ping}; break;
      case Request::Kind::info: replies = {target.refuses_info ? denied : Reply::bulk(target.info())}; break;
      case Request::Kind::publish_hello: replies = {target.refuses_hellos ? denied : Reply::number(1)}; break;
      case Request::Kind::script_kill: replies = {Reply::status("OK")}; break;
      case Request::Kind::ask_master_down:
        replies = {target.answer ? target.answer(send.request)
                                 : Reply::array({Reply::number(0), Reply::bulk("*"), Reply::number(0)})};
        break;
      case Request::Kind::ask_configuration:
        replies = target.configuration(send.request);
        break;
      case Request::Kind::change_role: replies = change_role(target, send.request); break;
      case Request::Kind::role: replies = {role(target)}; break;
      case Request::Kind::hand_over: replies = {hand_over(target, send.request)}; break;
      case Request::Kind::keep_role: replies = {Reply::status("OK")}; break;
    }
    perform(core.replied(send.link, send.id, replies, now));
  }

  static Reply role(const FakeServer& target) {
    return target.is_primary ? Reply::array({Reply::bulk("master"), Reply::number(100), Reply::array({})})
                             : Reply::array({Reply::bulk("slave"), Reply::bulk(target.follows.host)});
  }

  Reply hand_over(FakeServer& primary, const Request& request) {
    if (primary.on_failover == FakeServer::OnFailover::refuses) {
      return Reply::error("NOPERM this user has no permissions to run the 'failover' command");
    }
    if (primary.on_failover != FakeServer::OnFailover::hangs) server(request.target).is_primary = true;
    if (primary.on_failover == FakeServer::OnFailover::succeeds) {
      primary.is_primary = false;
      primary.follows = request.target;
    }
    return Reply::status("OK");
  }

  static std::vector<Reply> change_role(FakeServer& target, const Request& request) {
    const Reply queued = Reply::status("QUEUED");
    if (target.refuses_role) {
      const Reply denied = Reply::error("NOPERM this user has no permissions to run the 'slaveof' command");
      return {denied, denied, denied, denied, denied, Reply::error("ERR EXEC without MULTI"), denied};
    }
    target.is_primary = request.target.host.empty();
    if (!target.is_primary) target.follows = request.target;
    return {Reply::status("OK"),
            queued,
            queued,
            queued,
            queued,
            Reply::array({Reply::status("OK"), Reply::error("ERR The server is running without a config file"),
                          Reply::number(2), Reply::number(1)}),
            role(target)};
  }
};

inline Reply ballot(bool down, const RunId& leader, uint64_t epoch) {
  return Reply::array({Reply::number(down ? 1 : 0), Reply::bulk(leader.str()), Reply::number(static_cast<int64_t>(epoch))});
}

const Endpoint kPrimary{"10.0.0.1", 6379};
const Endpoint kReplica1{"10.0.0.2", 6379};
const Endpoint kReplica2{"10.0.0.3", 6379};
const Endpoint kPeer1{"10.0.1.1", 26379};
const Endpoint kPeer2{"10.0.1.2", 26379};

// Primary, two replicas, two peers (ids 'b' and 'c', which agree and vote for whoever asks); this one is 'a'.
inline PersistentState usual_state() {
  PersistentPrimary primary;
  primary.name = "mymaster";
  primary.address = kPrimary;
  primary.settings.quorum = 2;
  primary.settings.down_after = Millis(1000);
  primary.settings.failover_timeout = Millis(6000);
  primary.replicas = {kReplica1, kReplica2};
  primary.sentinels = {{kPeer1, id('b')}, {kPeer2, id('c')}};
  return {.run_id = id('a'), .current_epoch = Epoch{4}, .globals = {}, .primaries = {primary}};
}

inline void script_usual(Harness& harness) {
  harness.server(kPrimary).is_primary = true;
  harness.server(kPrimary).replicas = {kReplica1, kReplica2};
  harness.server(kReplica1).follows = kPrimary;
  harness.server(kReplica2).follows = kPrimary;
  for (const Endpoint& peer : {kPeer1, kPeer2}) {
    harness.server(peer).answer = [](const Request& request) {
      return request.candidate ? ballot(true, *request.candidate, request.epoch.value)
                               : Reply::array({Reply::number(1), Reply::bulk("*"), Reply::number(0)});
    };
  }
}

struct UsualHarness : Harness {
  explicit UsualHarness(PersistentState state = usual_state(), Faults faults = {}) : Harness(std::move(state), faults) {
    script_usual(*this);
    start();
    run_for(Millis(3000));
  }
};

}  // namespace holdfast::sentinel::test
