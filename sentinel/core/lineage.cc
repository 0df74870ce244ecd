#include "sentinel/core/lineage.h"

#include <algorithm>

namespace holdfast::sentinel {

namespace {

constexpr size_t kMaxHistories = 16;

}  // namespace

bool Lineage::has(const RunId& id) const { return std::find(ids_.begin(), ids_.end(), id) != ids_.end(); }

void Lineage::add(const RunId& id) {
  std::erase(ids_, id);
  if (ids_.size() >= kMaxHistories) ids_.erase(ids_.begin());
  ids_.push_back(id);
}

void Lineage::learn(const NodeInfo& info) {
  if (!info.replication_id) return;
  settled_ = info.role == Role::replica || !info.replicas.empty();
  if (!ids_.empty() && ids_.back() == *info.replication_id) return;
  fork_ = 0;
  if (info.previous_id) {
    add(*info.previous_id);
    fork_ = info.fork_offset;
  }
  add(*info.replication_id);
}

Place Lineage::place(const NodeInfo& info) const {
  if (ids_.empty() || !info.replication_id) return Place::current;
  const RunId& current = ids_.back();
  // The second: promoted already, by somebody else or by an order whose answer was lost.
  if (*info.replication_id == current || info.previous_id == current) return Place::current;
  const uint64_t offset = info.role == Role::primary ? info.primary_offset : info.offset;
  const bool before_current = ids_.size() >= 2 && *info.replication_id == ids_[ids_.size() - 2];
  if (before_current && offset < fork_) return Place::current;  // behind, on the same line
  if (has(*info.replication_id) || (info.previous_id && has(*info.previous_id))) return Place::older;
  if (info.keys == 0 && !info.loading) return Place::empty;
  return settled_ ? Place::foreign : Place::older;
}

bool Lineage::continued_by(const NodeInfo& info) const {
  return (info.replication_id && has(*info.replication_id)) || (info.previous_id && has(*info.previous_id));
}

}  // namespace holdfast::sentinel
