// The slow log: the last commands that took longer than a threshold. Executor thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/time/clock.h"

namespace holdfast::node {

class Slowlog {
 public:
  struct Item {
    uint64_t id;
    int64_t unix_seconds;
    int64_t microseconds;
    std::vector<std::string> args;  // shortened as Redis does: 32 arguments of 128 bytes at most
    std::string address, client_name;
  };

  void add(std::span<const std::string_view> args, int64_t unix_seconds, Micros taken, std::string address,
           std::string client_name, size_t max_length);
  void reset() { items_.clear(); }
  void trim(size_t max_length);
  const std::deque<Item>& items() const { return items_; }  // newest first
  uint64_t next_id() const { return next_id_; }

 private:
  std::deque<Item> items_;
  uint64_t next_id_ = 0;
};

}  // namespace holdfast::node
