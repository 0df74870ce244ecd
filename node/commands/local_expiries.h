// The keys with an expiry that clients wrote on a writable replica itself. The primary knows nothing of them and will
// never send their DEL, so the replica must expire them on its own.
//
// A name stays here until its key has gone or lost its expiry; that is noticed when the round comes to it. Executor
// thread only.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "node/keyspace/keyspace.h"

namespace holdfast::node {

class LocalExpiries {
 public:
  // A client changed this key on the replica.
  void note(const Keyspace& keys, int db, std::string_view key);
  void forget_database(int db);
  void clear() { names_.clear(); }
  size_t size() const { return names_.size(); }
  // Looks at up to `budget` names, going round, and removes the keys whose time has come. Leaves the keyspace in the
  // mode that removes the expired.
  void expire(Keyspace& keys, WallTime now, size_t budget);

 private:
  using Name = std::pair<int, std::string>;
  std::set<Name> names_;
  Name next_;  // where the round goes on
};

}  // namespace holdfast::node
