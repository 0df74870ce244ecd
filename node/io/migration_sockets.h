// MIGRATE's connections to other servers: blocking exchanges with a timeout for each step, over sockets that are kept
// for a while after use.
//
// Executor thread only. A connection that failed, or that has sent more than it was asked for, is closed. One that was
// kept may have been closed by the peer meanwhile: the exchange is then tried once more on a fresh one, unless a key
// has been taken already.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/resp/reply.h"
#include "node/commands/migration_peers.h"

namespace holdfast::node {

class MigrationSockets final : public MigrationPeers {
 public:
  static constexpr size_t kMostCached = 64;
  static constexpr Seconds kIdleLife{10};

  explicit MigrationSockets(const Clock& clock);
  ~MigrationSockets() override;

  MigrationResult migrate(const Migration& migration) override;
  size_t cached_connections() const override { return peers_.size(); }
  // Now and then: closes what nobody has used for kIdleLife.
  void tick();

 private:
  class Connection;
  struct Attempt {
    MigrationResult result;
    bool timed_out = false;
    bool reusable = false;
  };
  Attempt exchange(Connection& peer, const Migration& migration) const;
  void keep(const std::string& name, std::unique_ptr<Connection> peer);

  const Clock& clock_;
  std::map<std::string, std::unique_ptr<Connection>> peers_;  // by "host:port"
};

}  // namespace holdfast::node
