// Channels, patterns and who listens. Executor thread only.
// Message shapes: Redis's documentation of Pub/Sub (arrays in RESP2, pushes in RESP3).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/server/session.h"

namespace holdfast::server {

class PubSub {
 public:
  enum class Kind : uint8_t { channel, pattern, shard };

  // Subscribing and leaving reply to the session, as SUBSCRIBE and its relatives do, also when nothing changes.
  void subscribe(Session& session, Kind kind, std::string_view name);
  void unsubscribe(Session& session, Kind kind, std::string_view name);
  void unsubscribe_all(Session& session, Kind kind);  // replies once for each, or once with null when there was none
  void forget(Session& session);                      // silently; for a client that goes

  // How many clients got it.
  int64_t publish(std::string_view channel, std::string_view message);
  int64_t publish_shard(std::string_view channel, std::string_view message);

  std::vector<std::string_view> channels(Kind kind, std::string_view pattern) const;  // active ones that match; "" = all
  size_t subscriber_count(Kind kind, std::string_view channel) const;
  size_t pattern_count() const { return patterns_.size(); }
  size_t channel_count() const { return channels_.size(); }
  size_t shard_channel_count() const { return shards_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Listeners = std::unordered_map<std::string, std::vector<Session*>, Hash, std::equal_to<>>;

  Listeners& table(Kind kind);
  const Listeners& table(Kind kind) const;
  bool leave(Session& session, Kind kind, const std::string& name);
  int64_t deliver(const Listeners& listeners, std::string_view word, std::string_view channel, std::string_view message);

  Listeners channels_, patterns_, shards_;
};

}  // namespace holdfast::server
