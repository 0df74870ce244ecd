// maxmemory-clients: what the clients' memory adds up to, and who has to go when it is too much.
//
// Clients are filed by the size of what they hold, in classes of powers of two: the next to go is one of the largest
// class, found without a search. Replicas, the primary and clients that are closing are not counted; those with
// CLIENT NO-EVICT are counted and stay. Without a limit nothing is counted. Executor thread only.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "common/server/session.h"

namespace holdfast::server {

class ClientMemory {
 public:
  // 0: no limit. The clients must be counted anew when there was none.
  void set_limit(uint64_t bytes);
  bool limited() const { return limit_ != 0; }

  // The session may hold more or less than before.
  void count(Session& session);
  // It is closing, or gone.
  void forget(Session& session);

  uint64_t total() const { return total_; }
  bool exceeded() const { return limited() && total_ > limit_; }
  // One of the largest clients that may go; null: there is none.
  Session* largest() const;

 private:
  // Up to 32 KB, 64 KB ... more than 4 GB.
  static constexpr size_t kClasses = 19;
  static size_t class_of(size_t bytes);
  void unfile(Session& session);

  uint64_t limit_ = 0;
  uint64_t total_ = 0;
  std::array<std::vector<Session*>, kClasses> classes_;
};

}  // namespace holdfast::server
