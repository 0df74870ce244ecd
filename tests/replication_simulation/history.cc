#include "tests/replication_simulation/history.h"

#include <algorithm>

namespace holdfast::replication_simulation {

void History::begin(const RunId& id, int64_t offset, uint64_t digest) {
  lines_.try_emplace(id, Line{std::nullopt, {{offset, digest}}});
}

void History::branch(const RunId& id, const RunId& parent, int64_t offset, uint64_t digest) {
  if (id != parent) lines_.try_emplace(id, Line{parent, {{offset, digest}}});
}

bool History::write(const RunId& id, int64_t offset, uint64_t digest) {
  const auto it = lines_.find(id);
  if (it == lines_.end()) return false;
  auto& points = it->second.points;
  if (offset > points.back().first) {
    points.emplace_back(offset, digest);
    return true;
  }
  return digest_at(id, offset) == digest;
}

std::optional<uint64_t> History::digest_at(const RunId& id, int64_t offset) const {
  auto it = lines_.find(id);
  while (it != lines_.end() && offset < it->second.points.front().first) {
    if (!it->second.parent) return std::nullopt;
    it = lines_.find(*it->second.parent);
  }
  if (it == lines_.end()) return std::nullopt;
  const auto& points = it->second.points;
  const auto point = std::lower_bound(points.begin(), points.end(), std::pair<int64_t, uint64_t>{offset, 0});
  if (point == points.end() || point->first != offset) return std::nullopt;
  return point->second;
}

bool History::is_prefix(const RunId& of, const RunId& id, int64_t offset) const {
  auto it = lines_.find(of);
  if (it == lines_.end()) return false;
  int64_t limit = it->second.points.back().first;
  while (it->first != id) {
    limit = it->second.points.front().first;
    if (!it->second.parent) return false;
    it = lines_.find(*it->second.parent);
    if (it == lines_.end()) return false;
  }
  return offset <= limit;
}

}  // namespace holdfast::replication_simulation
