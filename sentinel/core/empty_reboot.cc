#include "sentinel/core/empty_reboot.h"

#include <algorithm>

namespace holdfast::sentinel {

namespace {

bool has_loaded_nothing(const NodeInfo& info) {
  return info.keys == 0 || (info.keys_loaded == uint64_t{0} && !info.logs_writes);
}

}  // namespace

void EmptyReboot::seen(const RunId& process) {
  if (process_ == process) return;
  const bool restarted = process_.has_value();
  *this = {};
  process_ = process;
  undecided_ = restarted;
}

void EmptyReboot::judge(const NodeInfo& info, const Lineage& lineage, Instant now) {
  if (!undecided_ || info.loading) return;
  undecided_ = false;
  if (info.role != Role::primary || !info.replication_id || lineage.continued_by(info)) return;
  if (!has_loaded_nothing(info)) return;
  since_ = now;
  before_ = lineage;
}

Place EmptyReboot::place(const NodeInfo& replica, const Lineage& lineage) const {
  if (!since_) return lineage.place(replica);
  return before_.continued_by(replica) ? before_.place(replica) : std::max(lineage.place(replica), Place::empty);
}

}  // namespace holdfast::sentinel
