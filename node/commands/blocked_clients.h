// The clients that wait for keys (BLPOP, BZPOPMIN, XREAD BLOCK ...): who waits for what, in which order, and which of the
// keys have been touched since. Pure; executor thread only.
//
// A waiter is known by its client's id; a client waits at most once. Order is by arrival: of several waiters for one key
// the one that came first is served first. What serving means is the caller's affair (Node::serve_blocked runs the
// command again).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/time/clock.h"
#include "node/transactions/transaction.h"

namespace holdfast::node {

// What is answered where nobody can wait. (One whose time is up gets a null array from Redis, whatever it waits in.)
enum class BlockedReply : uint8_t { null_array, null };

class BlockedClients {
 public:
  using Key = std::pair<int, std::string>;  // database, name
  struct Waiter {
    std::vector<Key> keys;
    OwnedCommand command;  // to be run again
    Instant deadline = Instant::max();
    bool when_gone = false;  // to be run as well when the key has gone (XREADGROUP)
    uint64_t ticket = 0;     // set by add()
  };

  bool empty() const { return waiters_.empty(); }
  size_t size() const { return waiters_.size(); }
  const Waiter* find(uint64_t client) const;

  void add(uint64_t client, Waiter waiter);
  // False when the client does not wait.
  bool remove(uint64_t client);

  // The key has changed, come or gone; noted when somebody waits for it.
  void touched(int db, std::string_view key) {
    if (!keys_.empty()) note(db, key);
  }
  // All of the database's keys may have.
  void touched_all(int db);
  bool any_ready() const { return !ready_.empty(); }
  // Takes the key that was touched first.
  std::optional<Key> next_ready();
  // Those who wait for it now, in their order.
  std::vector<uint64_t> waiting_for(const Key& key) const;

  Instant deadline() const { return deadlines_.empty() ? Instant::max() : deadlines_.begin()->first; }
  std::vector<uint64_t> overdue(Instant now) const;
  std::vector<uint64_t> all() const;

 private:
  struct Queue {
    std::map<uint64_t, uint64_t> clients;  // by ticket
    bool ready = false;                    // in ready_
  };
  // Keys are found by a view, without a copy: every write asks while somebody waits.
  struct KeyLess {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return a.first != b.first ? a.first < b.first : std::string_view(a.second) < std::string_view(b.second);
    }
  };
  void note(int db, std::string_view key);

  std::map<uint64_t, Waiter> waiters_;  // by client
  std::map<Key, Queue, KeyLess> keys_;
  std::set<std::pair<Instant, uint64_t>> deadlines_;
  std::vector<Key> ready_;
  uint64_t next_ticket_ = 1;
};

}  // namespace holdfast::node
