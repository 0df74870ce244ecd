// Where large things go to be freed when the executor should not spend the time.
//
// What is handed over belongs to the reclaimer alone: nothing in the keyspace refers to it any more. Executor thread
// only; an implementation may free on another thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "node/keyspace/dict.h"
#include "node/keyspace/entry.h"

namespace holdfast::node {

// An entry with its value, a value's bytes or elements, or the table of a whole database.
using Garbage = std::variant<EntryPtr, std::string, std::unique_ptr<Object>, Dict>;

class Reclaimer {
 public:
  virtual ~Reclaimer() = default;
  // `objects`: how many keys or values that is, for the counters.
  virtual void reclaim(Garbage garbage, size_t objects) = 0;
  virtual uint64_t pending_objects() const = 0;
  virtual uint64_t freed_objects() const = 0;
  virtual void reset_freed_objects() = 0;
};

// What freeing an entry costs, about in frees of a small block; a collection's will be its number of blocks.
size_t free_effort(const Entry& entry);
// Above this a hand-over is cheaper than the freeing itself: a string of 64 KB.
constexpr size_t kLazyFreeEffort = 64;

}  // namespace holdfast::node
