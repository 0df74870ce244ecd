// The keys of one database whose values have elements with an expiry of their own (fields of hashes), in the order in
// which the next one is due. Costs nothing where there are none. Executor thread only.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "node/types/object.h"

namespace holdfast::node {

class ElementExpiryQueue {
 public:
  struct Due {
    int64_t expires_ms;
    std::string key;
    auto operator<=>(const Due&) const = default;
  };

  bool empty() const { return queue_.empty(); }
  size_t size() const { return queue_.size(); }
  const Due& front() const { return *queue_.begin(); }
  // `expires_ms` is the value's next_expiry_ms(); nothing is done where it has none.
  void add(std::string_view key, int64_t expires_ms) {
    if (expires_ms != Object::kNoElementExpiry) queue_.insert({expires_ms, std::string(key)});
  }
  void remove(std::string_view key, int64_t expires_ms) {
    if (expires_ms != Object::kNoElementExpiry) queue_.erase({expires_ms, std::string(key)});
  }
  void move(std::string_view key, int64_t from_ms, int64_t to_ms) {
    remove(key, from_ms);
    add(key, to_ms);
  }
  void clear() { queue_.clear(); }

 private:
  std::set<Due> queue_;
};

}  // namespace holdfast::node
