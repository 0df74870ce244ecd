// When each of many things is next due, so that the earliest is found without a look at all the others. Things are named
// by their ids; those due at the same moment come in the order of these, so that a run can be repeated.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "common/time/clock.h"

namespace holdfast::sentinel {

class Agenda {
 public:
  void add(uint32_t id, Instant when) { entries_.emplace(when, id); }
  void remove(uint32_t id, Instant when) { entries_.erase({when, id}); }

  void move(uint32_t id, Instant from, Instant to) {
    if (from == to) return;
    auto entry = entries_.extract({from, id});
    if (!entry) return;
    entry.value().first = to;
    entries_.insert(std::move(entry));
  }

  // Instant::max() where there is nothing.
  Instant next() const { return entries_.empty() ? Instant::max() : entries_.begin()->first; }

  std::optional<uint32_t> due(Instant now) const {
    if (next() > now) return std::nullopt;
    return entries_.begin()->second;
  }

 private:
  std::set<std::pair<Instant, uint32_t>> entries_;
};

}  // namespace holdfast::sentinel
