#include "common/server/pubsub.h"

#include <algorithm>

#include "common/base/text.h"

namespace holdfast::server {

namespace {

struct Words {
  std::string_view subscribe, unsubscribe;
};

Words words(PubSub::Kind kind) {
  switch (kind) {
    case PubSub::Kind::channel: return {"subscribe", "unsubscribe"};
    case PubSub::Kind::pattern: return {"psubscribe", "punsubscribe"};
    case PubSub::Kind::shard: return {"ssubscribe", "sunsubscribe"};
  }
  return {};
}

std::unordered_set<std::string>& names(Session& session, PubSub::Kind kind) {
  switch (kind) {
    case PubSub::Kind::channel: return session.channels;
    case PubSub::Kind::pattern: return session.patterns;
    case PubSub::Kind::shard: break;
  }
  return session.shard_channels;
}

// What a subscription takes: the name and its place among the client's and among the channel's listeners.
size_t subscription_bytes(std::string_view name) { return 96 + name.size(); }

// Channels and patterns are counted together in the replies; shard channels by themselves.
int64_t count(const Session& session, PubSub::Kind kind) {
  const size_t total =
      kind == PubSub::Kind::shard ? session.shard_channels.size() : session.channels.size() + session.patterns.size();
  return static_cast<int64_t>(total);
}

void confirm(Session& session, PubSub::Kind kind, std::string_view word, const std::string_view* name) {
  auto& reply = session.reply();
  const size_t begin = reply.buffer().size();
  reply.push(3);
  reply.bulk(word);
  if (name != nullptr) {
    reply.bulk(*name);
  } else {
    reply.null();
  }
  reply.integer(count(session, kind));
  session.keep_message(begin);
}

void update_type(Session& session) {
  if (session.type == ClientType::normal || session.type == ClientType::pubsub) {
    session.type = session.subscribed() ? ClientType::pubsub : ClientType::normal;
  }
}

}  // namespace

PubSub::Listeners& PubSub::table(Kind kind) {
  return kind == Kind::channel ? channels_ : kind == Kind::pattern ? patterns_ : shards_;
}

const PubSub::Listeners& PubSub::table(Kind kind) const { return const_cast<PubSub*>(this)->table(kind); }

void PubSub::subscribe(Session& session, Kind kind, std::string_view name) {
  if (names(session, kind).emplace(name).second) {
    table(kind)[std::string(name)].push_back(&session);
    session.subscription_bytes += subscription_bytes(name);
  }
  update_type(session);
  confirm(session, kind, words(kind).subscribe, &name);
}

bool PubSub::leave(Session& session, Kind kind, const std::string& name) {
  auto& listeners = table(kind);
  const auto found = listeners.find(name);
  if (found == listeners.end()) return false;
  if (std::erase(found->second, &session) == 0) return false;
  if (found->second.empty()) listeners.erase(found);
  return true;
}

void PubSub::unsubscribe(Session& session, Kind kind, std::string_view name) {
  const std::string owned(name);
  if (names(session, kind).erase(owned) > 0) {
    leave(session, kind, owned);
    session.subscription_bytes -= subscription_bytes(name);
  }
  update_type(session);
  confirm(session, kind, words(kind).unsubscribe, &name);
}

void PubSub::unsubscribe_all(Session& session, Kind kind) {
  auto& mine = names(session, kind);
  if (mine.empty()) return confirm(session, kind, words(kind).unsubscribe, nullptr);
  while (!mine.empty()) {
    const std::string name = *mine.begin();
    unsubscribe(session, kind, name);
  }
}

void PubSub::forget(Session& session) {
  for (const Kind kind : {Kind::channel, Kind::pattern, Kind::shard}) {
    for (const auto& name : names(session, kind)) leave(session, kind, name);
    names(session, kind).clear();
  }
  session.subscription_bytes = 0;
  update_type(session);
}

int64_t PubSub::deliver(const Listeners& listeners, std::string_view word, std::string_view channel,
                        std::string_view message) {
  const auto found = listeners.find(channel);
  if (found == listeners.end()) return 0;
  for (Session* session : found->second) {
    auto& reply = session->reply();
    const size_t begin = reply.buffer().size();
    reply.push(3);
    reply.bulk(word);
    reply.bulk(channel);
    reply.bulk(message);
    session->keep_message(begin);
    session->output_ready();
  }
  return static_cast<int64_t>(found->second.size());
}

int64_t PubSub::publish(std::string_view channel, std::string_view message) {
  int64_t receivers = deliver(channels_, "message", channel, message);
  for (const auto& [pattern, sessions] : patterns_) {
    if (!glob_match(pattern, channel)) continue;
    for (Session* session : sessions) {
      auto& reply = session->reply();
      const size_t begin = reply.buffer().size();
      reply.push(4);
      reply.bulk("pmessage");
      reply.bulk(pattern);
      reply.bulk(channel);
      reply.bulk(message);
      session->keep_message(begin);
      session->output_ready();
      ++receivers;
    }
  }
  return receivers;
}

int64_t PubSub::publish_shard(std::string_view channel, std::string_view message) {
  return deliver(shards_, "smessage", channel, message);
}

std::vector<std::string_view> PubSub::channels(Kind kind, std::string_view pattern) const {
  std::vector<std::string_view> found;
  for (const auto& [name, sessions] : table(kind)) {
    if (pattern.empty() || glob_match(pattern, name)) found.push_back(name);
  }
  return found;
}

size_t PubSub::subscriber_count(Kind kind, std::string_view channel) const {
  const auto found = table(kind).find(channel);
  return found == table(kind).end() ? 0 : found->second.size();
}

}  // namespace holdfast::server
