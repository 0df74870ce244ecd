// What MIGRATE asks of the network: hand encoded keys to another server and hear what became of each.
//
// Implemented over sockets in node/io, faked in tests. Executor thread only. As in Redis the call blocks: nothing else
// runs until the peer has answered or one step (connecting, one write, one reply) has taken longer than the timeout, so
// the keys cannot change in between.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/time/clock.h"

namespace holdfast::node {

struct Migration {
  std::string_view host;
  std::string_view port;  // as the client wrote it
  int64_t db = 0;
  std::vector<std::string_view> credentials;  // AUTH's arguments: none, a password, or a user and a password
  std::string restores;                       // RESTORE commands in RESP
  size_t count = 0;                           // how many
  Millis timeout{1000};
};

struct MigrationResult {
  enum class Failure : uint8_t { none, connecting, writing, reading };
  Failure failure = Failure::none;
  std::string refusal;  // the error that AUTH or SELECT got, without '-'; then none of the keys counts as taken
  // One for each RESTORE that was answered, in order: nothing, or its error without '-'.
  std::vector<std::optional<std::string>> replies;
};

class MigrationPeers {
 public:
  virtual ~MigrationPeers() = default;
  virtual MigrationResult migrate(const Migration& migration) = 0;
  virtual size_t cached_connections() const = 0;
};

}  // namespace holdfast::node
