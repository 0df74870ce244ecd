#include "node/replication/psync.h"

#include <fmt/format.h>

#include "common/base/text.h"

namespace holdfast::node {

PsyncDecision decide_psync(const ReplicationLog& log, std::string_view id, int64_t offset) {
  const bool same = iequals(id, log.id().view());
  const bool second = !log.id2().is_zero() && iequals(id, log.id2().view());
  if (!same && !(second && offset <= log.second_offset())) {
    if (id == "?") return {};
    if (!second) {
      return {.reason = fmt::format("Partial resynchronization not accepted: Replication ID mismatch (Replica asked for "
                                    "'{}', my replication IDs are '{}' and '{}')",
                                    id.substr(0, RunId::kLength), log.id().view(), log.id2().view())};
    }
    return {.reason = fmt::format("Partial resynchronization not accepted: Requested offset for second ID was {}, but I "
                                  "can reply up to {}",
                                  offset, log.second_offset())};
  }
  // `offset - 1` would overflow for the least offset; below 1 there is nothing anyway.
  if (!log.active() || offset < 1 || !log.stream().covers(offset - 1)) {
    return {.reason = fmt::format("Unable to partial resync with replica for lack of backlog (Replica request was: {}).",
                                  offset)};
  }
  return {.resume = true, .position = offset - 1};
}

}  // namespace holdfast::node
